"""The page of an explained run: one offline file in which a person steps through the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnjax.runner.explain.document import (
    BYTES,
    PARTS,
    ROOM,
    Document,
    packed,
    spread,
    step_of,
    write_document,
)
from nnjax.runner.explain.formulas import COSTS, formula_of
from nnjax.runner.explain.terminal import checks, cost_text
from nnjax.runner.explain.view import View


def write_page(view: View, frame: int, path: Path, neuron: tuple[int, int]) -> Path | None:
    """Writes the page; it needs no network, and sends and reads nothing.

    Args:
        view: What is explained.
        frame: Which of its T steps is shown first; it is always kept.
        path: Where the page goes.
        neuron: Layer and place of the neuron whose ledger is shown first.

    Returns:
        The path, or None where not even two steps of the network fit into 1 MB; then nothing is written.

    Raises:
        StorageError: The page cannot be written.
    """
    kept = frames_that_fit(view, frame)
    if len(kept) < min(2, len(view.example.states)):
        return None
    example, part = view.example, PARTS[view.example.part]
    return write_document(
        Document(
            kind="network",
            name=example.name,
            about=f"example {example.index} of {part}",
            purpose=f"Example {example.index} of the {part} part, through the network and back.",
            facts=f"It is {example.truth}. The network has {layers_text(view)}.",
            checks=checks(view),
            numbers=payload(view, kept, frame, neuron),
        ),
        path,
    )


def frames_that_fit(view: View, frame: int) -> list[int]:
    """The steps that the page has room for: the wanted one, the first, the last, and others spread evenly."""
    neurons = sum(view.sizes[1:])
    weights = sum((d + 1) * m for d, m in zip(view.sizes, view.sizes[1:], strict=False))
    room = int(ROOM // (BYTES * (weights + 3 * neurons) + 500))
    return spread(len(view.example.states), frame, room)


def payload(view: View, kept: list[int], frame: int, neuron: tuple[int, int]) -> dict[str, Any]:
    """The numbers of the page; arrays are float32 in base64, exactly as the run has them."""
    cost = COSTS[view.formulas.cost] if view.formulas.cost else None
    activation, derivative = formula_of(view.formulas.activation)
    targets = view.formulas.targets
    return {
        "sizes": view.sizes,
        "shape": list(view.example.shape),
        "names": list(view.numbers.names),
        "classes": list(view.classes),
        "activation": view.formulas.activation,
        "cost": view.formulas.cost,
        "targets": None if targets is None else targets.tolist(),
        "formulas": {
            "activation": activation,
            "derivative": derivative,
            "output": view.output_formula,
            "cost": cost_text(view),
            "slope": cost.slope_formula if cost else "dJ/dz",
        },
        "x": packed([view.numbers.inputs[0][frame]]),
        "frames": [one_frame(view, i) for i in kept],
        "start": kept.index(frame),
        "neuron": list(neuron),
    }


def one_frame(view: View, frame: int) -> dict[str, Any]:
    """The numbers of one step."""
    numbers, layers = view.numbers, range(len(view.sizes) - 1)
    return step_of(view.example, frame, float(numbers.loss[frame])) | {
        "w": packed([part for i in layers for part in (numbers.weights(i, frame), numbers.bias(i, frame))]),
        "z": packed([z[frame] for z in numbers.aggregations]),
        "a": packed([a[frame] for a in view.activation]),
        "d": packed([d[frame] for d in numbers.slopes]),
        **({} if same_inputs(view) else {"x": packed([numbers.inputs[0][frame]])}),
    }


def layers_text(view: View) -> str:
    """The layers in words: 64 inputs, 128, 64 and 10 neurons."""
    *first, last = map(str, view.sizes[1:])
    return f"{view.sizes[0]} inputs; " + (
        f"{', '.join(first)} and {last} neurons" if first else f"{last} neurons"
    )


def same_inputs(view: View) -> bool:
    """Whether what goes in is the same at every step: it is not where other layers stand before."""
    inputs = view.numbers.inputs[0]
    return bool((inputs == inputs[:1]).all())
