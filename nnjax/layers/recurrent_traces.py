"""What the gates of recurrent layers do over time: the numbers behind their heat maps."""

from __future__ import annotations

from typing import Any

import jax

from nnjax.layers.padding import only_true, true_steps
from nnjax.layers.recurrent import DIRECTIONS, KINDS, recurrent_like
from nnjax.layers.recurrent_cells import GRU_GATES, gru_gates, lstm_gates, project
from nnjax.layers.recurrent_scan import hidden_of, where
from nnjax.types import Array, Params, Sequences


def gate_traces(params: Params, sequences: Sequences, states: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every layer's gates and states at every step, 0 in the padding.

    Args:
        params: Of recurrent layers, {"layer_0": ..., ...}.
        sequences: Values [N, T, D].
        states: Each layer's state before the first step; None means zeros.

    Returns:
        {"layer_0": traces, ...}, traces a name to a float array [N, T, H]: of an LSTM "update", "forget",
        "candidate", "output", "cell" and "hidden"; of a GRU "reset", "update", "candidate" and "hidden"; of
        a vanilla RNN "hidden". Of two directions {"layer_0": {"forward": traces, "backward": traces}, ...}.

    >>> import jax.numpy as jnp
    >>> from nnjax.layers.recurrent import recurrent
    >>> x = Sequences(jnp.ones((1, 4, 2)), jnp.array([4]))
    >>> list(gate_traces(recurrent("lstm", 2, 3).init(jax.random.key(0)), x)["layer_0"])
    ['update', 'forget', 'candidate', 'output', 'cell', 'hidden']
    """
    layer, traces, mask = recurrent_like(params), {}, true_steps(sequences)
    begun = states or layer.start(len(mask))
    for name in layer.names:
        single = recurrent_like({"layer_0": params[name]})
        if layer.bidirectional:
            traces[name] = {
                way: _trace(
                    layer.kind, params[name][way], sequences, mask, begun[name][way], way == DIRECTIONS[1]
                )
                for way in DIRECTIONS
            }
        else:
            traces[name] = _trace(layer.kind, params[name], sequences, mask, begun[name], False)
        sequences, _ = single.apply({"layer_0": params[name]}, sequences, {"layer_0": begun[name]})
    return traces


def _trace(
    kind: str, params: Params, sequences: Sequences, mask: Array, state: Any, reverse: bool
) -> dict[str, Array]:
    """One cell over time, one step after another as the equations have it."""

    def body(state: Any, step: tuple[Array, Array]) -> tuple[Any, dict[str, Array]]:
        x, exists = step
        after, hidden = KINDS[kind].cell(params, state, x)
        cell = {"cell": after.cell} if kind == "lstm" else {}
        return where(exists, after, state), {**_gates(kind, params, state, x), **cell, "hidden": hidden}

    x = only_true(sequences.values, mask).swapaxes(0, 1)
    traced = jax.lax.scan(body, state, (x, mask.T), reverse=reverse)[1]
    names = ("update", "forget", "candidate", "output", "cell") if kind == "lstm" else GRU_GATES
    order = [*(names if kind != "rnn" else ()), "hidden"]
    return {name: only_true(traced[name].swapaxes(0, 1), mask) for name in order}


def _gates(kind: str, params: Params, state: Any, x: Array) -> dict[str, Array]:
    product = hidden_of(state) @ params["recurrent"]
    if kind == "lstm":
        return lstm_gates(project(params, x) + product)
    return gru_gates(project(params, x), product, params["recurrent_bias"]) if kind == "gru" else {}
