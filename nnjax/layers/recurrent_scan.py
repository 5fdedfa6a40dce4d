"""A recurrent cell over time, with its gradient written out: the form of `lax.scan` that CPUs run fast.

What a step needs of its input, x W + b, is one big product before the loop. The backward loop makes only
the gradients of the aggregations; that of the recurrent weights, U' = sum_t h_{t-1}^T a'_t, is one big
product after it. The cells of `recurrent_cells` say what is computed, and tests hold these to them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.layers.long_product import flat
from nnjax.layers.recurrent_cells import GRU_GATES, LSTM_GATES, LSTMState, gru_gates, lstm_gates
from nnjax.types import Array


class Form(NamedTuple):
    """What a cell does between its products, and the gradient of that.

    Attributes:
        forward: `(x W + b, h U, extra, state) -> (state, kept)`, where `kept` is what the gradient needs.
        backward: `(kept, gradient of the new state) -> (gradient of x W + b, gradient of h U, gradient of
            the state as far as it does not pass through h U)`.
    """

    forward: Callable[[Array, Array, Any, Any], tuple[Any, Any]]
    backward: Callable[[Any, Any], tuple[Array, Array, Any]]


def hidden_of(state: Any) -> Array:
    """h of a state."""
    return state.hidden if isinstance(state, LSTMState) else state


def _add_to_hidden(state: Any, gradient: Array) -> Any:
    if isinstance(state, LSTMState):
        return LSTMState(state.hidden + gradient, state.cell)
    return state + gradient


def _rnn_forward(projected: Array, product: Array, extra: Any, state: Array) -> tuple[Array, Array]:
    hidden = jnp.tanh(projected + product)
    return hidden, hidden


def _rnn_backward(hidden: Array, d_state: Array) -> tuple[Array, Array, Array]:
    d = d_state * (1 - hidden * hidden)
    return d, d, jnp.zeros_like(d)


def _lstm_forward(projected: Array, product: Array, extra: Any, state: LSTMState) -> tuple[LSTMState, Any]:
    gates = lstm_gates(projected + product)
    cell = gates["forget"] * state.cell + gates["update"] * gates["candidate"]
    shown = jnp.tanh(cell)
    return LSTMState(gates["output"] * shown, cell), (gates, state.cell, shown)


def _lstm_backward(kept: Any, d_state: LSTMState) -> tuple[Array, Array, LSTMState]:
    gates, cell, shown = kept
    update, forget, candidate, output = (gates[name] for name in LSTM_GATES)
    d_cell = d_state.cell + d_state.hidden * output * (1 - shown * shown)
    d = jnp.concatenate(
        [
            d_cell * candidate * update * (1 - update),
            d_cell * cell * forget * (1 - forget),
            d_cell * update * (1 - candidate * candidate),
            d_state.hidden * shown * output * (1 - output),
        ],
        axis=-1,
    )
    return d, d, LSTMState(jnp.zeros_like(d_cell), d_cell * forget)


def _gru_forward(projected: Array, product: Array, extra: Array, state: Array) -> tuple[Array, Any]:
    gates = gru_gates(projected, product, extra)
    hidden = (1 - gates["update"]) * gates["candidate"] + gates["update"] * state
    recurrent = jnp.split(product, 3, axis=-1)[2] + extra.reshape((1, -1))
    return hidden, (gates, state, recurrent)


def _gru_backward(kept: Any, d_state: Array) -> tuple[Array, Array, Array]:
    gates, state, recurrent = kept
    reset, update, candidate = (gates[name] for name in GRU_GATES)
    d_candidate = d_state * (1 - update) * (1 - candidate * candidate)
    d_update = d_state * (state - candidate) * update * (1 - update)
    d_reset = d_candidate * recurrent * reset * (1 - reset)
    d_projected = jnp.concatenate([d_reset, d_update, d_candidate], axis=-1)
    d_product = jnp.concatenate([d_reset, d_update, d_candidate * reset], axis=-1)
    return d_projected, d_product, d_state * update


RNN = Form(_rnn_forward, _rnn_backward)
LSTM = Form(_lstm_forward, _lstm_backward)
GRU = Form(_gru_forward, _gru_backward)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def scan_cell(
    form: Form, reverse: bool, weights: Array, extra: Any, projected: Array, mask: Array, state: Any
) -> tuple[Array, Any]:
    """All steps of a cell, one after another; where the mask is False the state stays as it is.

    Args:
        form: The cell (static).
        reverse: From the last step to the first (static).
        weights: U [H, G H].
        extra: What the form takes besides; d [H] of a GRU, else None.
        projected: x W + b of every step, [T, N, G H].
        mask: Bool [T, N], whether the step exists.
        state: The state at the start.

    Returns:
        h after every step, [T, N, H], and the state at the end.
    """
    return _forward(form, reverse, False, weights, extra, projected, mask, state)[0]


def _forward(
    form: Form,
    reverse: bool,
    keep: bool,
    weights: Array,
    extra: Any,
    projected: Array,
    mask: Array,
    state: Any,
) -> tuple[tuple[Array, Any], Any]:
    def body(state: Any, inputs: tuple[Array, Array]) -> tuple[Any, tuple[Array, Any]]:
        projected, mask = inputs
        after, kept = form.forward(projected, hidden_of(state) @ weights, extra, state)
        after = where(mask, after, state)
        return after, (hidden_of(after), kept if keep else None)

    end, (hiddens, kept) = jax.lax.scan(body, state, (projected, mask), reverse=reverse)
    return (hiddens, end), kept


def _scan_forward(
    form: Form, reverse: bool, weights: Array, extra: Any, projected: Array, mask: Array, state: Any
) -> tuple[tuple[Array, Any], Any]:
    (hiddens, end), kept = _forward(form, reverse, True, weights, extra, projected, mask, state)
    return (hiddens, end), (weights, extra, mask, hidden_of(state), hiddens, kept)


def _scan_backward(form: Form, reverse: bool, saved: Any, gradients: tuple[Array, Any]) -> tuple:
    weights, extra, mask, start, hiddens, kept = saved
    d_hiddens, d_end = gradients
    transposed = jax.lax.optimization_barrier(
        weights.T
    )  # a product with a transposed operand is slow in loops

    def body(d_state: Any, inputs: tuple[Array, Any, Array]) -> tuple[Any, tuple[Array, Array]]:
        d_hidden, kept, mask = inputs
        d_state = _add_to_hidden(d_state, d_hidden)
        d_projected, d_product, d_before = form.backward(kept, d_state)
        d_before = _add_to_hidden(d_before, d_product @ transposed)
        zero = jnp.zeros((), d_product.dtype)
        d_projected, d_product = (jnp.where(mask[:, None], d, zero) for d in (d_projected, d_product))
        return where(mask, d_before, d_state), (d_projected, d_product)

    d_start, (d_projected, d_product) = jax.lax.scan(
        body, d_end, (d_hiddens, kept, mask), reverse=not reverse
    )
    parts = (hiddens[1:], start[None]) if reverse else (start[None], hiddens[:-1])
    before = jnp.concatenate(parts).reshape(-1, hiddens.shape[-1])
    d_weights = jax.lax.optimization_barrier(before.T) @ flat(d_product)
    d_extra = None if extra is None else flat(d_product)[:, -len(extra) :].sum(0)
    return d_weights, d_extra, d_projected, None, d_start


scan_cell.defvjp(_scan_forward, _scan_backward)


def where(mask: Array, yes: Any, no: Any) -> Any:
    """State `yes` [N, ...] where the mask [N] is True, else `no`."""
    return jax.tree.map(lambda a, b: jnp.where(mask[:, None], a, b), yes, no)
