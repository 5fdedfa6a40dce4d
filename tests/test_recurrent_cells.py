"""Recurrent cells: PyTorch's values and gradients, steps worked by hand, and what the gates mean."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from nnjax.errors import ConfigError
from nnjax.layers.recurrent_cells import (
    LSTMState,
    gru_cell,
    gru_init,
    lstm_cell,
    lstm_init,
    rnn_cell,
    rnn_init,
)

ORACLE = np.load(Path(__file__).parent / "oracles" / "recurrent.npz")
CELLS = {"rnn": (rnn_init, rnn_cell), "lstm": (lstm_init, lstm_cell), "gru": (gru_init, gru_cell)}
PRECISIONS = [(np.float32, 1e-5), (np.float64, 1e-10)]


def params_of(kind: str, at: str, suffix: str = "") -> dict:
    """PyTorch's weights as ours; it has two biases, of which only the GRU's candidate needs both."""
    hidden = ORACLE[f"{at}weight_hh{suffix}"].shape[1]
    bias, second = ORACLE[f"{at}bias_ih{suffix}"], ORACLE[f"{at}bias_hh{suffix}"].copy()
    params = {"input": ORACLE[f"{at}weight_ih{suffix}"].T, "recurrent": ORACLE[f"{at}weight_hh{suffix}"].T}
    if kind != "gru":
        return {**params, "bias": bias + second}
    candidate = second[-hidden:].copy()
    second[-hidden:] = 0
    return {**params, "bias": bias + second, "recurrent_bias": candidate}


def gradients_of(kind: str, at: str, suffix: str = "") -> dict:
    """PyTorch's gradients of the same."""
    found = {
        "input": ORACLE[f"{at}weight_ih{suffix}"].T,
        "recurrent": ORACLE[f"{at}weight_hh{suffix}"].T,
        "bias": ORACLE[f"{at}bias_ih{suffix}"],
    }
    hidden = found["recurrent"].shape[0]
    return found if kind != "gru" else {**found, "recurrent_bias": ORACLE[f"{at}bias_hh{suffix}"][-hidden:]}


def weighed(leaves: list) -> jax.Array:
    """What the oracle differentiates."""
    flat = jnp.concatenate([leaf.reshape(-1) for leaf in leaves])
    return jnp.sum(flat * jnp.cos(jnp.arange(len(flat), dtype=flat.dtype)))


def assert_near(got, wanted, bound: float) -> None:
    """Norm-wise relative error, leaf by leaf."""
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    for path, leaf in jax.tree_util.tree_leaves_with_path(got):
        other = dict(jax.tree_util.tree_leaves_with_path(wanted))[path]
        error = np.linalg.norm(np.asarray(leaf) - other) / np.linalg.norm(other)
        assert error < bound, f"{jax.tree_util.keystr(path)}: {error}"


def cast(tree, dtype):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)


@pytest.mark.parametrize(("dtype", "bound"), PRECISIONS)
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_is_pytorchs(kind, dtype, bound, variant):
    at, cell = f"{kind}/cell/", CELLS[kind][1]
    names = ["hidden", "cell"] if kind == "lstm" else ["hidden"]
    state = LSTMState(*(ORACLE[at + name] for name in names)) if kind == "lstm" else ORACLE[at + "hidden"]

    def loss(params, state, x):
        after, y = cell(params, state, x)
        return weighed(jax.tree.leaves(after)), (after, y)

    with jax.enable_x64(dtype == np.float64):
        given = cast((params_of(kind, f"{at}w/"), state, ORACLE[at + "x"]), dtype)
        differentiate = variant(jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True))
        (_, (after, y)), (d_params, d_state, d_x) = differentiate(*given)
        assert y.dtype == dtype
        assert_near(jax.tree.leaves(after), [ORACLE[f"{at}end_{name}"] for name in names], bound)
        assert_near(y, ORACLE[f"{at}end_hidden"], bound)
        assert_near(d_params, gradients_of(kind, f"{at}g/"), bound)
        assert_near(jax.tree.leaves(d_state), [ORACLE[f"{at}{name}/gradient"] for name in names], bound)
        assert_near(d_x, ORACLE[f"{at}x/gradient"], bound)


def test_the_recorded_answers_are_what_torch_gives_now():
    pytest.importorskip("torch")
    from tests.oracles.recurrent import answers

    for name, answer in answers().items():
        np.testing.assert_allclose(ORACLE[name], answer, rtol=1e-9, atol=1e-12, err_msg=name)


def sigmoid(a: float) -> float:
    return 1 / (1 + np.exp(-a))


