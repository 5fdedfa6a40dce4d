"""The ledger of a neuron as text: each sum with its terms, its result, and the network's own beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnjax.runner.explain.example import Example, epoch_text
from nnjax.runner.explain.formulas import COSTS, FORMULAS, formula_of
from nnjax.runner.explain.ledger import Outputs
from nnjax.runner.explain.view import View

UPDATE = (
    "A step of the run takes the mean of such slopes over its batch; its optimiser makes the update of it."
)
TERMS = 12  # terms of a sum that are written out; the others stand in one line
FEW = 6  # neurons of a net of which every ledger is shown


def overview(view: View, frame: int) -> str:
    """Which run, step and example, what the net answers, and how well the sums agree."""
    numbers = view.numbers
    lines = [
        *which(view.example, frame),
        f"loss of this example: {numbers.loss[frame]:.6g}   {cost_text(view)}",
        answer(view, frame),
        "",
    ]
    hidden, _ = formula_of(view.formulas.activation)
    for i, (before, after) in enumerate(zip(view.sizes, view.sizes[1:], strict=False)):
        last = i == len(view.sizes) - 2
        formula, neurons = view.output_formula if last else hidden, "neuron" if after == 1 else "neurons"
        lines.append(
            f"{numbers.names[i]}: {before} inputs -> {after} {neurons}, {(before + 1) * after:,} weights   "
            f"{formula}"
        )
    lines += ["", checks(view), UPDATE]
    return "\n".join(lines)


def which(example: Example, frame: int) -> list[str]:
    """The lines that name the run, the step and the example."""
    state = example.states[frame]
    line = f"step {state.step} (epoch {epoch_text(example.epochs[frame])}), {state.source}"
    return [
        f"{example.name}: {line}",
        f"example {example.index} of {example.part} ({example.size} examples): it is {example.truth}",
    ]


def head_of(example: Example, outputs: Outputs, frame: int, loss: float) -> list[str]:
    """The lines that name the run, the step, the example, its loss and the answer."""
    formula = COSTS[outputs.cost].formula if outputs.cost else "(a loss of the run's own)"
    return [
        *which(example, frame),
        f"loss of this example: {loss:.6g}   {formula}",
        answer_of(outputs.values[frame], outputs.names),
    ]


def cost_text(view: View) -> str:
    """The formula of the loss, or that it is none of those known here."""
    return COSTS[view.formulas.cost].formula if view.formulas.cost else "(a loss of the run's own)"


def answer(view: View, frame: int) -> str:
    """The outputs, the largest first."""
    return answer_of(view.activation[-1][frame], view.classes)


def answer_of(outputs: np.ndarray, classes: Sequence[str]) -> str:
    """The outputs [K], the largest first.

    >>> answer_of(np.array([0.25, 0.75]), ("cat", "dog"))
    'answer: dog 0.7500, cat 0.2500'
    """
    order = np.argsort(-outputs, kind="stable")[:5]
    names = classes or [f"output {j}" for j in range(len(outputs))]
    return "answer: " + ", ".join(f"{names[j]} {outputs[j]:.4f}" for j in order)


def checks(view: View) -> str:
    """What was recomputed, and the largest residual of each kind."""
    r, steps = view.residuals, len(view.example.states)
    lines = [
        f"recomputed in double precision, every neuron at {steps} steps; largest residuals:",
        f"  aggregation z {r.aggregation:.1e}, activation a {r.activation:.1e}, loss {r.loss:.1e}, "
        f"dJ/dz {r.slope:.1e}, dJ/dw {r.gradient:.1e}",
    ]
    return "\n".join([*lines, *replays(view.example.apart)])


def replays(apart: Mapping[int, float]) -> list[str]:
    """Lines that say how the replays met the checkpoints."""
    met = {step: f"within {far:.1e}" if far else "bit for bit" for step, far in sorted(apart.items())}
    return [
        f"  trained again up to step {step}, the checkpoint there is met {how}" for step, how in met.items()
    ]


def ledger(view: View, frame: int, layer: int, neuron: int) -> str:
    """The ledger of one neuron at one step: forward, and back.

    Args:
        view: What is explained.
        frame: Which of its T steps.
        layer: Its layer, from 0.
        neuron: Its place there, from 0.
    """
    numbers, last = view.numbers, layer == len(view.sizes) - 2
    x = numbers.inputs[layer][frame].astype(float)
    w = numbers.weights(layer, frame)[:, neuron].astype(float)
    b = float(numbers.bias(layer, frame)[neuron])
    slope = float(numbers.slopes[layer][frame][neuron])
    z, own = float(x @ w + b), float(numbers.aggregations[layer][frame][neuron])
    title = view.neuron_name(layer, neuron)
    head = ("input", "x", "w", "x w", "dJ/dw = x dJ/dz")
    # The largest terms first where there are many, else the inputs as they stand.
    order = np.argsort(-np.abs(x * w), kind="stable") if len(x) > TERMS else np.arange(len(x))
    rows = [_row(view.input_name(layer, i), x[i], w[i], x[i] * slope) for i in order[:TERMS]]
    rest = order[TERMS:]
    if len(rest):
        rows.append((f"{len(rest)} others", "", "", text(float(x[rest] @ w[rest])), ""))
    rows.append(_row("bias", 1.0, b, slope))
    lines = [title, "-" * len(title), *table(head, rows), f"z = sum x w + b   {beside(z, own)}"]
    lines.append(activated(view, frame, layer, neuron, own, last))
    lines.append(flowed_back(view, frame, layer, neuron, own, slope, last))
    return "\n".join(lines)


def activated(view: View, frame: int, layer: int, neuron: int, z: float, last: bool) -> str:
    """The line with the activation."""
    own = float(view.activation[layer][frame][neuron])
    if last:
        return f"{view.output_formula} = {own:.7g}"
    formula, _ = formula_of(view.formulas.activation)
    if view.formulas.activation is None:
        return f"{formula}: {own:.7g}"
    f, _ = FORMULAS[view.formulas.activation]
    return f"{formula}   {beside(float(f(np.float64(z))), own)}"


def flowed_back(view: View, frame: int, layer: int, neuron: int, z: float, slope: float, last: bool) -> str:
    """The lines with the slope of the cost: of the last layer from the loss, else from the layer after."""
    numbers = view.numbers
    if last:
        if not view.formulas.cost or view.formulas.targets is None:
            return f"dJ/dz = {slope:.7g}, by jax.grad of the run's own loss"
        cost, all_z = COSTS[view.formulas.cost], numbers.aggregations[layer][frame].astype(float)
        found = float(cost.slope(all_z, view.formulas.targets)[neuron])
        t = view.formulas.targets[neuron]
        return f"{cost.slope_formula}, t = {t:g}   {beside(found, slope)}"
    after = numbers.weights(layer + 1, frame)[neuron].astype(float)
    back = after * numbers.slopes[layer + 1][frame].astype(float)
    order = np.argsort(-np.abs(back), kind="stable")
    head = ("neuron after", "w", "dJ/dz there", "w dJ/dz", "")
    there = numbers.slopes[layer + 1][frame]
    rows = [
        (view.neuron_name(layer + 1, k), *map(text, (after[k], there[k], back[k])), "") for k in order[:TERMS]
    ]
    if len(order) > TERMS:
        rows.append((f"{len(order) - TERMS} others", "", "", text(back[order[TERMS:]].sum()), ""))
    lines = [*table(head, rows), f"dJ/da = sum w dJ/dz = {back.sum():.7g}"]
    if view.formulas.activation is None:
        return "\n".join([*lines, f"dJ/dz = {slope:.7g}, by jax.grad"])
    derivative = float(FORMULAS[view.formulas.activation][1](np.float64(z)))
    product = f"{back.sum():.7g} x {derivative:.7g}"
    return "\n".join([*lines, f"dJ/dz = dJ/da f'(z) = {product}   {beside(back.sum() * derivative, slope)}"])


def beside(found: float, own: float) -> str:
    """A recomputed number, the network's own, and what lies between.

    >>> beside(1.5, 1.25)
    '= 1.5   the network has 1.25   residual 2.5e-01'
    """
    return f"= {found + 0.0:.7g}   the network has {own:.7g}   residual {abs(found - own):.1e}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns, the first to the left and numbers to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    line = lambda cells: "  ".join(
        [
            cells[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)),
        ]
    ).rstrip()
    return [line(head), *map(line, rows)]


def shown_neurons(view: View, frame: int) -> list[tuple[int, int]]:
    """The neurons whose ledgers are printed where none is asked for: all of a small net, else the answer."""
    everyone = [(i, j) for i, size in enumerate(view.sizes[1:]) for j in range(size)]
    if len(everyone) <= FEW:
        return everyone
    return [(len(view.sizes) - 2, int(np.argmax(view.activation[-1][frame])))]


def text(value: Any) -> str:
    """A number in six digits, without a sign where it is 0.

    >>> text(-0.0), text(1 / 3)
    ('0', '0.333333')
    """
    return f"{value + 0.0:.6g}"


def _row(name: str, x: Any, w: Any, gradient: Any) -> tuple[str, ...]:
    return name, text(x), text(w), text(x * w), text(gradient)
