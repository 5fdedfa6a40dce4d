"""A recurrent net written step by step, with a shift in each sum and state of one of its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.layers.recurrent import DIRECTIONS, recurrent_like
from nnjax.layers.recurrent_cells import gru_gates, lstm_gates
from nnjax.models.sequence_nets import embedded
from nnjax.types import Array, Params, Sequences

WAYS = ("every step", "last", "mean", "max")  # how the outputs may come from the states


def recurrent_names(params: Params) -> list[str]:
    """layer_0, ... of a net's recurrent layers; of two directions layer_0/forward, layer_0/backward, ..."""
    layers = params["recurrent"]
    both = "forward" in layers["layer_0"]
    return [f"{name}/{way}" for name in layers for way in DIRECTIONS] if both else list(layers)


def cell_of(params: Params, layer: str) -> Any:
    """The params of one cell of a net."""
    found = params["recurrent"]
    for key in layer.split("/"):
        found = found[key]
    return found


def unrolled(
    params: Params, inputs: Sequences, length: int, way: str, layer: str, shifts: Mapping[str, Array]
) -> tuple[Any, dict[str, Array]]:
    """The whole net on one sequence, step by step, and what one of its layers did.

    Args:
        params: Of a `sequence_classifier` or `sequence_tagger`.
        inputs: One sequence.
        length: Its own length L (static).
        way: How the outputs come from the last layer's states, of `WAYS` (static).
        layer: The layer whose numbers are wanted (static).
        shifts: What is added to its "sums" [L, G H], and to its "hidden", "cell" and "shown" [L, H]; the
            last is added to h for all that reads it but the next step.

    Returns:
        The outputs, as the net gives them, and {"inputs", "sums", "gates", "hidden", "cell"} of the layer.
    """
    x, traced = embedded(params, inputs).values[0, :length], dict[str, Array]()
    kind, states = recurrent_like(params["recurrent"]).kind, list[Array]()
    for name, entry in params["recurrent"].items():
        ways = {f"{name}/{d}": entry[d] for d in DIRECTIONS} if "forward" in entry else {name: entry}
        shown, states = [], []
        for path, cell in ways.items():
            found = _over_time(kind, cell, x, path.endswith(DIRECTIONS[1]), shifts if path == layer else None)
            traced = {"inputs": x, **found} if path == layer else traced
            h = found["hidden"] + shifts["shown"] if path == layer else found["hidden"]
            shown.append(h)
            states.append(h[0] if path.endswith(DIRECTIONS[1]) else h[-1])
        x = jnp.concatenate(shown, axis=-1)
    summaries = {"last": jnp.concatenate(states), "mean": jnp.mean(x, axis=0), "max": jnp.max(x, axis=0)}
    read = x if way == WAYS[0] else summaries[way][None]
    outputs = read @ params["output"]["weights"] + params["output"]["bias"][None]
    if way != WAYS[0]:
        return outputs, traced
    padding = inputs.values.shape[1] - length
    return Sequences(jnp.pad(outputs, ((0, padding), (0, 0)))[None], inputs.lengths), traced


def _over_time(
    kind: str, params: Params, x: Array, reverse: bool, shifts: Mapping[str, Array] | None
) -> dict[str, Array]:
    """One cell over [L, D], as its equations have it."""
    length, units = len(x), params["recurrent"].shape[0]
    zeros = jnp.zeros((length, units))
    moved = shifts or {"sums": jnp.zeros((length, params["bias"].shape[0])), "hidden": zeros, "cell": zeros}
    step = STEPS[kind]

    def body(
        state: tuple[Array, Array], now: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array], dict[str, Array]]:
        x, on_sums, on_hidden, on_cell = now
        sums, gates, hidden, cell = step(params, state, x, on_sums, on_cell)
        hidden = hidden + on_hidden
        return (hidden, cell), {"sums": sums, "gates": gates, "hidden": hidden, "cell": cell}

    start = (jnp.zeros(units), jnp.zeros(units))
    along = (x, moved["sums"], moved["hidden"], moved["cell"])
    return jax.lax.scan(body, start, along, reverse=reverse)[1]


Stepped = tuple[Array, Array, Array, Array]  # sums, gates, h', c'


def _rnn(params: Params, state: Any, x: Array, shift: Array, _: Array) -> Stepped:
    sums = x @ params["input"] + state[0] @ params["recurrent"] + params["bias"] + shift
    hidden = jnp.tanh(sums)
    return sums, hidden, hidden, state[1]


def _lstm(params: Params, state: Any, x: Array, shift: Array, on_cell: Array) -> Stepped:
    sums = x @ params["input"] + state[0] @ params["recurrent"] + params["bias"] + shift
    gates = lstm_gates(sums)
    cell = gates["forget"] * state[1] + gates["update"] * gates["candidate"] + on_cell
    return sums, jnp.concatenate(list(gates.values())), gates["output"] * jnp.tanh(cell), cell


def _gru(params: Params, state: Any, x: Array, shift: Array, _: Array) -> Stepped:
    projected, product = x @ params["input"] + params["bias"] + shift, state[0] @ params["recurrent"]
    gates = gru_gates(projected, product, params["recurrent_bias"])
    hidden = (1 - gates["update"]) * gates["candidate"] + gates["update"] * state[0]
    units = len(state[0])
    # The reset gate comes between the candidate's two parts, so that its sum is that of the inputs alone.
    sums = projected + jnp.where(jnp.arange(3 * units) < 2 * units, product, 0)
    return sums, jnp.concatenate(list(gates.values())), hidden, state[1]


STEPS: dict[str, Callable[..., Stepped]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}


def no_shifts(params: Params, layer: str, length: int) -> dict[str, Array]:
    """Shifts of 0 in a layer's sums and states over L time steps."""
    cell = cell_of(params, layer)
    zeros = jnp.zeros((length, cell["recurrent"].shape[0]))
    sums = jnp.zeros((length, cell["bias"].shape[0]))
    return {"sums": sums, "hidden": zeros, "cell": zeros, "shown": zeros}


def without_padding(outputs: Any, length: int) -> Any:
    """The outputs of one sequence, [K] or [L, K], without the padding."""
    return outputs.values[0, :length] if isinstance(outputs, Sequences) else outputs[0]