def test_an_lstm_step_by_hand():
    # One input, one cell: x = 1, h = 0.5, c = 2; gates u, f, g, o from x w + h v + b.
    params = {
        "input": jnp.array([[0.1, 0.2, 0.3, 0.4]]),
        "recurrent": jnp.array([[0.5, -1.0, 2.0, 0.0]]),
        "bias": jnp.array([0.0, 1.0, -1.0, 0.6]),
    }
    u, f, g, o = sigmoid(0.35), sigmoid(0.7), np.tanh(0.3), sigmoid(1.0)
    state, y = lstm_cell(params, LSTMState(jnp.array([0.5]), jnp.array([2.0])), jnp.array([1.0]))
    np.testing.assert_allclose(state.cell, [2 * f + u * g], rtol=1e-6)
    np.testing.assert_allclose(y, [o * np.tanh(2 * f + u * g)], rtol=1e-6)
    np.testing.assert_array_equal(state.hidden, y)


def test_a_gru_step_by_hand():
    params = {
        "input": jnp.array([[0.1, 0.2, 0.3]]),
        "recurrent": jnp.array([[0.5, -1.0, 2.0]]),
        "bias": jnp.array([0.0, 1.0, -1.0]),
        "recurrent_bias": jnp.array([0.25]),
    }
    r, z = sigmoid(0.1 + 0.25), sigmoid(0.2 - 0.5 + 1)
    n = np.tanh(0.3 - 1 + r * (1.0 + 0.25))
    state, y = gru_cell(params, jnp.array([0.5]), jnp.array([1.0]))
    np.testing.assert_allclose(y, [(1 - z) * n + z * 0.5], rtol=1e-6)
    np.testing.assert_array_equal(state, y)


@pytest.mark.parametrize(("gate", "open_", "cell"), [("forget", 50.0, 3.0), ("forget", -50.0, 0.0)])
def test_an_open_forget_gate_keeps_the_cell_and_a_closed_one_empties_it(gate, open_, cell):
    params = jax.tree.map(jnp.zeros_like, lstm_init(jax.random.key(0), 1, 1))
    bias = jnp.array([-50.0, open_, 0.0, 0.0])  # the update gate is closed
    state, _ = lstm_cell({**params, "bias": bias}, LSTMState(jnp.zeros(1), jnp.array([3.0])), jnp.ones(1))
    assert float(state.cell[0]) == pytest.approx(cell)


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_and_a_population(kind):
    init, cell = CELLS[kind]
    many = jax.vmap(lambda key: init(key, 3, 2))(jax.random.split(jax.random.key(0), 4))
    start = jnp.array([[0.3, -0.2]])
    state, x = LSTMState(start, start + 1) if kind == "lstm" else start, jnp.array([[1.0, -1.0, 0.5]])
    one = jax.tree.map(lambda leaf: leaf[2], many)
    check_grads(cell, (one, state, x), order=1, modes=["fwd", "rev"], atol=1e-2, rtol=1e-2)
    together = jax.vmap(cell, in_axes=(0, None, None))(many, state, x)[1]
    np.testing.assert_allclose(together[2], cell(one, state, x)[1], rtol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_the_start_has_orthogonal_recurrent_blocks_and_glorot_inputs(kind):
    params = CELLS[kind][0](jax.random.key(1), 30, 20)
    for block in np.split(np.asarray(params["recurrent"]), params["recurrent"].shape[1] // 20, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(20), atol=1e-5)
    limit = np.sqrt(6 / 50)
    assert 0.9 * limit < np.abs(params["input"]).max() <= limit
    wanted = np.zeros_like(params["bias"])
    if kind == "lstm":
        wanted[20:40] = 1
    np.testing.assert_array_equal(params["bias"], wanted)


@pytest.mark.parametrize("kind", CELLS)
def test_wrong_shapes_are_named(kind, variant):
    init, cell = CELLS[kind]
    params, zeros = init(jax.random.key(0), 3, 2), jnp.zeros((5, 2))
    state = LSTMState(zeros, zeros) if kind == "lstm" else zeros
    with pytest.raises(ConfigError, match=r"x \[\.\.\., D\] with D = 3 .*got x \(5, 4\)"):
        variant(cell)(params, state, jnp.zeros((5, 4)))
    with pytest.raises(ConfigError, match=r"state \[\.\.\., H\] with H = 2 .*got \(5, 3\)"):
        variant(cell)(params, jax.tree.map(lambda leaf: jnp.zeros((5, 3)), state), jnp.zeros((5, 3)))
    with pytest.raises(ConfigError, match="hidden must be a positive integer, got 0"):
        init(jax.random.key(0), 3, 0)
