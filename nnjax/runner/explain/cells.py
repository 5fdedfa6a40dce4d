"""The equations of recurrent cells and their chain rule once more, in NumPy and double precision.

Each number is recomputed from the network's own numbers one link before it, so that a residual says where
something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.runner.explain.formulas import sigmoid

if TYPE_CHECKING:
    from nnjax.runner.explain.moments import Moments


class Derived(NamedTuple):
    """What is recomputed of one state of the training, over all L time steps.

    Attributes:
        before: h of the step before, [L, H].
        cell_before: c of the step before, [L, H].
        from_inputs: x W, [L, G H].
        from_state: h U, [L, G H].
        sums: x W + h U + b, [L, G H]; of a GRU's candidate x W + b.
        gates: [L, G H].
        cell: c', [L, H]; of an LSTM.
        hidden: h', [L, H].
        from_next: What the next step reports of dJ/dh', [L, H].
        hidden_slopes: dJ/dh', [L, H].
        cell_slopes: dJ/dc', [L, H]; of an LSTM.
        cell_from_next: What the next step reports of dJ/dc', [L, H].
        gate_slopes: dJ / d gate, [L, G H].
        derivatives: d gate / d sum, [L, G H].
        sum_slopes: dJ/dz, their product.
        gradient: dJ/dW and dJ/dU.
    """

    before: np.ndarray
    cell_before: np.ndarray
    from_inputs: np.ndarray
    from_state: np.ndarray
    sums: np.ndarray
    gates: np.ndarray
    cell: np.ndarray
    hidden: np.ndarray
    from_next: np.ndarray
    hidden_slopes: np.ndarray
    cell_slopes: np.ndarray
    cell_from_next: np.ndarray
    gate_slopes: np.ndarray
    derivatives: np.ndarray
    sum_slopes: np.ndarray
    gradient: dict[str, np.ndarray]


class Own(NamedTuple):
    """The network's own numbers of one state of the training, in double precision; names as in `Moments`.

    Attributes:
        v: The gates, a list of [L, H].
        before: h of the step before; `c_before` is c's.
        waiting: What a GRU's reset gate lets through, h U_n + d.
    """

    kind: str
    way: int
    params: dict[str, np.ndarray]
    x: np.ndarray
    z: np.ndarray
    v: list[np.ndarray]
    h: np.ndarray
    c: np.ndarray
    before: np.ndarray
    c_before: np.ndarray
    waiting: np.ndarray
    dz: np.ndarray
    dh: np.ndarray
    dc: np.ndarray
    shown: np.ndarray


def derive(numbers: Moments, state: int) -> Derived:
    """All equations of a layer's cell, and their chain rule, at one state of the training."""
    own = _own(numbers, state)
    from_inputs, from_state = own.x @ own.params["input"], own.before @ own.params["recurrent"]
    late = 2 * own.h.shape[1]  # where a GRU's candidate begins
    summed, inner, back = from_state.copy(), own.z.copy(), own.dz.copy()
    if own.kind == "gru":
        summed[:, late:] = 0
        inner[:, late:] += own.v[0] * own.waiting
        back[:, late:] *= own.v[0]
    squashed = [np.tanh if name in ("candidate", "hidden") else sigmoid for name in numbers.gate_names]
    pieces = np.split(inner, len(squashed), axis=1)
    slopes = [1 - v**2 if f is np.tanh else v * (1 - v) for f, v in zip(squashed, own.v, strict=True)]
    derivatives, gate_slopes = np.concatenate(slopes, axis=1), _gate_slopes(own)
    from_next = _moved(back, -own.way) @ own.params["recurrent"].T
    if own.kind == "gru":
        from_next += _moved(own.dh * own.v[1], -own.way)
    cell_from_next = _moved(own.dc * own.v[1], -own.way) if own.kind == "lstm" else np.zeros_like(own.h)
    cell, hidden = _states(own)
    return Derived(
        before=own.before,
        cell_before=own.c_before,
        from_inputs=from_inputs,
        from_state=from_state,
        sums=from_inputs + summed + own.params["bias"],
        gates=np.concatenate([f(piece) for f, piece in zip(squashed, pieces, strict=True)], axis=1),
        cell=cell,
        hidden=hidden,
        from_next=from_next,
        hidden_slopes=own.shown + from_next,
        cell_slopes=own.dh * own.v[-1] * (1 - np.tanh(own.c) ** 2) + cell_from_next,
        cell_from_next=cell_from_next,
        gate_slopes=gate_slopes,
        derivatives=derivatives,
        sum_slopes=gate_slopes * derivatives,
        gradient={"input": own.x.T @ own.dz, "recurrent": own.before.T @ back},
    )


