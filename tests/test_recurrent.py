"""Recurrent layers: PyTorch's on packed sequences, and that padding changes nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.recurrent import KINDS, recurrent, recurrent_like
from nnjax.layers.recurrent_scan import hidden_of
from nnjax.types import Sequences
from tests.test_recurrent_cells import ORACLE, PRECISIONS, assert_near, cast, gradients_of, params_of, weighed

LENGTHS = np.array([6, 1, 4])
STACKS = {"one": (1, False), "two_ways": (2, True)}


def stack_of(kind: str, at: str, layers: int, bidirectional: bool, make=params_of) -> dict:
    """PyTorch's weights of a stack as ours."""
    stack = {}
    for i in range(layers):
        ways = {"forward": make(kind, at, f"_l{i}")}
        if bidirectional:
            ways["backward"] = make(kind, at, f"_l{i}_reverse")
        stack[f"layer_{i}"] = ways if bidirectional else ways["forward"]
    return stack


def ends_of(states: dict, part: str) -> list:
    """The states in PyTorch's order: layer by layer, the forward direction first."""
    flat = []
    for state in states.values():
        for one in state.values() if isinstance(state, dict) else [state]:
            flat.append(one.cell if part == "cell" else hidden_of(one))
    return flat


@pytest.mark.parametrize(("dtype", "bound"), PRECISIONS)
@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_pytorchs_in_values_and_gradients(kind, name, dtype, bound):
    at, (layers, both) = f"{kind}/{name}/", STACKS[name]
    layer = recurrent(kind, 4, 5, layers=layers, bidirectional=both)
    parts = ["hidden", "cell"] if kind == "lstm" else ["hidden"]

    def loss(params, x):
        outputs, states = layer.apply(params, Sequences(x, LENGTHS))
        ends = {part: jnp.stack(ends_of(states, part)) for part in parts}
        return weighed([outputs.values, *ends.values()]), (outputs.values, ends)

    with jax.enable_x64(dtype == np.float64):
        params = cast(stack_of(kind, f"{at}w/", layers, both), dtype)
        x = cast(ORACLE[f"{at}x"], dtype)
        slope = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
        (_, (outputs, ends)), (d_params, d_x) = slope(params, x)
        assert_near(outputs, ORACLE[f"{at}outputs"], bound)
        assert_near(ends, {part: ORACLE[f"{at}end_{part}"] for part in parts}, bound)
        assert_near(d_params, stack_of(kind, f"{at}g/", layers, both, gradients_of), bound)
        assert_near(d_x, ORACLE[f"{at}x/gradient"], bound)


