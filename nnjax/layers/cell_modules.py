"""Flax (NNX) modules that hold the parameters of recurrent cells; the functions beside them compute."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from flax import nnx

from nnjax.layers.recurrent_cells import (
    LSTMState,
    gru_cell,
    gru_init,
    lstm_cell,
    lstm_init,
    rnn_cell,
    rnn_init,
)
from nnjax.types import Array, Params

NAMES = ("input", "recurrent", "bias")


class RNNCell(nnx.Module):
    """`nnjax.rnn_cell` with its parameters, input [D, H], recurrent [H, H] and bias [H]."""

    def __init__(self, d_in: int, hidden: int, *, rngs: nnx.Rngs) -> None:
        params = rnn_init(rngs.params(), d_in, hidden)
        self.input, self.recurrent, self.bias = map(nnx.Param, (params[name] for name in NAMES))

    def start(self, n: int) -> Array:
        """The state of N sequences before their first step: zeros [N, H]."""
        return jnp.zeros((n, self.recurrent.shape[0]))

    def __call__(self, state: Array, x: Array) -> tuple[Array, Array]:
        """State [N, H] and x [N, D] to the new state and y [N, H]."""
        return rnn_cell(_held(self), state, x)


class LSTMCell(nnx.Module):
    """`nnjax.lstm_cell` with its parameters, input [D, 4H], recurrent [H, 4H] and bias [4H].

    The blocks of H columns are the update gate, the forget gate, the candidate and the output gate.
    """

    def __init__(self, d_in: int, hidden: int, *, rngs: nnx.Rngs, forget_bias: float = 1.0) -> None:
        params = lstm_init(rngs.params(), d_in, hidden, forget_bias)
        self.input, self.recurrent, self.bias = map(nnx.Param, (params[name] for name in NAMES))

    def start(self, n: int) -> LSTMState:
        """The state of N sequences before their first step: zeros [N, H], twice."""
        zeros = jnp.zeros((n, self.recurrent.shape[0]))
        return LSTMState(zeros, zeros)

    def __call__(self, state: LSTMState, x: Array) -> tuple[LSTMState, Array]:
        """State and x [N, D] to the new state and y [N, H]."""
        return lstm_cell(_held(self), state, x)


class GRUCell(nnx.Module):
    """`nnjax.gru_cell` with its parameters, input [D, 3H], recurrent [H, 3H], bias [3H] and one more."""

    def __init__(self, d_in: int, hidden: int, *, rngs: nnx.Rngs) -> None:
        params = gru_init(rngs.params(), d_in, hidden)
        self.input, self.recurrent, self.bias = map(nnx.Param, (params[name] for name in NAMES))
        self.recurrent_bias = nnx.Param(params["recurrent_bias"])

    def start(self, n: int) -> Array:
        """The state of N sequences before their first step: zeros [N, H]."""
        return jnp.zeros((n, self.recurrent.shape[0]))

    def __call__(self, state: Array, x: Array) -> tuple[Array, Array]:
        """State [N, H] and x [N, D] to the new state and y [N, H]."""
        return gru_cell(_held(self), state, x)


def _held(module: Any) -> Params:
    names = (*NAMES, "recurrent_bias")
    return {name: getattr(module, name)[...] for name in names if hasattr(module, name)}
