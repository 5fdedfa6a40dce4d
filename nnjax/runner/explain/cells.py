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


def derive(numbers: Moments, state: int) -> Derived:
    """All equations of a layer's cell, and their chain rule, at one state of the training."""
    kind, way = numbers.kind, -1 if numbers.backwards else 1
    wide: Any = lambda array: None if array is None else array[state].astype(float)
    x, z, h, c = map(wide, (numbers.inputs, numbers.sums, numbers.hidden, numbers.cell))
    dz, dh, dc = map(wide, (numbers.sum_slopes, numbers.hidden_slopes, numbers.cell_slopes))
    own, shown = wide(numbers.gates), wide(numbers.shown_slopes)
    params = {name: leaf[state].astype(float) for name, leaf in numbers.params.items()}
    if kind != "lstm":
        c = dc = np.zeros_like(h)
    units = h.shape[1]
    before, cell_before = _moved(h, way), _moved(c, way)
    part = lambda array, gate: array[:, gate * units : (gate + 1) * units]
    squashed = [np.tanh if name in ("candidate", "hidden") else sigmoid for name in numbers.gate_names]
    from_inputs, from_state = x @ params["input"], before @ params["recurrent"]
    gated = from_state.copy()
    inner = z.copy()  # what is squashed
    back = dz.copy()  # dJ / d (h U)
    if kind == "gru":
        gated[:, 2 * units :] = 0
        waiting = part(from_state, 2) + params["recurrent_bias"]
        inner[:, 2 * units :] += part(own, 0) * waiting
        back[:, 2 * units :] *= part(own, 0)
    gates = np.concatenate([f(part(inner, i)) for i, f in enumerate(squashed)], axis=1)
    derivatives = np.concatenate(
        [
            1 - part(own, i) ** 2 if f is np.tanh else part(own, i) * (1 - part(own, i))
            for i, f in enumerate(squashed)
        ],
        axis=1,
    )
    from_next, cell_from_next, cell = _moved(back, -way) @ params["recurrent"].T, np.zeros_like(h), c
    if kind == "lstm":
        u, f, g, o = (part(own, i) for i in range(4))
        cell, hidden = f * cell_before + u * g, o * np.tanh(c)
        cell_from_next = _moved(dc * f, -way)
        slopes = [dc * g, dc * cell_before, dc * u, dh * np.tanh(c)]
        cell_slopes = dh * o * (1 - np.tanh(c) ** 2) + cell_from_next
    elif kind == "gru":
        update, n = part(own, 1), part(own, 2)
        hidden = (1 - update) * n + update * before
        slopes = [part(dz, 2) * waiting, dh * (before - n), dh * (1 - update)]
        from_next, cell_slopes = from_next + _moved(dh * update, -way), dc
    else:
        hidden, slopes, cell_slopes = own, [dh], dc
    gate_slopes = np.concatenate(slopes, axis=1)
    return Derived(
        before=before,
        cell_before=cell_before,
        from_inputs=from_inputs,
        from_state=from_state,
        sums=from_inputs + gated + params["bias"],
        gates=gates,
        cell=cell,
        hidden=hidden,
        from_next=from_next,
        hidden_slopes=shown + from_next,
        cell_slopes=cell_slopes,
        cell_from_next=cell_from_next,
        gate_slopes=gate_slopes,
        derivatives=derivatives,
        sum_slopes=gate_slopes * derivatives,
        gradient={"input": x.T @ dz, "recurrent": before.T @ back},
    )


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
