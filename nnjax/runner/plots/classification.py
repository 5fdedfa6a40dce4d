"""What a classifier confuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, INK, RIGHT, WRONG, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NUMBERS = 20  # with more classes than this the cells are too small for their counts


@figure_style()
def confusion_figure(matrix: Any, classes: Sequence[str] = ()) -> Figure:
    """The confusion matrix: rows are the true classes, columns what the net said.

    The shade of a cell grows with the square root of its share of the row, so that classes of
    different sizes compare and rare mistakes are seen: blue what is right, vermillion what is wrong.
    Cells hold counts (up to 20 classes; empty cells stay empty), the right margin each class's recall.

    Args:
        matrix: Counts [K, K].
        classes: The K names; their numbers where it is empty.

    Raises:
        DataError: If the matrix is not a square of counts, or the names are not K.
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise DataError(f"confusion_figure wants counts [K, K]; got shape {list(counts.shape)}")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise DataError("confusion_figure wants counts of 0 and more")
    names = list(classes) or [str(k) for k in range(len(counts))]
    if len(names) != len(counts):
        raise DataError(f"confusion_figure wants {len(counts)} class names; got {len(names)}")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cells = _shades(shares)
    side = min(max(3.4, 0.46 * len(names) + 1.2), 11.0)
    figure = new_figure(side + 0.4, side)
    axis = figure.subplots()
    axis.imshow(cells, aspect="equal")
    _axes(axis, names)
    if len(names) <= MOST_NUMBERS:
        _numbers(axis, counts, cells)
        _recall(axis, np.diag(shares), counts.sum(axis=1))
    return figure


def _shades(shares: np.ndarray) -> np.ndarray:
    """The colour of each cell [K, K, 3]: white, and the more of its own hue the larger the share."""
    from matplotlib.colors import to_rgb

    right = np.eye(len(shares), dtype=bool)[..., None]
    hues = np.where(right, to_rgb(RIGHT), to_rgb(WRONG))
    strength = np.sqrt(shares)[..., None]
    return 1.0 - strength * (1.0 - hues)


def _axes(axis: Axes, names: Sequence[str]) -> None:
    every = max(1, -(-len(names) // 40))
    places = range(0, len(names), every)
    long = max(len(name) for name in names) > 4
    axis.set_xticks(
        places, [names[k] for k in places], rotation=40 if long else 0, ha="right" if long else "center"
    )
    axis.set_yticks(places, [names[k] for k in places])
    if long:
        for label in axis.get_xticklabels():
            label.set_rotation_mode("anchor")
    axis.tick_params(length=0)
    axis.grid(False)
    axis.spines[:].set(visible=True, color=FAINT)
    if len(names) <= MOST_NUMBERS:
        axis.set_xticks(np.arange(len(names) - 1) + 0.5, minor=True)
        axis.set_yticks(np.arange(len(names) - 1) + 0.5, minor=True)
        axis.grid(True, which="minor")
        axis.tick_params(which="minor", length=0)
    axis.set_xlabel("what the net said")
    axis.set_ylabel("true class")


def _numbers(axis: Axes, counts: np.ndarray, cells: np.ndarray) -> None:
    for row, column in np.argwhere(counts > 0):
        axis.text(
            column,
            row,
            f"{counts[row, column]:g}" if counts[row, column] < 1e5 else f"{counts[row, column]:.0e}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if _luminance(cells[row, column]) < 0.25 else INK,
        )


def _recall(axis: Axes, recall: np.ndarray, sizes: np.ndarray) -> None:
    """Beside each row, how much of the class was recognised."""
    right = len(recall) - 0.5
    axis.annotate("recall", (right, -0.5), xytext=(8, 4), textcoords="offset points", fontsize=8, color=GREY)
    for row, (part, size) in enumerate(zip(recall, sizes, strict=True)):
        text = f"{part:.1%}" if size else "none"
        axis.annotate(
            text, (right, row), xytext=(8, 0), textcoords="offset points", fontsize=8, color=GREY, va="center"
        )


def _luminance(colour: np.ndarray) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2); below 0.25 white text reads well."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))
