"""Flax modules as Nets: names, values, errors before merging; fit, vmap and the cost table over them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from nnjax.errors import ConfigError
from nnjax.layers.conv import conv2d
from nnjax.layers.dense import dense
from nnjax.layers.dropout import dropout
from nnjax.layers.modules import AvgPool, Conv, Dense, MaxPool, functional
from nnjax.layers.pooling import avg_pool, max_pool
from nnjax.training.cost import cost_table
from nnjax.training.fit import fit
from nnjax.training.losses import cross_entropy


class Small(nnx.Module):
    """Two convolutions, two poolings, one dense layer."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv_1 = Conv(1, 4, 3, padding="SAME", rngs=rngs)
        self.conv_2 = Conv(4, 6, 3, stride=2, groups=2, rngs=rngs)
        self.largest, self.mean = MaxPool(2), AvgPool(2, padding="SAME")
        self.dense_1 = Dense(6, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.largest(jax.nn.relu(self.conv_1(x)))
        x = self.mean(self.conv_2(x))
        return self.dense_1(x.reshape(len(x), -1))


class Dropped(nnx.Module):
    """A call that takes a key and whether this is training."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.dense_1 = Dense(4, 4, rngs=rngs)

    def __call__(self, x: jax.Array, *, key=None, train: bool = False) -> jax.Array:
        return dropout(key, self.dense_1(x), 0.5, train)


NET = functional(Small)


def test_params_are_a_plain_dict_named_after_the_attributes():
    params = NET.init(jax.random.key(0))
    assert jax.tree.map(jnp.shape, params) == {
        "conv_1": {"filters": (3, 3, 1, 4), "bias": (4,)},
        "conv_2": {"filters": (3, 3, 2, 6), "bias": (6,)},
        "dense_1": {"weights": (6, 3), "bias": (3,)},
    }
    assert type(params) is dict
    assert all(type(layer) is dict for layer in params.values())
    again, other = NET.init(jax.random.key(0)), NET.init(jax.random.key(1))
    np.testing.assert_array_equal(params["conv_1"]["filters"], again["conv_1"]["filters"])
    assert not np.array_equal(params["conv_1"]["filters"], other["conv_1"]["filters"])


def test_the_modules_are_the_functions(variant):
    params = NET.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (2, 8, 8, 1))
    y = max_pool(jax.nn.relu(conv2d(params["conv_1"], x, padding="SAME")), 2)
    y = avg_pool(conv2d(params["conv_2"], y, 2, groups=2), 2, padding="SAME")
    expected = dense(params["dense_1"], y.reshape(2, -1))
    np.testing.assert_allclose(variant(NET.apply)(params, x), expected, rtol=1e-5, atol=1e-6)


def test_under_vmap_a_population_is_its_members():
    many = jax.vmap(NET.init)(jax.random.split(jax.random.key(0), 3))
    x = jax.random.normal(jax.random.key(1), (2, 8, 8, 1))
    found = jax.jit(jax.vmap(NET.apply, (0, None)))(many, x)
    one = jax.tree.map(lambda leaf: leaf[1], many)
    np.testing.assert_allclose(found[1], NET.apply(one, x), rtol=1e-5, atol=1e-6)


def test_key_and_train_reach_a_call_that_takes_them():
    net = functional(Dropped)
    params, x = net.init(jax.random.key(0)), jnp.ones((50, 4))
    whole = net.apply(params, x)
    dropped = net.apply(params, x, key=jax.random.key(1), train=True)
    assert 0.3 < float((dropped == 0).mean()) < 0.7
    np.testing.assert_allclose(jnp.where(dropped == 0, whole * 2, dropped), whole * 2, rtol=1e-5)
    assert NET.apply(NET.init(jax.random.key(0)), jnp.ones((1, 8, 8, 1)), train=True).shape == (1, 3)


def test_fit_learns_which_side_is_bright():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 64)
    images = rng.normal(size=(64, 8, 8, 1)).astype("f") * 0.1
    images[labels == 0, :, :4] += 1
    images[labels == 1, :, 4:] += 1
    fitted = fit(NET, (images, labels), loss=cross_entropy, optimizer=optax.adam(0.02), epochs=15, seed=0)
    assert np.mean(np.argmax(NET.apply(fitted.params, images), axis=1) == labels) == 1


def test_the_cost_table_counts_the_convolutions():
    rows = cost_table(NET, NET.init(jax.random.key(0)), jnp.zeros((1, 8, 8, 1)))
    counted = {row.layer: (row.multiply_adds, row.parameters, row.output) for row in rows}
    assert counted == {
        "conv_1": (8 * 8 * 9 * 1 * 4, 40, "8×8×4"),
        "conv_2": (1 * 1 * 9 * 2 * 6, 114, "1×1×6"),
        "dense_1": (18, 21, "3"),
    }


def test_names_and_shapes_are_compared_before_merging():
    params = NET.init(jax.random.key(0))
    x = jnp.zeros((1, 8, 8, 1))
    renamed = {("conv_10" if name == "conv_1" else name): layer for name, layer in params.items()}
    with pytest.raises(ConfigError, match=r"conv_1/filters: wanted \(3, 3, 1, 4\), got nothing; .*conv_10"):
        NET.apply(renamed, x)
    wrong = params | {"conv_2": {"filters": jnp.zeros((3, 3, 4, 6)), "bias": jnp.zeros(6)}}
    with pytest.raises(ConfigError, match=r"conv_2/filters: wanted \(3, 3, 2, 6\), got \(3, 3, 4, 6\)$"):
        NET.apply(wrong, x)
    with pytest.raises(ConfigError, match="nested dict, got list"):
        NET.apply([1], x)


class Listed(nnx.Module):
    """Its layers stand in a list."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([Dense(2, 2, rngs=rngs), Dense(2, 2, rngs=rngs)])


class Counting(nnx.Module):
    """It keeps a running mean."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.dense_1, self.mean = Dense(2, 2, rngs=rngs), nnx.BatchStat(jnp.zeros(2))


@pytest.mark.parametrize(
    ("make", "text"),
    [(Listed, r"not in a list: got layers/0/.*write self\.conv_1"), (Counting, r"nnx\.Param, got also mean")],
)
def test_what_a_pure_function_cannot_hold(make, text):
    with pytest.raises(ConfigError, match=text):
        functional(make)
