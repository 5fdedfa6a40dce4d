"""Recurrent cells: `cell(params, state, x) -> (state, y)`, one time step; y is the new hidden state.

A cell combines what comes in now with its memory of what came before. All three keep their weights as
{"input": [D, G H], "recurrent": [H, G H], "bias": [G H]}: G blocks of H columns, one a gate, side by side, so
that a step is one product. In the equations W_g, U_g and b_g are the blocks of gate g.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.initializers import glorot_uniform
from nnjax.types import Array, Key, Params

LSTM_GATES = ("update", "forget", "candidate", "output")  # the order of the blocks
GRU_GATES = ("reset", "update", "candidate")


class LSTMState(NamedTuple):
    """What an LSTM carries from step to step.

    Attributes:
        hidden: h [..., H], what the cell shows; in (-1, 1).
        cell: c [..., H], what it remembers.
    """

    hidden: Any
    cell: Any


def rnn_init(key: Key, d_in: int, hidden: int) -> Params:
    """Parameters of a vanilla RNN: Glorot inputs, an orthogonal recurrent matrix, bias 0.

    Args:
        key: A key of `jax.random.key`.
        d_in: D, how many inputs (static).
        hidden: H, how many neurons (static).

    Returns:
        {"input": [D, H], "recurrent": [H, H], "bias": [H]}, float32.

    Raises:
        ConfigError: If D or H is not a positive integer.

    >>> {name: leaf.shape for name, leaf in rnn_init(jax.random.key(0), 3, 2).items()}
    {'input': (3, 2), 'recurrent': (2, 2), 'bias': (2,)}

    Source: orthogonal starts are from Saxe et al. 2013, https://arxiv.org/abs/1312.6120
    """
    return _gates_init(key, d_in, hidden, 1)


def rnn_cell(params: Params, state: Array, x: Array) -> tuple[Array, Array]:
    """h' = tanh(x W + h U + b): the state itself is what the cell shows.

    Args:
        params: {"input": W [D, H], "recurrent": U [H, H], "bias": b [H]}.
        state: h [..., H].
        x: Float array [..., D].

    Returns:
        h' [..., H], twice: the new state, and the output.

    Raises:
        ConfigError: If the last axes are not H and D long.

    >>> params = {"input": jnp.eye(1), "recurrent": jnp.eye(1), "bias": jnp.zeros(1)}
    >>> state, y = rnn_cell(params, jnp.array([0.25]), jnp.array([0.25]))
    >>> round(float(y[0]), 4)
    0.4621

    Source: Elman 1990, https://doi.org/10.1207/s15516709cog1402_1
    """
    hidden = jnp.tanh(project(params, x) + _recurrent(params, state))
    return hidden, hidden


def lstm_init(key: Key, d_in: int, hidden: int, forget_bias: float = 1.0) -> Params:
    """Parameters of an LSTM: Glorot inputs, orthogonal recurrent matrices, biases 0 but the forget gate's.

    A forget gate that starts open lets the first gradients through many steps.

    Args:
        key: A key of `jax.random.key`.
        d_in: D, how many inputs (static).
        hidden: H, how many cells (static).
        forget_bias: The forget gate's bias at the start.

    Returns:
        {"input": [D, 4H], "recurrent": [H, 4H], "bias": [4H]}, float32; the blocks of H columns are the
        update gate, the forget gate, the candidate and the output gate.

    Raises:
        ConfigError: If D or H is not a positive integer.

    >>> lstm_init(jax.random.key(0), 3, 1)["bias"].tolist()
    [0.0, 1.0, 0.0, 0.0]

    Source: the forget bias is from Gers et al. 2000, https://doi.org/10.1162/089976600300015015
    """
    params = _gates_init(key, d_in, hidden, 4)
    return {**params, "bias": params["bias"].at[hidden : 2 * hidden].set(forget_bias)}


def lstm_cell(params: Params, state: LSTMState, x: Array) -> tuple[LSTMState, Array]:
    """One step of an LSTM: two gates decide what the cell state forgets and takes up, one what it shows.

    u  = sigmoid(x W_u + h U_u + b_u)      update gate (also called input gate)
    f  = sigmoid(x W_f + h U_f + b_f)      forget gate
    g  = tanh(x W_g + h U_g + b_g)         candidate
    o  = sigmoid(x W_o + h U_o + b_o)      output gate
    c' = f c + u g
    h' = o tanh(c')

    Args:
        params: As of `lstm_init`: the blocks stand in the order u, f, g, o.
        state: h and c, [..., H] each.
        x: Float array [..., D].

    Returns:
        The new state, and h' [..., H].

    Raises:
        ConfigError: If the last axes are not H and D long.

    >>> params = {"input": jnp.zeros((1, 4)), "recurrent": jnp.zeros((1, 4)), "bias": jnp.zeros(4)}
    >>> state, y = lstm_cell(params, LSTMState(jnp.zeros(1), jnp.array([2.0])), jnp.zeros(1))
    >>> float(state.cell[0]), round(float(y[0]), 4)
    (1.0, 0.3808)

    Sources: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735; the forget gate
    is from Gers et al. 2000, https://doi.org/10.1162/089976600300015015
    """
    gates = lstm_gates(project(params, x) + _recurrent(params, state.hidden))
    cell = gates["forget"] * state.cell + gates["update"] * gates["candidate"]
    hidden = gates["output"] * jnp.tanh(cell)
    return LSTMState(hidden, cell), hidden


def lstm_gates(aggregation: Array) -> dict[str, Array]:
    """The gates of an LSTM from their aggregations [..., 4H]: {"update", "forget", "candidate", "output"}."""
    update, forget, candidate, output = jnp.split(aggregation, 4, axis=-1)
    squashed = (jax.nn.sigmoid(update), jax.nn.sigmoid(forget), jnp.tanh(candidate), jax.nn.sigmoid(output))
    return dict(zip(LSTM_GATES, squashed, strict=True))


def gru_init(key: Key, d_in: int, hidden: int) -> Params:
    """Parameters of a GRU: Glorot inputs, orthogonal recurrent matrices, biases 0.

    Args:
        key: A key of `jax.random.key`.
        d_in: D, how many inputs (static).
        hidden: H, how many neurons (static).

    Returns:
        {"input": [D, 3H], "recurrent": [H, 3H], "bias": [3H], "recurrent_bias": [H]}, float32; the blocks
        are the reset gate, the update gate and the candidate.

    Raises:
        ConfigError: If D or H is not a positive integer.

    >>> {name: leaf.shape for name, leaf in gru_init(jax.random.key(0), 3, 2).items()}
    {'input': (3, 6), 'recurrent': (2, 6), 'bias': (6,), 'recurrent_bias': (2,)}
    """
    return {**_gates_init(key, d_in, hidden, 3), "recurrent_bias": jnp.zeros(int(hidden))}


def gru_cell(params: Params, state: Array, x: Array) -> tuple[Array, Array]:
    """One step of a GRU, in PyTorch's form: the reset gate acts after the recurrent product.

    r  = sigmoid(x W_r + h U_r + b_r)          reset gate
    z  = sigmoid(x W_z + h U_z + b_z)          update gate
    n  = tanh(x W_n + b_n + r (h U_n + d))     candidate
    h' = (1 - z) n + z h

    Args:
        params: As of `gru_init`: the blocks stand in the order r, z, n; "recurrent_bias" is d.
        state: h [..., H].
        x: Float array [..., D].

    Returns:
        h' [..., H], twice: the new state, and the output.

    Raises:
        ConfigError: If the last axes are not H and D long.

    >>> params = jax.tree.map(jnp.zeros_like, gru_init(jax.random.key(0), 1, 1))
    >>> gru_cell(params, jnp.array([3.0]), jnp.zeros(1))[1].tolist()
    [1.5]

    Source: Cho et al. 2014, https://arxiv.org/abs/1406.1078
    """
    gates = gru_gates(project(params, x), _recurrent(params, state), params["recurrent_bias"])
    hidden = (1 - gates["update"]) * gates["candidate"] + gates["update"] * state
    return hidden, hidden


def gru_gates(projected: Array, product: Array, recurrent_bias: Array) -> dict[str, Array]:
    """{"reset", "update", "candidate"} of a GRU, from x W + b [..., 3H], h U [..., 3H] and d [H]."""
    x_reset, x_update, x_candidate = jnp.split(projected, 3, axis=-1)
    h_reset, h_update, h_candidate = jnp.split(product, 3, axis=-1)
    reset, update = jax.nn.sigmoid(x_reset + h_reset), jax.nn.sigmoid(x_update + h_update)
    bias = recurrent_bias.reshape((1,) * (product.ndim - 1) + recurrent_bias.shape)
    candidate = jnp.tanh(x_candidate + reset * (h_candidate + bias))
    return dict(zip(GRU_GATES, (reset, update, candidate), strict=True))


def project(params: Params, x: Array, product: Callable[[Array, Array], Array] = jnp.matmul) -> Array:
    """x W + b for all gates at once, [..., G H]: what a step needs that does not wait for the step before.

    Raises:
        ConfigError: If the last axis of x is not D long.
    """
    weights, bias = params["input"], params["bias"]
    if x.ndim == 0 or x.shape[-1] != weights.shape[0]:
        raise ConfigError(
            f"a recurrent cell wants x [..., D] with D = {weights.shape[0]} "
            f"(input weights {weights.shape}), got x {x.shape}"
        )
    return product(x, weights) + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


def _recurrent(params: Params, hidden: Array) -> Array:
    weights = params["recurrent"]
    if hidden.ndim == 0 or hidden.shape[-1] != weights.shape[0]:
        raise ConfigError(
            f"a recurrent cell wants a state [..., H] with H = {weights.shape[0]} "
            f"(recurrent weights {weights.shape}), got {hidden.shape}"
        )
    return hidden @ weights


def _gates_init(key: Key, d_in: int, hidden: int, gates: int) -> Params:
    """Each gate's matrices drawn for themselves, with its own fans, then put side by side."""
    for name, size in (("d_in", d_in), ("hidden", hidden)):
        if size != int(size) or size < 1:
            raise ConfigError(f"{name} must be a positive integer, got {size!r}")
    d_in, hidden = int(d_in), int(hidden)
    inputs, recurrent = (jax.random.split(k, gates) for k in jax.random.split(key))
    square = jnp.stack([jax.random.normal(k, (hidden, hidden)) for k in recurrent])
    return {
        "input": jnp.concatenate([glorot_uniform(k, (d_in, hidden)) for k in inputs], axis=1),
        "recurrent": jnp.concatenate([*jax.vmap(orthogonalised)(square)], axis=1),
        "bias": jnp.zeros(gates * hidden),
    }


def orthogonalised(matrix: Array) -> Array:
    """The Q of `matrix` = Q R, R's diagonal positive: Gram-Schmidt, each column twice for float32's sake.

    Not by LAPACK's QR: several of its calls in one program, as of four gates or of many members of a
    population, can wait for each other for ever on a CPU of few threads.

    Args:
        matrix: Float array [H, H].

    >>> orthogonalised(jnp.array([[0.0, -2.0], [3.0, 0.0]])).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """

    def column(j: Array, done: Array) -> Array:
        vector = done[:, j]
        before = jnp.arange(done.shape[1]) < j
        for _ in range(2):
            vector = vector - done @ jnp.where(before, vector @ done, 0)
        return done.at[:, j].set(vector / jnp.linalg.norm(vector))

    return jax.lax.fori_loop(0, matrix.shape[1], column, matrix)
