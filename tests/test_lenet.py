"""LeNet-5: its published number of parameters, and PyTorch's logits and gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.lenet import lenet5
from nnjax.training.cost import cost_table
from tests.oracles import convnets

IMAGE = jax.ShapeDtypeStruct((1, 32, 32, 1), jnp.float32)


def test_its_parameters_layer_by_layer() -> None:
    net = lenet5()
    table = cost_table(net, jax.eval_shape(net.init, jax.random.key(0)), IMAGE)
    # Weights and biases as in the paper, but for C3, which there sees some of the six maps only (1,516).
    counts = {"conv_1": 156, "conv_3": 2416, "conv_5": 48120, "dense_6": 10164, "output": 850}
    assert {row.layer: row.parameters for row in table} == counts
    assert sum(counts.values()) == 61_706
    products = {
        "conv_1": 28**2 * 150,
        "conv_3": 10**2 * 2400,
        "conv_5": 48_000,
        "dense_6": 10_080,
        "output": 840,
    }
    assert {row.layer: row.multiply_adds for row in table} == products


def test_logits_and_gradients_are_pytorchs() -> None:
    net = lenet5(classes=4)
    params = convnets.drawn(jax.tree.map(jnp.shape, jax.eval_shape(net.init, jax.random.key(0))))
    found = convnets.errors(convnets.of_small("lenet", net, params), convnets.of_case("lenet"))
    assert max(found.values()) < 1e-5, found


def test_features_by_hand_and_name() -> None:
    net, watched = lenet5(), lenet5(features=True)
    params = jax.jit(net.init)(jax.random.key(0))
    image = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype(np.float32)
    found = jax.jit(watched.apply)(params, image)
    shapes = {"conv_1": (28, 28, 6), "pool_2": (14, 14, 6), "conv_3": (10, 10, 16), "pool_4": (5, 5, 16)}
    shapes |= {"conv_5": (1, 1, 120), "dense_6": (84,), "output": (10,)}
    assert {name: leaf.shape[1:] for name, leaf in found.items()} == shapes
    np.testing.assert_allclose(found["output"], jax.jit(net.apply)(params, image), rtol=1e-5, atol=1e-6)
    filters, bias = np.asarray(params["conv_1"]["filters"]), np.asarray(params["conv_1"]["bias"])
    one = np.tanh((image[1, 3:8, 20:25] * filters[..., 4]).sum() + bias[4])
    np.testing.assert_allclose(found["conv_1"][1, 3, 20, 4], one, rtol=1e-5)
    np.testing.assert_allclose(
        found["pool_2"][0, 5, 6, 2], found["conv_1"][0, 10:12, 12:14, 2].mean(), rtol=1e-5
    )


def test_an_image_of_another_size() -> None:
    net = lenet5()
    params = jax.eval_shape(net.init, jax.random.key(0))
    with pytest.raises(ConfigError, match=r"dense wants .*480"):
        jax.eval_shape(net.apply, params, jax.ShapeDtypeStruct((1, 36, 36, 1), jnp.float32))
