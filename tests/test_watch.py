"""What the layers of a net saw, found in the net itself: equal to what `mlp_features` computes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax import Net, dense, mlp, perceptron, relu, rescale, sigmoid, tanh
from nnjax.errors import ConfigError
from nnjax.models.mlp import mlp_features
from nnjax.runner.explain.watch import layer_names, watch

INPUTS = jax.random.uniform(jax.random.key(1), (3, 4, 4)) * 16


@pytest.mark.parametrize("activation", [relu, tanh, sigmoid, jax.nn.gelu])
@pytest.mark.parametrize("hidden", [(8,), (300, 20)])  # one product below and one above SMALL_WEIGHTS
def test_every_layer_is_seen_whatever_is_around_it(activation, hidden, variant) -> None:
    plain = mlp((16, *hidden, 3), activation, dropout=0.3)
    net = rescale(plain, offset=1.0, scale=1 / 16)
    params = net.init(jax.random.key(0))
    outputs, layers = variant(lambda params, x: watch(net, params, x))(params, INPUTS)
    scaled = (INPUTS - 1) / 16
    features = mlp_features(params, scaled, activation)
    np.testing.assert_allclose(outputs, net.apply(params, INPUTS), atol=1e-6)
    np.testing.assert_allclose(layers["layer_0"].inputs, scaled.reshape(3, 16), atol=1e-6)
    assert list(layers) == list(features)
    for (name, layer), after in zip(layers.items(), [*list(layers)[1:], None], strict=True):
        np.testing.assert_allclose(layer.aggregation, features[name]["aggregation"], atol=1e-5)
        if after is not None:
            np.testing.assert_allclose(layers[after].inputs, features[name]["activation"], atol=1e-5)


def test_one_neuron_and_integers() -> None:
    net = perceptron(2)
    params = {"layer_0": {"weights": jnp.array([[4.0], [5.0]]), "bias": jnp.array([-6.0])}}
    _, layers = watch(net, params, jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]], jnp.uint8))
    assert layers["layer_0"].aggregation[:, 0].tolist() == [-6.0, -1.0, -2.0, 3.0]


def test_what_is_no_mlp_is_named() -> None:
    with pytest.raises(ConfigError, match=r"multilayer perceptrons.*this run has conv_0, dense"):
        layer_names({"conv_0": {}, "dense": {}})
    filters = {"layer_0": {"weights": jnp.ones((3, 3, 1, 2)), "bias": jnp.ones(2)}}
    with pytest.raises(ConfigError, match="multilayer perceptrons"):
        layer_names(filters)
    params = mlp((4, 4)).init(jax.random.key(0))
    twice = Net(lambda key: params, lambda p, x, **_: dense(p["layer_0"], dense(p["layer_0"], x)))
    with pytest.raises(ConfigError, match="layer_0 is used 2 times"):
        watch(twice, params, jnp.ones((1, 4)))
    never = Net(lambda key: params, lambda p, x, **_: x)
    with pytest.raises(ConfigError, match="layer_0 is used 0 times"):
        watch(never, params, jnp.ones((1, 4)))
