"""mlp: against a NumPy forward pass, the hand-made XOR net, dropout's place, and the errors."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.activations import tanh, unit_step
from nnjax.layers.initializers import glorot_uniform, he_normal
from nnjax.models.mlp import mlp, mlp_features

KEY = jax.random.key(0)
# OR and AND of the inputs, then OR and not AND: Minsky and Papert's XOR with steps.
XOR = {
    "layer_0": {"weights": jnp.array([[1.0, 1.0], [1.0, 1.0]]), "bias": jnp.array([-0.5, -1.5])},
    "layer_1": {"weights": jnp.array([[1.0], [-1.0]]), "bias": jnp.array([-0.5])},
}
GATE = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def numpy_mlp(params, x):
    for i in range(len(params)):
        layer = params[f"layer_{i}"]
        x = np.asarray(x, np.float64) @ np.asarray(layer["weights"]) + np.asarray(layer["bias"])
        x = np.tanh(x) if i < len(params) - 1 else x
    return x


@pytest.mark.parametrize("sizes", [(4, 3), (4, 5, 3), [4, 8, 6, 3], (4, *[5] * 11, 3)])
def test_against_numpy(sizes, variant):
    net = mlp(sizes, tanh)
    params = net.init(KEY)
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    np.testing.assert_allclose(variant(net.apply)(params, x), numpy_mlp(params, x), rtol=1e-5, atol=1e-6)


def test_params_have_readable_names_and_their_initializers():
    params = mlp((4, 8, 3)).init(KEY)
    chex.assert_trees_all_equal_shapes(
        params,
        {
            "layer_0": {"weights": jnp.zeros((4, 8)), "bias": jnp.zeros(8)},
            "layer_1": {"weights": jnp.zeros((8, 3)), "bias": jnp.zeros(3)},
        },
    )
    first, second = jax.random.split(KEY, 2)
    np.testing.assert_array_equal(params["layer_0"]["weights"], he_normal(first, (4, 8)))
    np.testing.assert_array_equal(params["layer_1"]["weights"], glorot_uniform(second, (8, 3)))


def test_one_initializer_for_all():
    params = mlp((2, 3, 1), initializer=jax.nn.initializers.ones).init(KEY)
    assert float(params["layer_0"]["weights"].sum()) == 6
    assert float(params["layer_1"]["weights"].sum()) == 3


def test_xor_by_hand(variant):
    outputs = variant(mlp((2, 2, 1), unit_step).apply)(XOR, GATE)
    assert unit_step(outputs)[:, 0].tolist() == [0, 1, 1, 0]
    assert outputs[:, 0].tolist() == [-0.5, 0.5, 0.5, -0.5]  # logits: no step on the last layer


def test_features_by_hand(variant):
    features = variant(lambda params, x: mlp_features(params, x, unit_step))(XOR, GATE)
    assert features["layer_0"]["aggregation"].tolist() == [[-0.5, -1.5], [0.5, -0.5], [0.5, -0.5], [1.5, 0.5]]
    assert features["layer_0"]["activation"].tolist() == [[0, 0], [1, 0], [1, 0], [1, 1]]
    np.testing.assert_array_equal(
        features["layer_1"]["activation"], mlp((2, 2, 1), unit_step).apply(XOR, GATE)
    )
    np.testing.assert_array_equal(features["layer_1"]["aggregation"], features["layer_1"]["activation"])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
def test_images_are_flattened_and_integers_become_floats(dtype):
    net = mlp((4, 3, 2))
    params = net.init(KEY)
    images = np.array([[[0, 1], [1, 1]], [[1, 0], [0, 1]]]).astype(dtype)
    np.testing.assert_array_equal(
        net.apply(params, images), net.apply(params, images.reshape(2, 4).astype(np.float32))
    )


def test_inputs_without_rows_or_axes():
    net = mlp((1, 2))
    params = net.init(KEY)
    assert net.apply(params, jnp.zeros((0, 1))).shape == (0, 2)
    np.testing.assert_array_equal(
        net.apply(params, jnp.arange(3.0)), net.apply(params, jnp.arange(3.0)[:, None])
    )
    with pytest.raises(ConfigError, match="got a single number"):
        net.apply(params, 1.0)


def test_dropout_only_in_training_and_only_on_hidden_activations():
    ones = jax.nn.initializers.ones
    net = mlp((1, 1000, 2), dropout=0.5, initializer=ones)
    params = net.init(KEY)
    x = jnp.ones((1, 1))
    assert net.apply(params, x).tolist() == [[1000, 1000]]
    dropped = net.apply(params, x, key=KEY, train=True)[0]
    # Both outputs sum the same kept activations of value 2; the outputs themselves are never dropped.
    assert float(dropped[0]) == float(dropped[1])
    assert 900 < float(dropped[0]) < 1100
    assert float(dropped[0]) % 2 == 0


def test_layers_drop_independently():
    net = mlp((1, 64, 64, 64), dropout=0.5, initializer=lambda key, shape: jnp.eye(*shape) + (shape[0] == 1))
    y = net.apply(net.init(KEY), jnp.ones((1, 1)), key=KEY, train=True)[0]
    # One mask twice would keep half; two masks keep a quarter, of value 4.
    assert set(y.tolist()) <= {0.0, 4.0, 8.0}
    assert 5 < int((y > 0).sum()) < 28


def test_without_dropout_no_random_work_is_done():
    net = mlp((2, 3, 1), dropout=0)
    params = net.init(KEY)
    program = str(jax.make_jaxpr(lambda key: net.apply(params, jnp.ones((1, 2)), key=key, train=True))(KEY))
    assert "random" not in program
    np.testing.assert_array_equal(net.apply(params, GATE, train=True), net.apply(params, GATE))
    drops = mlp((2, 3, 1), dropout=0.5)
    assert "random" in str(jax.make_jaxpr(lambda key: drops.apply(params, GATE, key=key, train=True))(KEY))
    assert "random" not in str(jax.make_jaxpr(lambda key: drops.apply(params, GATE, key=key))(KEY))


def test_traced_dropout_rate_under_vmap():
    params = mlp((1, 400, 1), initializer=jax.nn.initializers.ones).init(KEY)

    def kept(rate):
        y = mlp((1, 400, 1), dropout=rate).apply(params, jnp.ones((1, 1)), key=KEY, train=True)
        return y[0, 0] * (1 - rate) / 400

    np.testing.assert_allclose(jax.jit(jax.vmap(kept))(jnp.array([0.0, 0.5, 0.9])), [1, 0.5, 0.1], atol=0.1)


def test_a_single_layer_has_nothing_to_drop():
    net = mlp((2, 1), dropout=0.5)
    params = net.init(KEY)
    np.testing.assert_array_equal(net.apply(params, GATE, key=KEY, train=True), net.apply(params, GATE))


def test_errors(variant):
    with pytest.raises(ConfigError, match=r"at least the sizes .* got \(4,\)"):
        mlp((4,))
    with pytest.raises(ConfigError, match="d_out must be a positive integer, got 0"):
        mlp((4, 0, 2)).init(KEY)
    net = mlp((4, 3), dropout=0.5)
    with pytest.raises(ConfigError, match=r"D = 4 .* got x \(5, 6\)"):
        variant(net.apply)(net.init(KEY), jnp.zeros((5, 2, 3)))
    deep = mlp((2, 3, 1), dropout=0.5)
    with pytest.raises(ConfigError, match="wants a key"):
        deep.apply(deep.init(KEY), GATE, train=True)
