"""One offline file in which a person steps through a training: what the pages of all kinds share."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnjax.errors import StorageError
from nnjax.runner.explain.example import Example, epoch_text
from nnjax.runner.explain.formulas import COSTS
from nnjax.runner.explain.ledger import Outputs
from nnjax.runner.report.markup import escape

ROOM = 900_000  # bytes for the numbers of all steps, so that the page stays under 1 MB
BYTES = 4 * 4 / 3  # of a float32 in base64
PARTS = {"train": "training", "valid": "validation", "test": "test"}


class Document(NamedTuple):
    """A page.

    Attributes:
        kind: "network", "window" or "cell": the names of its body and of its program.
        name: Of the run.
        about: Which example it is, in words.
        purpose: A sentence below the title.
        facts: Another one.
        checks: What was recomputed.
        numbers: What its program reads; it must have `frames` and `start`.
    """

    kind: str
    name: str
    about: str
    purpose: str
    facts: str
    checks: str
    numbers: Mapping[str, Any]


def write_document(document: Document, path: Path) -> Path:
    """Writes the page; it needs no network, and sends and reads nothing.

    Raises:
        StorageError: The page cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text_of(document), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def text_of(document: Document) -> str:
    """The whole page."""
    here, report = files("nnjax.runner.explain"), files("nnjax.runner.report")
    read = lambda folder, name: folder.joinpath(name).read_text(encoding="utf-8")
    values = {
        "title": escape(f"{document.name}: {document.about}"),
        **{name: escape(getattr(document, name)) for name in ("name", "purpose", "facts", "checks")},
        "body": read(here, f"{document.kind}.html"),
        "style": read(report, "page.css") + read(here, "page.css"),
        "script": read(here, "stepping.js") + read(here, f"{document.kind}.js"),
        # "<" cannot end the element that holds the numbers, whatever a class is called.
        "numbers": json.dumps(document.numbers).replace("<", "\\u003c"),
    }
    # In one pass: a value that holds the name of another place stays as it is.
    return re.sub(r"{{(\w+)}}", lambda place: values[place[1]], read(here, "page.html"))


def layer_words(example: Example, layer: str, how: str, text: str) -> dict[str, str]:
    """What the page of one layer says above its numbers; `text` is the layer in a sentence."""
    part = PARTS[example.part]
    return {
        "name": example.name,
        "about": f"example {example.index} of {part}, {layer}",
        "purpose": f"Example {example.index} of the {part} part, {how} {layer}.",
        "facts": f"It is {example.truth}. {text.splitlines()[0].replace('   ', '; ')}",
    }


def spread(count: int, frame: int, room: int) -> list[int]:
    """At most `room` of `count` steps: the wanted one, the first, the last, and others spread evenly.

    >>> spread(10, 4, 4)
    [0, 3, 4, 9]
    """
    if room >= count:
        return list(range(count))
    chosen = [frame, 0, count - 1, *(round(i) for i in np.linspace(0, count - 1, max(room, 2)))]
    return sorted(list(dict.fromkeys(chosen))[:room])


def step_of(example: Example, frame: int, loss: float) -> dict[str, Any]:
    """What every page says of a step."""
    state, row = example.states[frame], example.rows[frame]
    kept = {name: value for name, value in row.items() if name.startswith(("train_", "valid_"))}
    return {
        "step": state.step,
        "epoch": epoch_text(example.epochs[frame]),
        "source": state.source,
        "row": {name: value for name, value in kept.items() if value is not None},
        "loss": loss,
    }


def answer_words(outputs: Outputs) -> dict[str, Any]:
    """What a page says of all answers."""
    formula = COSTS[outputs.cost].formula if outputs.cost else "a loss of the run's own"
    return {"loss": formula, "shares": outputs.cost not in (None, "squared_error")}


def answered_step(example: Example, outputs: Outputs | None, frame: int, loss: float) -> dict[str, Any]:
    """What a page says of a step, and of the net's one answer there if it gives one."""
    said = step_of(example, frame, loss)
    if outputs is None:
        return said | {"answers": []}
    values, targets = outputs.values[frame], outputs.targets
    names = outputs.names or [f"output {k}" for k in range(len(values))]
    rows = [
        [names[k], float(values[k]), targets is not None and float(targets[k]) == 1.0]
        for k in np.argsort(-values, kind="stable")[:10]
    ]
    return said | {"answers": rows}


def packed(arrays: list[np.ndarray]) -> str:
    """Arrays one after another as little-endian float32 in base64.

    >>> packed([np.array([1.0])])
    'AACAPw=='
    """
    return base64.b64encode(np.concatenate([np.ravel(a) for a in arrays]).astype("<f4").tobytes()).decode(
        "ascii"
    )
