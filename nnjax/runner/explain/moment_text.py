"""The ledger of one unit at one time step of a recurrent layer as text: its gates, its state, its slopes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.explain.cells import Derived, derive
from nnjax.runner.explain.example import Example
from nnjax.runner.explain.ledger import Outputs
from nnjax.runner.explain.moments import MomentResiduals, Moments
from nnjax.runner.explain.terminal import beside, head_of, replays, table, text, which

FEW = 4  # terms of each product that are written out

LETTERS = {
    "lstm": {"update": "u", "forget": "f", "candidate": "g", "output": "o"},
    "gru": {"reset": "r", "update": "z", "candidate": "n"},
    "rnn": {"hidden": "h'"},
}
EQUATIONS = {
    "lstm": "c' = f c + u g, h' = o tanh(c')",
    "gru": "h' = (1 - z) n + z h",
    "rnn": "h' = tanh(x W + h U + b)",
}
ANSWERS = {
    "every step": "at every step",
    "last": "from the last state",
    "mean": "from the mean of the states",
    "max": "from the largest of each unit's states",
}
# What dJ / d gate is, and what the state is made of, in words.
REPORTS = {
    "lstm": ("dJ/dc' g", "dJ/dc' c", "dJ/dc' u", "dJ/dh' tanh(c')"),
    "gru": ("dJ/dn_sum (h U_n + d)", "dJ/dh' (h - n)", "dJ/dh' (1 - z)"),
    "rnn": ("dJ/dh'",),
}


class MomentView(NamedTuple):
    """One recurrent layer, one sequence, S states of the training.

    Attributes:
        example: Which sequence, and the states.
        numbers: The network's own.
        residuals: How far they are from what was recomputed.
        outputs: What the network answers at each state; None of a net that answers at every step.
        others: The names of all recurrent layers.
    """

    example: Example
    numbers: Moments
    residuals: MomentResiduals
    outputs: Outputs | None
    others: tuple[str, ...]


class Moment(NamedTuple):
    """A time step and a unit, from 0."""

    time: int
    unit: int


def chosen_moment(view: MomentView, frame: int, time: int | None, unit: int | None) -> Moment:
    """The time step and the unit; what is left out is where its slope is the largest.

    Raises:
        ConfigError: There is no such time step or unit.
    """
    values = np.abs(view.numbers.hidden_slopes[frame])
    for name, given, count in (("time", time, values.shape[0]), ("unit", unit, values.shape[1])):
        if given is not None and not 0 <= given < count:
            what = "steps of this sequence" if name == "time" else f"units of {view.numbers.layer}"
            raise ConfigError(f"--{name} wants one of the {count} {what}, from 0; got {given}")
    if unit is None:
        unit = int(np.argmax(values.max(axis=0) if time is None else values[time]))
    return Moment(int(np.argmax(values[:, unit])) if time is None else time, unit)


def moment_overview(view: MomentView, frame: int) -> str:
    """Which run, step and sequence, what the net answers, and how well the sums agree."""
    loss = float(view.numbers.loss[frame])
    if view.outputs is None:
        lines = [*which(view.example, frame), f"loss of this sequence, the mean over its steps: {loss:.6g}"]
    else:
        lines = head_of(view.example, view.outputs, frame, loss)
    return "\n".join([*lines, "", recurrent_text(view), "", moment_checks(view)])


def recurrent_text(view: MomentView) -> str:
    """The layer in a sentence."""
    numbers = view.numbers
    length, inputs, units = *numbers.inputs.shape[1:], numbers.hidden.shape[2]
    kind = numbers.kind.upper()
    read = ", read from the end" if numbers.backwards else ""
    others = f"\nrecurrent layers here: {', '.join(view.others)}" if len(view.others) > 1 else ""
    return (
        f"{numbers.layer}: {kind} of {units} units over {length} time steps of {inputs} values"
        f"{read}   {EQUATIONS[numbers.kind]}; the net answers {ANSWERS[numbers.way]}{others}"
    )


def moment_checks(view: MomentView) -> str:
    """What was recomputed, and the largest residual of each kind."""
    r, numbers = view.residuals, view.numbers
    lines = [
        f"recomputed in double precision, every time step and unit of {numbers.layer} at "
        f"{len(view.example.states)} steps; largest residuals:",
        f"  sums z {r.aggregation:.1e}, gates and states {r.state:.1e}, slopes {r.slope:.1e}, "
        f"dJ/dW and dJ/dU {r.gradient:.1e}",
        f"  the net step by step as here, and as it runs: outputs, loss and gradients within {r.same:.1e}",
    ]
    return "\n".join([*lines, *replays(view.example.apart)])


def moment_ledger(view: MomentView, frame: int, moment: Moment) -> str:
    """The ledger of one unit at one time step: its gates, its state, and back."""
    numbers, found = view.numbers, derive(view.numbers, frame)
    time, unit = moment
    title = f"{numbers.layer} unit {unit}, time {time} of 0 to {len(numbers.inputs[frame]) - 1}"
    lines = [title, "-" * len(title)]
    for i in range(len(numbers.gate_names)):
        lines += [*_gate(view, found, frame, moment, i), ""]
    return "\n".join(
        [*lines, *_state(numbers, found, frame, moment), "", *_back(numbers, found, frame, moment)]
    )


def _gate(view: MomentView, found: Derived, frame: int, moment: Moment, gate: int) -> list[str]:
    """One gate: its two products with their largest terms, the sum, and what is made of it."""
    numbers, (time, unit) = view.numbers, moment
    units = numbers.hidden.shape[2]
    column, name = gate * units + unit, numbers.gate_names[gate]
    letter = LETTERS[numbers.kind][name]
    params = {key: leaf[frame].astype(float) for key, leaf in numbers.params.items()}
    rows = _terms("x", numbers.inputs[frame][time].astype(float), params["input"][:, column])
    rows += _terms("h", found.before[time], params["recurrent"][:, column])
    late = numbers.kind == "gru" and name == "candidate"
    rows.append(("bias", "1", *[text(params["bias"][column])] * 2))
    if late:
        rows.append(("bias d", "1", *[text(params["recurrent_bias"][unit])] * 2))
    own, value = float(numbers.sums[frame][time, column]), float(found.gates[time, column])
    formula = "x W + b" if late else "x W + h U + b"
    lines = table((name, "value", "weight", "product"), rows)
    lines.append(f"z_{letter} = {formula}   {beside(float(found.sums[time, column]), own)}")
    if late:
        waiting = float(found.from_state[time, column] + params["recurrent_bias"][unit])
        reset = float(numbers.gates[frame][time, unit])
        inside = f"tanh(z_n + r (h U_n + d)) = tanh({own:.6g} + {reset:.6g} x {waiting:.6g})"
    else:
        squash = "tanh" if name in ("candidate", "hidden") else "sigmoid"
        inside = f"{squash}(z_{letter})"
    return [*lines, f"{letter} = {inside}   {beside(value, float(numbers.gates[frame][time, column]))}"]


def _terms(what: str, values: np.ndarray, weights: np.ndarray) -> list[tuple[str, ...]]:
    """The largest terms of a product, the rest in one line."""
    products = values * weights
    order = np.argsort(-np.abs(products), kind="stable")
    shown = sorted(order) if len(order) <= FEW + 1 else order[:FEW]
    rows = [(f"{what} {i}", *map(text, (values[i], weights[i], products[i]))) for i in shown]
    rest = order[len(shown) :]
    if len(rest):
        rows.append((f"{len(rest)} others of {what}", "", "", text(products[rest].sum())))
    return rows


def _state(numbers: Moments, found: Derived, frame: int, moment: Moment) -> list[str]:
    """The new state from the gates."""
    units, (time, unit) = numbers.hidden.shape[2], moment
    gate = [float(numbers.gates[frame][time, i * units + unit]) for i in range(len(numbers.gate_names))]
    own, before = float(numbers.hidden[frame][moment]), float(found.before[moment])
    if numbers.kind == "lstm" and numbers.cell is not None:
        u, f, g, o = gate
        cell, c = float(numbers.cell[frame][moment]), float(found.cell_before[moment])
        return [
            f"c' = f c + u g = {f:.6g} x {c:.6g} + {u:.6g} x {g:.6g}   "
            f"{beside(float(found.cell[moment]), cell)}",
            f"h' = o tanh(c') = {o:.6g} x {np.tanh(cell):.6g}   {beside(float(found.hidden[moment]), own)}",
        ]
    if numbers.kind == "gru":
        _, z, n = gate
        terms = f"{1 - z:.6g} x {n:.6g} + {z:.6g} x {before:.6g}"
        return [f"h' = (1 - z) n + z h = {terms}   {beside(float(found.hidden[moment]), own)}"]
    return [f"h' = {own:.7g}"]


def _back(numbers: Moments, found: Derived, frame: int, moment: Moment) -> list[str]:
    """The slopes: of the state, and how they divide among the gates."""
    units, (_, unit) = numbers.hidden.shape[2], moment
    shown, later = float(numbers.shown_slopes[frame][moment]), float(found.from_next[moment])
    own = float(numbers.hidden_slopes[frame][moment])
    lines = [
        f"dJ/dh' = {shown:.6g} (by what reads h' now) {plus(later)} (by the next step)   "
        f"{beside(float(found.hidden_slopes[moment]), own)}"
    ]
    if numbers.cell is not None and numbers.cell_slopes is not None:
        kept = float(found.cell_from_next[moment])
        now = float(found.cell_slopes[moment]) - kept
        lines.append(
            f"dJ/dc' = {now:.6g} (dJ/dh' o (1 - tanh(c')^2)) {plus(kept)} (dJ/dc' f of the next step)   "
            f"{beside(float(found.cell_slopes[moment]), float(numbers.cell_slopes[frame][moment]))}"
        )
    rows = []
    for i, name in enumerate(numbers.gate_names):
        at = moment.time, i * units + unit
        slope = float(numbers.sum_slopes[frame][at])
        parts = map(text, (found.gate_slopes[at], found.derivatives[at], found.sum_slopes[at], slope))
        residual = f"{abs(float(found.sum_slopes[at]) - slope):.1e}"
        rows.append((name, REPORTS[numbers.kind][i], *parts, residual))
    head = ("gate", "dJ/d gate is", "dJ/d gate", "gate'", "dJ/dz", "the network has", "residual")
    return [*lines, *table(head, rows)]


def plus(term: float) -> str:
    """A term that is added, with its sign.

    >>> plus(0.5), plus(-0.5)
    ('+ 0.5', '- 0.5')
    """
    return f"{'-' if term < 0 else '+'} {abs(term):.6g}"
