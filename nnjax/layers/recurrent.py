"""Recurrent layers over `Sequences`: a cell run over time, stacked, in one direction or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.dropout import dropout as drop
from nnjax.layers.embedding import embed
from nnjax.layers.long_product import long_product
from nnjax.layers.padding import only_true, time_major
from nnjax.layers.recurrent_cells import (
    LSTMState,
    gru_cell,
    gru_init,
    lstm_cell,
    lstm_init,
    project,
    rnn_cell,
    rnn_init,
)
from nnjax.layers.recurrent_scan import GRU, LSTM, RNN, Form, scan_cell
from nnjax.types import Array, Key, Params, Sequences

DIRECTIONS = ("forward", "backward")


class Kind(NamedTuple):
    """A cell with the form in which it is run over time.

    Attributes:
        init: `init(key, d_in, hidden) -> params`.
        cell: `cell(params, state, x) -> (state, y)`.
        form: The same between its products.
        state: `state(zeros [N, H]) -> state` at the start.
    """

    init: Callable[..., Params]
    cell: Callable[[Params, Any, Array], tuple[Any, Array]]
    form: Form
    state: Callable[[Array], Any]


KINDS = {
    "rnn": Kind(rnn_init, rnn_cell, RNN, lambda zeros: zeros),
    "lstm": Kind(lstm_init, lstm_cell, LSTM, lambda zeros: LSTMState(zeros, zeros)),
    "gru": Kind(gru_init, gru_cell, GRU, lambda zeros: zeros),
}


@dataclass(frozen=True)
class Recurrent:
    """A stack of recurrent layers: settings, and pure functions of them. `recurrent` makes one."""

    kind: str
    d_in: int
    hidden: int
    layers: int = 1
    bidirectional: bool = False
    dropout: float | Array = 0.0

    @property
    def width(self) -> int:
        """How many values come out at every step: H, or 2H where it is bidirectional."""
        return self.hidden * (2 if self.bidirectional else 1)

    @property
    def names(self) -> list[str]:
        """ "layer_0", "layer_1", ..."""
        return [f"layer_{i}" for i in range(self.layers)]

    def init(self, key: Key) -> Params:
        """{"layer_0": the cell's, ...}; of both directions {"layer_0": {"forward": ..., "backward": ...}}."""

        def layer(key: Key, width: int) -> Params:
            if not self.bidirectional:
                return KINDS[self.kind].init(key, width, self.hidden)
            keys = zip(DIRECTIONS, jax.random.split(key), strict=True)
            return {way: KINDS[self.kind].init(key, width, self.hidden) for way, key in keys}

        keys = jax.random.split(key, self.layers)
        return {name: layer(keys[i], self.width if i else self.d_in) for i, name in enumerate(self.names)}

    def start(self, n: int) -> dict[str, Any]:
        """The states of N sequences before their first step: zeros, {"layer_0": ..., ...}."""
        state = KINDS[self.kind].state(jnp.zeros((n, self.hidden)))
        return {
            name: dict.fromkeys(DIRECTIONS, state) if self.bidirectional else state for name in self.names
        }

    def apply(
        self,
        params: Params,
        sequences: Sequences,
        states: dict[str, Any] | None = None,
        *,
        table: Array | None = None,
        key: Key | None = None,
        train: bool = False,
    ) -> tuple[Sequences, dict[str, Any]]:
        """All layers over all steps.

        Args:
            params: As of `init`.
            sequences: Values [N, T, D]; with a `table`, tokens [N, T].
            states: Each layer's state before the first step; None means zeros.
            table: Float array [V, D] whose rows the tokens stand for.
            key: Feeds the dropout; None is enough where `train` is False.
            train: Whether values are dropped between the layers (static).

        Returns:
            h of the last layer at every step, [N, T, H] or [N, T, 2H] (the forward direction first), 0 in
            the padding; and each layer's state after its last true step.

        Raises:
            ConfigError: If the values or lengths have other shapes or types.
        """
        x, mask = time_major(sequences, tokens=table is not None)
        begun, ended = states or self.start(x.shape[1]), {}
        drops = not (isinstance(self.dropout, Real) and self.dropout == 0)
        for i, name in enumerate(self.names):
            if i and drops:
                x = drop(None if key is None else jax.random.fold_in(key, i), x, self.dropout, train)
            rows = None if i else table
            x, ended[name] = _layer(KINDS[self.kind], params[name], x, mask, begun[name], rows)
        return Sequences(only_true(x, mask).swapaxes(0, 1), sequences.lengths), ended

    def step(self, params: Params, states: dict[str, Any], x: Array) -> tuple[dict[str, Any], Array]:
        """One time step of all layers: x [N, D] -> the new states, and h of the last layer [N, H].

        Raises:
            ConfigError: If the layers are bidirectional: the backward one needs the whole sequence.
        """
        if self.bidirectional:
            raise ConfigError("step wants layers of one direction: the backward one needs the whole sequence")
        after = {}
        for name in self.names:
            after[name], x = KINDS[self.kind].cell(params[name], states[name], x)
        return after, x


def recurrent(
    kind: str,
    d_in: int,
    hidden: int,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float | Array = 0.0,
) -> Recurrent:
    """Recurrent layers one on another: each reads what the one below shows at every step.

    Padding changes no value and no gradient. The backward direction starts at each sequence's last true
    step. The states of one call may start another, so that a sequence can be read in parts, or a decoder
    go on where an encoder ended.

    Args:
        kind: "rnn", "lstm" or "gru" (static).
        d_in: D, how many values a step (static).
        hidden: H, how many neurons a layer and direction (static).
        layers: How many (static).
        bidirectional: Whether every layer also reads backwards (static).
        dropout: Probability to drop each value between two layers in training; may be a tracer.

    Raises:
        ConfigError: If the kind is unknown or a number is not a positive integer.

    >>> layer = recurrent("lstm", 3, 4, bidirectional=True)
    >>> x = Sequences(jnp.ones((2, 5, 3)), jnp.array([5, 2]))
    >>> outputs, states = layer.apply(layer.init(jax.random.key(0)), x)
    >>> outputs.values.shape, states["layer_0"]["backward"].hidden.shape
    ((2, 5, 8), (2, 4))

    Source: both directions: Schuster and Paliwal 1997, https://doi.org/10.1109/78.650093
    """
    if kind not in KINDS:
        raise ConfigError(f"kind wants one of {', '.join(KINDS)}, got {kind!r}")
    for name, size in (("d_in", d_in), ("hidden", hidden), ("layers", layers)):
        if size != int(size) or size < 1:
            raise ConfigError(f"{name} must be a positive integer, got {size!r}")
    return Recurrent(kind, int(d_in), int(hidden), int(layers), bidirectional, dropout)


def recurrent_like(params: Params) -> Recurrent:
    """The layers to which such params belong, read from their names and shapes.

    >>> recurrent_like(recurrent("gru", 3, 4, layers=2).init(jax.random.key(0)))
    Recurrent(kind='gru', d_in=3, hidden=4, layers=2, bidirectional=False, dropout=0.0)
    """
    bidirectional = "forward" in params["layer_0"]
    cell = params["layer_0"]["forward"] if bidirectional else params["layer_0"]
    hidden = cell["recurrent"].shape[0]
    kind = {1: "rnn", 3: "gru", 4: "lstm"}[cell["recurrent"].shape[1] // hidden]
    return Recurrent(kind, cell["input"].shape[0], hidden, len(params), bidirectional)


def _layer(
    cell: Kind, params: Params, x: Array, mask: Array, states: Any, table: Array | None
) -> tuple[Array, Any]:
    """One layer over time, [T, N, ...] -> [T, N, H] or [T, N, 2H], and its state at the end."""

    def way(params: Params, state: Any, reverse: bool) -> tuple[Array, Any]:
        # A token's row is projected once for the whole vocabulary, not once for every step it stands at.
        projected = project(params, x, long_product) if table is None else embed(project(params, table), x)
        extra = params.get("recurrent_bias")
        return scan_cell(cell.form, reverse, params["recurrent"], extra, projected, mask, state)

    if "forward" not in params:
        return way(params, states, False)
    pair = {name: way(params[name], states[name], name == "backward") for name in DIRECTIONS}
    outputs = jnp.concatenate([pair["forward"][0], pair["backward"][0]], axis=-1)
    return outputs, {name: state for name, (_, state) in pair.items()}
