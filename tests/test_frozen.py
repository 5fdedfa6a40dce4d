"""Frozen layers: equal bit for bit after training, without state, and named by their beginnings."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Dataset, fit, mlp
from nnjax.errors import ConfigError
from nnjax.training.frozen import frozen, frozen_labels, held

NET = mlp((4, 8, 8, 3))
KEY = jax.random.key(0)
INPUTS = np.asarray(jax.random.normal(KEY, (64, 4)))
DATA = Dataset(INPUTS, np.argmax(INPUTS[:, :3], axis=1).astype(np.int32), classes=("a", "b", "c"))


def test_frozen_layers_stay_bit_for_bit_and_the_others_learn() -> None:
    optimizer = frozen(optax.adamw(0.05, weight_decay=0.1), ["layer_0", "layer_1/bias"])
    fitted = fit(NET, DATA, optimizer=optimizer, epochs=3, progress=False)
    fresh = fit(NET, DATA, optimizer=frozen(optax.adam(0.05), [""]), epochs=1, progress=False).params
    for layer, leaf, stays in (
        ("layer_0", "weights", True),
        ("layer_0", "bias", True),
        ("layer_1", "bias", True),
        ("layer_1", "weights", False),
        ("layer_2", "weights", False),
        ("layer_2", "bias", False),
    ):
        same = np.asarray(fitted.params[layer][leaf]).tobytes() == np.asarray(fresh[layer][leaf]).tobytes()
        assert same == stays, (layer, leaf)
    assert fitted.rows[-1]["train_loss"] < fitted.rows[0]["train_loss"]


def test_a_parameter_of_minus_zero_stays_minus_zero() -> None:
    params = {"a": jnp.array([-0.0, 0.0, 1.0]), "b": jnp.ones(2)}
    optimizer = frozen(optax.sgd(1.0), ["a"])
    updates, _ = optimizer.update(jax.tree.map(jnp.ones_like, params), optimizer.init(params), params)
    after = optax.apply_updates(params, updates)
    assert np.signbit(after["a"]).tolist() == [True, False, False]
    assert after["b"].tolist() == [0.0, 0.0]


def test_what_is_frozen_has_no_state() -> None:
    params = NET.init(KEY)

    def numbers(optimizer: optax.GradientTransformation) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(optimizer.init(params)))

    learns = sum(leaf.size for leaf in jax.tree.leaves(params["layer_2"]))
    assert (
        numbers(frozen(optax.adam(0.1), ["layer_0", "layer_1"])) == 2 * learns + 1
    )  # two moments and a count
    assert numbers(frozen(optax.adam(0.1), [""])) <= 1


def test_what_learns_learns_as_without_the_others() -> None:
    params = {"a": jnp.array([1.0, 2.0]), "b": jnp.array([3.0])}
    gradients = {"a": jnp.array([0.5, -1.0]), "b": jnp.array([2.0])}
    optimizer, alone = frozen(optax.adam(0.1), ["b"]), optax.adam(0.1)
    state, state_alone = optimizer.init(params), alone.init({"a": params["a"]})
    for _ in range(3):
        updates, state = optimizer.update(gradients, state, params)
        wanted, state_alone = alone.update({"a": gradients["a"]}, state_alone)
        assert updates["a"].tolist() == wanted["a"].tolist()


def test_beginnings_of_names() -> None:
    params = {name: {"bias": 0.0} for name in ("conv1_1", "conv1_2", "conv2_1", "dense_6")}

    def chosen(*names: str) -> list[str]:
        labels = frozen_labels(params, names)
        return [name for name, layer in labels.items() if layer["bias"] == "frozen"]

    assert chosen("conv1") == ["conv1_1", "conv1_2"]
    assert chosen("conv2_1", "dense_6/bias") == ["conv2_1", "dense_6"]
    assert chosen() == []
    assert chosen("") == list(params)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    params = NET.init(KEY)
    with pytest.raises(
        ConfigError, match="no layer begins with 'conv1'; the layers are layer_0, layer_1, layer_2"
    ):
        frozen(optax.sgd(0.1), ["layer_0", "conv1"]).init(params)
    with pytest.raises(ConfigError, match=r"names must be a sequence of texts, such as \('conv1',\)"):
        frozen(optax.sgd(0.1), "conv1")
    with pytest.raises(ConfigError, match=r"names must be a sequence of texts, such as \('layer_0',\)"):
        held(NET, "layer_0")


def test_held_layers_get_no_gradient_and_the_others_the_same() -> None:
    net, x = mlp((3, 4, 2)), jnp.ones((5, 3))
    params = net.init(jax.random.key(0))
    exact, stopped = (
        jax.grad(lambda p, n=n: n.apply(p, x).sum())(params) for n in (net, held(net, ["layer_0"]))
    )
    assert not jnp.any(stopped["layer_0"]["weights"])
    assert jnp.any(exact["layer_0"]["weights"])
    assert jnp.array_equal(stopped["layer_1"]["weights"], exact["layer_1"]["weights"])
