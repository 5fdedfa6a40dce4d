"""The small convnet: counts, PyTorch's logits and gradients, dropout with a traced rate."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.convnet import convnet
from nnjax.training.cost import cost_table
from tests.oracles import convnets


def test_its_parameters_and_multiply_adds() -> None:
    net = convnet()
    params = jax.eval_shape(net.init, jax.random.key(0))
    table = cost_table(net, params, jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32))
    counts = {"conv_1": 320, "conv_2": 18_496, "dense": 401_536, "output": 1_290}
    assert {row.layer: row.parameters for row in table} == counts
    assert sum(counts.values()) == 421_642
    products = {"conv_1": 28**2 * 288, "conv_2": 14**2 * 288 * 64, "dense": 3136 * 128, "output": 1280}
    assert {row.layer: row.multiply_adds for row in table} == products


def test_logits_and_gradients_are_pytorchs() -> None:
    name, sizes, _ = convnets.SMALL["convnet"]
    net = convnet(**sizes)
    params = convnets.drawn(jax.tree.map(jnp.shape, jax.eval_shape(net.init, jax.random.key(0))))
    found = convnets.errors(convnets.of_small(name, net, params), convnets.of_case(name))
    assert max(found.values()) < 1e-5, found


def test_features_by_name() -> None:
    sizes = convnets.SMALL["convnet"][1]
    net, watched = convnet(**sizes), convnet(**sizes, features=True)
    params = jax.jit(net.init)(jax.random.key(1))
    x = jax.random.normal(jax.random.key(2), (2, 9, 11, 2))
    found = jax.jit(watched.apply)(params, x)
    shapes = {"conv_1": (9, 11, 3), "pool_1": (4, 5, 3), "conv_2": (4, 5, 4), "pool_2": (2, 2, 4)}
    assert {name: leaf.shape[1:] for name, leaf in found.items()} == shapes | {"dense": (5,), "output": (4,)}
    np.testing.assert_allclose(found["output"], jax.jit(net.apply)(params, x), rtol=1e-5, atol=1e-6)
    assert all(jnp.min(leaf) == 0 for name, leaf in found.items() if name != "output")  # after ReLU


def test_dropout_with_a_traced_rate() -> None:
    x = jax.random.normal(jax.random.key(2), (1, 8, 8, 1))

    def outputs(rate: float, train: bool = True) -> jax.Array:
        net = convnet((8, 8, 1), (2,), hidden=400, dropout=rate)
        return net.apply(net.init(jax.random.key(0)), x, key=jax.random.key(3), train=train)

    traced, fixed = jax.jit(outputs, static_argnums=1), jax.jit(outputs, static_argnums=(0, 1))
    np.testing.assert_allclose(traced(0.5, True), fixed(0.5, True), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(traced(0.5, False), fixed(0.0, True), rtol=1e-4, atol=1e-5)
    assert jnp.abs(traced(0.5, True) - traced(0.5, False)).max() > 0.05


def test_a_dropped_neuron_feeds_nothing() -> None:
    net = convnet((4, 4, 1), (2,), hidden=50, dropout=0.3)
    params = jax.jit(net.init)(jax.random.key(0))
    params["dense"] = {"weights": params["dense"]["weights"] * 0, "bias": jnp.ones(50)}
    params["output"]["weights"] = jnp.ones((50, 10))
    trained = jax.jit(lambda params, x: net.apply(params, x, key=jax.random.key(1), train=True))
    sums = trained(params, jnp.ones((200, 4, 4, 1)))[:, 0]
    survivors = np.asarray(sums) * 0.7  # each survivor gives 1 / 0.7
    np.testing.assert_allclose(survivors, np.round(survivors), atol=1e-3)
    assert 34 < survivors.mean() < 36  # 35 of 50, standard error 0.23


def test_an_image_that_is_too_small() -> None:
    with pytest.raises(ConfigError, match=r"an image \(3, 9, 1\) is too small to be halved 2 times"):
        convnet((3, 9, 1))
