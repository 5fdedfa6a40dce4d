"""The page of a convolution: its window on the image, step by step through the training."""

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
from nnjax.runner.explain.formulas import formula_of
from nnjax.runner.explain.window_text import Window, WindowView, layer_text, window_checks


def write_window_page(view: WindowView, frame: int, path: Path, window: Window) -> Path | None:
    """Writes the page.

    Args:
        view: What is explained.
        frame: Which of its T steps is shown first; it is always kept.
        path: Where the page goes.
        window: Which window is shown first.

    Returns:
        The path, or None where not even two steps fit into 1 MB; then nothing is written.

    Raises:
        StorageError: The page cannot be written.
    """
    channels, kept = that_fit(view, frame, window.channel)
    if len(kept) < min(2, len(view.example.states)):
        return None
    return write_document(
        Document(
            kind="window",
            **layer_words(view.example, view.numbers.layer, "in", layer_text(view)),
            checks=window_checks(view),
            numbers=window_payload(view, kept, frame, window, channels),
        ),
        path,
    )


def that_fit(view: WindowView, frame: int, channel: int) -> tuple[list[int], list[int]]:
    """The output channels and the steps for which there is room; of channels one, if need be."""
    numbers, count = view.numbers, len(view.example.states)
    outputs = numbers.filters.shape[-1]
    each = BYTES * (2 * np.prod(numbers.filters.shape[1:4]) + 2 * np.prod(numbers.aggregation.shape[1:3]) + 1)
    image = BYTES * float(np.prod(numbers.inputs.shape[1:]))
    fixed, always = (0.0, image) if same_image(view) else (image, 0.0)
    fixed += 1000  # the words of a step
    room = ROOM - always
    several = int((room / count - fixed) // each)
    near = sorted(range(outputs), key=lambda c: (abs(c - channel), c))[: max(1, several)]
    return sorted(near), spread(count, frame, int(room // (fixed + each * len(near))))


def same_image(view: WindowView) -> bool:
    """Whether what goes in is the same at every step."""
    return bool((view.numbers.inputs == view.numbers.inputs[:1]).all())


def window_payload(
    view: WindowView, kept: list[int], frame: int, window: Window, channels: list[int]
) -> dict[str, Any]:
    """The numbers of the page; arrays are float32 in base64, exactly as the run has them."""
    numbers, geometry = view.numbers, view.numbers.geometry
    return {
        **answer_words(view.outputs),
        "layer": numbers.layer,
        "kernel": list(numbers.filters.shape[1:4]),
        "image": list(numbers.inputs.shape[1:]),
        "places": list(numbers.aggregation.shape[1:3]),
        "outputs": numbers.filters.shape[-1],
        "stride": geometry.stride,
        "padding": geometry.padding,
        "dilation": geometry.dilation,
        "groups": geometry.groups,
        "channels": channels,
        "activation": numbers.activation,
        "formula": formula_of(numbers.activation)[0],
        "x": packed([numbers.inputs[frame]]),
        "frames": [
            answered_step(view.example, view.outputs, i, float(numbers.loss[i]))
            | {
                "w": packed([numbers.filters[i][..., channels]]),
                "b": packed([numbers.bias[i][channels]]),
                "z": packed([numbers.aggregation[i][..., channels]]),
                "d": packed([numbers.slopes[i][..., channels]]),
                "g": packed([numbers.gradient[i][..., channels]]),
                **({} if same_image(view) else {"x": packed([numbers.inputs[i]])}),
            }
            for i in kept
        ],
        "start": kept.index(frame),
        "window": [window.row, window.column, channels.index(window.channel)],
    }