def some(seed: int = 0, steps: int = 6, width: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(3, steps, width)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_no_value_and_no_gradient(kind):
    layer = recurrent(kind, 4, 5, bidirectional=True)
    params = layer.init(jax.random.key(0))

    def loss(params, x, lengths):
        outputs, states = layer.apply(params, Sequences(x, lengths))
        return jnp.sum(jnp.sin(outputs.values)) + sum(jnp.sum(jnp.cos(s)) for s in jax.tree.leaves(states))

    slope = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    x = some()
    padded = np.full((3, 9, 4), np.nan, np.float32)
    for row, length in enumerate(LENGTHS):
        padded[row, :length] = x[row, :length]
    value, (d_params, d_x) = slope(params, padded, LENGTHS)
    alone = [
        slope(params, x[row : row + 1, :length], np.array([length])) for row, length in enumerate(LENGTHS)
    ]
    np.testing.assert_allclose(value, sum(float(one[0]) for one in alone), rtol=1e-6)
    assert_near(d_params, jax.tree.map(lambda *each: sum(each), *(one[1][0] for one in alone)), 1e-6)
    for row, length in enumerate(LENGTHS):
        assert_near(d_x[row, :length], alone[row][1][1][0], 1e-6)
        assert not np.asarray(d_x[row, length:]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_two_parts_and_single_steps_give_what_the_whole_gives(kind):
    layer = recurrent(kind, 4, 5, layers=2)
    params, x, full = layer.init(jax.random.key(0)), some(), np.full(3, 6)
    whole, end = layer.apply(params, Sequences(x, full))
    first, states = layer.apply(params, Sequences(x[:, :2], full - 4))
    second, parts_end = layer.apply(params, Sequences(x[:, 2:], full - 2), states)
    np.testing.assert_allclose(
        jnp.concatenate([first.values, second.values], axis=1), whole.values, atol=1e-6
    )
    assert_near(parts_end, end, 1e-6)
    states = layer.start(3)
    for t in range(6):
        states, y = layer.step(params, states, x[:, t])
        np.testing.assert_allclose(y, whole.values[:, t], atol=1e-6)
    assert_near(states, end, 1e-6)


def test_tokens_are_rows_of_the_table_in_values_and_gradients():
    layer = recurrent("lstm", 4, 5)
    params, table = layer.init(jax.random.key(0)), jnp.asarray(some(1)[0])
    tokens = np.array([[0, 5, 5, 1, 2, 0], [3, -7, 99, 0, 0, 0], [2, 2, 4, 1, 0, 0]])

    def by_table(params, table):
        return jnp.sum(jnp.sin(layer.apply(params, Sequences(tokens, LENGTHS), table=table)[0].values))

    def by_rows(params, table):
        rows = table[jnp.clip(tokens, 0, 5)]
        return jnp.sum(jnp.sin(layer.apply(params, Sequences(rows, LENGTHS))[0].values))

    (one, slopes), (other, wanted) = (
        jax.jit(jax.value_and_grad(f, argnums=(0, 1)))(params, table) for f in (by_table, by_rows)
    )
    np.testing.assert_allclose(one, other, rtol=1e-6)
    assert_near(slopes, wanted, 1e-5)


def test_a_population_is_its_members_one_by_one():
    layer = recurrent("gru", 4, 5, bidirectional=True)
    x = Sequences(some(), LENGTHS)
    loss = lambda params: jnp.sum(jnp.sin(layer.apply(params, x)[0].values))
    many = jax.vmap(layer.init)(jax.random.split(jax.random.key(0), 3))
    slope = jax.jit(jax.grad(loss))
    together = jax.jit(jax.vmap(slope))(many)
    for i in range(3):
        pick = lambda tree, i=i: jax.tree.map(lambda leaf: leaf[i], tree)
        assert_near(pick(together), slope(pick(many)), 1e-5)


def test_dropout_acts_between_layers_in_training_only():
    layer, x = recurrent("rnn", 4, 5, layers=2, dropout=0.5), Sequences(some(), LENGTHS)
    plain, params = recurrent("rnn", 4, 5, layers=2), layer.init(jax.random.key(0))
    np.testing.assert_array_equal(layer.apply(params, x)[0].values, plain.apply(params, x)[0].values)
    dropped = layer.apply(params, x, key=jax.random.key(1), train=True)
    assert_near(dropped[1]["layer_0"], plain.apply(params, x)[1]["layer_0"], 1e-6)
    assert not np.allclose(dropped[0].values, plain.apply(params, x)[0].values)
    with pytest.raises(ConfigError, match="train=True wants a key"):
        layer.apply(params, x, train=True)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_layers_are_read_from_their_params(kind, bidirectional):
    layer = recurrent(kind, 4, 5, layers=3, bidirectional=bidirectional)
    assert recurrent_like(layer.init(jax.random.key(0))) == layer


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "elman"}, "kind wants one of rnn, lstm, gru, got 'elman'"),
        ({"layers": 0}, "layers must be a positive integer, got 0"),
        ({"hidden": 2.5}, r"hidden must be a positive integer, got 2\.5"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ConfigError, match=message):
        recurrent(**{"kind": "lstm", "d_in": 2, "hidden": 3, **settings})


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 3, 4)), r"wanted Sequences\(values, lengths\), got ndarray"),
        (Sequences(np.zeros((2, 3)), np.ones(2)), r"wanted values \[N, T, D\] .* got \(2, 3\) with \(2,\)"),
        (Sequences(np.zeros((2, 3, 4)), np.ones(3)), r"got \(2, 3, 4\) with \(3,\)"),
        (Sequences(np.zeros((2, 3, 5)), np.ones(2)), r"D = 4 .*got x \(3, 2, 5\)"),
    ],
)
def test_inputs_that_do_not_fit(x, message):
    layer = recurrent("lstm", 4, 3)
    with pytest.raises(ConfigError, match=message):
        layer.apply(layer.init(jax.random.key(0)), x)


def test_the_backward_direction_has_no_single_step():
    layer = recurrent("lstm", 4, 3, bidirectional=True)
    with pytest.raises(ConfigError, match="layers of one direction"):
        layer.step(layer.init(jax.random.key(0)), layer.start(2), jnp.zeros((2, 4)))
