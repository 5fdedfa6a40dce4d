"""The page of an explained run: one offline file in which a person steps through the training."""

from __future__ import annotations

import base64
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.errors import StorageError
from nnjax.runner.explain.formulas import COSTS, formula_of
from nnjax.runner.explain.terminal import checks, cost_text
from nnjax.runner.explain.view import View, epoch_text
from nnjax.runner.report.markup import escape

ROOM = 900_000  # bytes for the numbers of all steps, so that the page stays under 1 MB
PARTS = {"train": "training", "valid": "validation", "test": "test"}


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
    if len(kept) < min(2, len(view.states)):
        return None
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(page(view, kept, frame, neuron), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def frames_that_fit(view: View, frame: int) -> list[int]:
    """The steps that the page has room for: the wanted one, the first, the last, and others spread evenly."""
    neurons = sum(view.sizes[1:])
    weights = sum((d + 1) * m for d, m in zip(view.sizes, view.sizes[1:], strict=False))
    room = int(ROOM // (4 * (weights + 3 * neurons) * 4 / 3 + 500))
    count = len(view.states)
    if room >= count:
        return list(range(count))
    chosen = [frame, 0, count - 1]
    chosen += [round(i) for i in np.linspace(0, count - 1, max(room, 2))]
    return sorted(list(dict.fromkeys(chosen))[:room])


def page(view: View, kept: list[int], frame: int, neuron: tuple[int, int]) -> str:
    """The whole page as text."""
    here, report = files("nnjax.runner.explain"), files("nnjax.runner.report")
    read = lambda folder, name: folder.joinpath(name).read_text(encoding="utf-8")
    # "<" cannot end the element that holds the numbers, whatever a class is called.
    numbers = json.dumps(payload(view, kept, frame, neuron)).replace("<", "\\u003c")
    values = {
        "name": escape(view.name),
        "index": str(view.index),
        "part": escape(PARTS[view.part]),
        "truth": escape(view.truth),
        "layers": layers_text(view),
        "checks": escape(checks(view)),
        "style": read(report, "page.css") + read(here, "page.css"),
        "script": read(here, "page.js"),
        "numbers": numbers,
    }
    # In one pass: a value that holds the name of another place stays as it is.
    return re.sub(r"{{(\w+)}}", lambda place: values[place[1]], read(here, "page.html"))


def payload(view: View, kept: list[int], frame: int, neuron: tuple[int, int]) -> dict[str, Any]:
    """The numbers of the page; arrays are float32 in base64, exactly as the run has them."""
    cost = COSTS[view.formulas.cost] if view.formulas.cost else None
    activation, derivative = formula_of(view.formulas.activation)
    targets = view.formulas.targets
    return {
        "sizes": view.sizes,
        "shape": list(view.shape),
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
    row = {name: value for name, value in view.rows[frame].items() if name.startswith(("train_", "valid_"))}
    return {
        "step": view.states[frame].step,
        "epoch": epoch_text(view.epochs[frame]),
        "source": view.states[frame].source,
        "row": {name: value for name, value in row.items() if value is not None},
        "loss": float(numbers.loss[frame]),
        "w": packed([part for i in layers for part in (numbers.weights(i, frame), numbers.bias(i, frame))]),
        "z": packed([z[frame] for z in numbers.aggregations]),
        "a": packed([a[frame] for a in view.activation]),
        "d": packed([d[frame] for d in numbers.slopes]),
    }


def packed(arrays: list[np.ndarray]) -> str:
    """Arrays one after another as little-endian float32 in base64.

    >>> packed([np.array([1.0])])
    'AACAPw=='
    """
    return base64.b64encode(np.concatenate([np.ravel(a) for a in arrays]).astype("<f4").tobytes()).decode(
        "ascii"
    )


def layers_text(view: View) -> str:
    """The layers in words: 64 inputs, 128, 64 and 10 neurons."""
    *first, last = map(str, view.sizes[1:])
    return f"{view.sizes[0]} inputs; " + (
        f"{', '.join(first)} and {last} neurons" if first else f"{last} neurons"
    )