def _own(numbers: Moments, state: int) -> Own:
    """The numbers as float64; what a kind of cell does not have is 0."""
    way = -1 if numbers.backwards else 1
    h = numbers.hidden[state].astype(float)
    wide = lambda array: np.zeros_like(h) if array is None else array[state].astype(float)
    c, before = wide(numbers.cell), _moved(h, way)
    params = {name: leaf[state].astype(float) for name, leaf in numbers.params.items()}
    candidate = params["recurrent"][:, -h.shape[1] :]
    return Own(
        kind=numbers.kind,
        way=way,
        params=params,
        x=wide(numbers.inputs),
        z=wide(numbers.sums),
        v=np.split(wide(numbers.gates), len(numbers.gate_names), axis=1),
        h=h,
        c=c,
        before=before,
        c_before=_moved(c, way),
        waiting=before @ candidate + params.get("recurrent_bias", 0.0),
        dz=wide(numbers.sum_slopes),
        dh=wide(numbers.hidden_slopes),
        dc=wide(numbers.cell_slopes),
        shown=wide(numbers.shown_slopes),
    )


def _states(own: Own) -> tuple[np.ndarray, np.ndarray]:
    """c' and h' from the gates."""
    if own.kind == "lstm":
        u, f, g, o = own.v
        return f * own.c_before + u * g, o * np.tanh(own.c)
    if own.kind == "gru":
        _, z, n = own.v
        return own.c, (1 - z) * n + z * own.before
    return own.c, own.v[0]


def _gate_slopes(own: Own) -> np.ndarray:
    """dJ / d gate of all gates, side by side."""
    if own.kind == "lstm":
        u, _, g, _ = own.v
        slopes = [own.dc * g, own.dc * own.c_before, own.dc * u, own.dh * np.tanh(own.c)]
    elif own.kind == "gru":
        _, z, n = own.v
        by_candidate = np.split(own.dz, 3, axis=1)[2]
        slopes = [by_candidate * own.waiting, own.dh * (own.before - n), own.dh * (1 - z)]
    else:
        slopes = [own.dh]
    return np.concatenate(slopes, axis=1)


def checked(numbers: Moments, state: int) -> Iterator[tuple[str, Any, Any]]:
    """Each kind of number: which residual it belongs to, recomputed, and the network's own."""
    found = derive(numbers, state)
    yield "aggregation", found.sums, numbers.sums[state]
    yield "state", found.gates, numbers.gates[state]
    yield "state", found.hidden, numbers.hidden[state]
    yield "slope", found.hidden_slopes, numbers.hidden_slopes[state]
    yield "slope", found.sum_slopes, numbers.sum_slopes[state]
    if numbers.cell is not None and numbers.cell_slopes is not None:
        yield "state", found.cell, numbers.cell[state]
        yield "slope", found.cell_slopes, numbers.cell_slopes[state]
    for name, recomputed in found.gradient.items():
        yield "gradient", recomputed, numbers.gradient[name][state]


def _moved(array: np.ndarray, way: int) -> np.ndarray:
    """Each time step's neighbour: that of the step before for 1, of the next for -1; zeros at the end."""
    zeros = np.zeros_like(array[:1])
    return np.concatenate([zeros, array[:-1]] if way == 1 else [array[1:], zeros])
