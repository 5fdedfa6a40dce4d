"""A recurrent cell over time, with its gradient written out: the form of `lax.scan` that CPUs run fast.

What a step needs of its input, x W + b, is one big product before the loop. The backward loop makes only
the gradients of the aggregations; that of the recurrent weights, U' = sum_t h_{t-1}^T a'_t, is one big
product after it. Within the forward loop each gate has a product of its own: its weights stay in the cache
of a core, and its values side by side. The cells of `recurrent_cells` say what is computed, and tests hold
these to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.layers.long_product import flat
from nnjax.layers.recurrent_cells import LSTMState
from nnjax.types import Array

Blocks = Sequence[Array]  # one array [N, H] a gate


class Form(NamedTuple):
    """What a cell does between its products, and the gradient of that.

    Attributes:
        forward: `(x W + b, h U, extra, state) -> (state, kept)`, the first two in blocks; `kept` is what
            the gradient needs.
        backward: `(kept, gradient of the new state) -> (gradient of x W + b where it is not that of h U,
            gradient of h U, gradient of the state as far as it does not pass through h U)`.
    """

    forward: Callable[[Blocks, Blocks, Any, Any], tuple[Any, Any]]
    backward: Callable[[Any, Any], tuple[Blocks | None, Blocks, Any]]


def hidden_of(state: Any) -> Array:
    """h of a state."""
    return state.hidden if isinstance(state, LSTMState) else state


def _add_to_hidden(state: Any, gradient: Array) -> Any:
    if isinstance(state, LSTMState):
        return LSTMState(state.hidden + gradient, state.cell)
    return state + gradient


def _sigmoid(x: Array) -> Array:
    # Without a division, and to the same rounding.
    return 0.5 * jnp.tanh(0.5 * x) + 0.5


def _rnn_forward(x: Blocks, h: Blocks, extra: Any, state: Array) -> tuple[Array, Array]:
    hidden = jnp.tanh(x[0] + h[0])
    return hidden, hidden


def _rnn_backward(hidden: Array, d_state: Array) -> tuple[None, Blocks, Array]:
    return None, [d_state * (1 - hidden * hidden)], jnp.zeros_like(d_state)


def _lstm_forward(x: Blocks, h: Blocks, extra: Any, state: LSTMState) -> tuple[LSTMState, Any]:
    update, forget, candidate, output = (a + b for a, b in zip(x, h, strict=True))
    update, forget, output = _sigmoid(update), _sigmoid(forget), _sigmoid(output)
    candidate = jnp.tanh(candidate)
    cell = forget * state.cell + update * candidate
    return LSTMState(output * jnp.tanh(cell), cell), (update, forget, candidate, output, state.cell)


def _lstm_backward(kept: Any, d_state: LSTMState) -> tuple[None, Blocks, LSTMState]:
    update, forget, candidate, output, cell = kept
    shown = jnp.tanh(forget * cell + update * candidate)
    d_cell = d_state.cell + d_state.hidden * output * (1 - shown * shown)
    d = [
        d_cell * candidate * update * (1 - update),
        d_cell * cell * forget * (1 - forget),
        d_cell * update * (1 - candidate * candidate),
        d_state.hidden * shown * output * (1 - output),
    ]
    return None, d, LSTMState(jnp.zeros_like(d_cell), d_cell * forget)


def _gru_forward(x: Blocks, h: Blocks, extra: Array, state: Array) -> tuple[Array, Any]:
    reset, update = _sigmoid(x[0] + h[0]), _sigmoid(x[1] + h[1])
    recurrent = h[2] + extra.reshape((1, -1))
    candidate = jnp.tanh(x[2] + reset * recurrent)
    return (1 - update) * candidate + update * state, (reset, update, candidate, state, recurrent)


def _gru_backward(kept: Any, d_state: Array) -> tuple[Blocks, Blocks, Array]:
    reset, update, candidate, state, recurrent = kept
    d_candidate = d_state * (1 - update) * (1 - candidate * candidate)
    d_update = d_state * (state - candidate) * update * (1 - update)
    d_reset = d_candidate * recurrent * reset * (1 - reset)
    return [d_reset, d_update, d_candidate], [d_reset, d_update, d_candidate * reset], d_state * update


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
    gates = weights.shape[1] // weights.shape[0]
    own = [jax.lax.optimization_barrier(block) for block in jnp.split(weights, gates, axis=1)]

    def body(state: Any, inputs: tuple[Array, Array]) -> tuple[Any, tuple[Array, Any]]:
        projected, mask = inputs
        products = [hidden_of(state) @ block for block in own]
        after, kept = form.forward(jnp.split(projected, gates, axis=1), products, extra, state)
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
    # A product with a transposed operand is slow within a loop.
    transposed = jax.lax.optimization_barrier(weights.T)

    def body(d_state: Any, inputs: tuple[Array, Any, Array]) -> tuple[Any, tuple[Any, Array]]:
        d_hidden, kept, mask = inputs
        d_state = _add_to_hidden(d_state, d_hidden)
        nothing = jax.tree.map(jnp.zeros_like, d_state)
        d_projected, d_product, d_before = form.backward(kept, where(mask, d_state, nothing))
        d_product = jnp.concatenate(list(d_product), axis=1)
        d_before = _add_to_hidden(d_before, d_product @ transposed)
        d_projected = None if d_projected is None else jnp.concatenate(list(d_projected), axis=1)
        return where(mask, d_before, d_state), (d_projected, d_product)

    steps = (d_hiddens, kept, mask)
    d_start, (d_projected, d_product) = jax.lax.scan(body, d_end, steps, reverse=not reverse)
    parts = (hiddens[1:], start[None]) if reverse else (start[None], hiddens[:-1])
    before = jnp.concatenate(parts).reshape(-1, hiddens.shape[-1])
    d_weights = jax.lax.optimization_barrier(before.T) @ flat(d_product)
    d_extra = None if extra is None else flat(d_product)[:, -len(extra) :].sum(0)
    return d_weights, d_extra, d_product if d_projected is None else d_projected, None, d_start


scan_cell.defvjp(_scan_forward, _scan_backward)


def where(mask: Array, yes: Any, no: Any) -> Any:
    """State `yes` [N, ...] where the mask [N] is True, else `no`."""
    return jax.tree.map(lambda a, b: jnp.where(mask[:, None], a, b), yes, no)
