"""The page of a recurrent layer: its gates and states over time, step by step through the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnjax.runner.explain.document import (
    BYTES,
    ROOM,
    Document,
    answer_words,
    answered_step,
    layer_words,
    packed,
    spread,
    write_document,
)
from nnjax.runner.explain.moment_text import (
    EQUATIONS,
    LETTERS,
    REPORTS,
    Moment,
    MomentView,
    moment_checks,
    recurrent_text,
)


def write_moment_page(view: MomentView, frame: int, path: Path, moment: Moment) -> Path | None:
    """Writes the page; arguments and errors are those of `write_window_page`.

    Returns:
        The path, or None where not even two steps fit into 1 MB; then nothing is written.
    """
    kept = spread(len(view.example.states), frame, room_for(view))
    if len(kept) < min(2, len(view.example.states)):
        return None
    return write_document(
        Document(
            kind="cell",
            **layer_words(view.example, view.numbers.layer, "through time in", recurrent_text(view)),
            checks=moment_checks(view),
            numbers=moment_payload(view, kept, frame, moment),
        ),
        path,
    )


def room_for(view: MomentView) -> int:
    """For how many steps there is room."""
    return int(ROOM // (BYTES * sum(leaf.size for leaf in step_arrays(view, 0).values()) + 1000))


def step_arrays(view: MomentView, frame: int) -> dict[str, np.ndarray]:
    """The arrays of one step of the training."""
    numbers = view.numbers
    arrays = {
        "x": numbers.inputs[frame],
        "s": numbers.sums[frame],
        "v": numbers.gates[frame],
        "h": numbers.hidden[frame],
        "d": numbers.sum_slopes[frame],
        "dh": numbers.hidden_slopes[frame],
        "ds": numbers.shown_slopes[frame],
        **{name: leaf[frame] for name, leaf in numbers.params.items()},
    }
    if numbers.cell is not None and numbers.cell_slopes is not None:
        arrays |= {"c": numbers.cell[frame], "dc": numbers.cell_slopes[frame]}
    return arrays


def moment_payload(view: MomentView, kept: list[int], frame: int, moment: Moment) -> dict[str, Any]:
    """The numbers of the page; arrays are float32 in base64, exactly as the run has them."""
    numbers = view.numbers
    words = {"loss": "J, the mean over the steps", "shares": False}
    return {
        **(words if view.outputs is None else answer_words(view.outputs)),
        "layer": numbers.layer,
        "kind": numbers.kind,
        "way": -1 if numbers.backwards else 1,
        "length": numbers.inputs.shape[1],
        "inputs": numbers.inputs.shape[2],
        "units": numbers.hidden.shape[2],
        "gates": list(numbers.gate_names),
        "letters": list(LETTERS[numbers.kind].values()),
        "reports": list(REPORTS[numbers.kind]),
        "equations": EQUATIONS[numbers.kind],
        "frames": [
            answered_step(view.example, view.outputs, i, float(numbers.loss[i]))
            | {name: packed([leaf]) for name, leaf in step_arrays(view, i).items()}
            for i in kept
        ],
        "start": kept.index(frame),
        "moment": list(moment),
    }
