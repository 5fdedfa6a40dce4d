"""Grids of images, among them those a classifier is most wrong about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 8.1  # inches, the width of a page
CELL = WIDTH / 5


@figure_style()
def image_grid(images: Any, titles: Sequence[str] = (), *, columns: int = 5) -> Figure:
    """Images in rows, with a line of text above each.

    Args:
        images: [N, H, W] (dark where the value is large, as ink on paper), [N, H, W, C] with 1, 3 or
            4 channels, or [N, D] where D is a square number. Any value range: the images shown
            share one scale.
        titles: N texts, or none.
        columns: Images a row.

    Raises:
        DataError: If these are no images, none at all, or the texts are not N.
    """
    pictures = _as_images(images)
    if not len(pictures):
        raise DataError("image_grid wants at least one image; got none")
    if titles and len(titles) != len(pictures):
        raise DataError(f"image_grid wants {len(pictures)} titles; got {len(titles)}")
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    lines = 1 + max((title.count("\n") for title in titles), default=-1)
    cell = min(CELL, WIDTH / columns)
    height = cell * pictures.shape[1] / pictures.shape[2] + 0.17 * lines
    figure = new_figure(cell * columns, rows * height)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.05)
    low, high = float(pictures.min()), float(pictures.max())
    for index, axis in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axis.set_axis_off()
        if index >= len(pictures):
            continue
        picture = pictures[index]
        if picture.ndim == 3 and picture.dtype != np.uint8 and (low < 0 or high > 1):
            picture = (picture - low) / ((high - low) or 1.0)
        axis.imshow(picture, cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
        axis.set_axis_on()
        axis.grid(False)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set(visible=True, color=FAINT)
        if titles:
            axis.set_title(titles[index], fontsize=8, fontweight="normal", loc="center", pad=4)
    return figure


@figure_style()
def mistakes_gallery(
    images: Any,
    labels: Any,
    predictions: Any,
    probabilities: Any,
    classes: Sequence[str] = (),
    count: int = 20,
) -> Figure:
    """The worst mistakes: where the net gave a wrong class the highest probability.

    Args:
        images: N images, as in `image_grid`, before any standardisation.
        labels: The true classes, integers [N].
        predictions: What the net said, integers [N].
        probabilities: [N, K], a row sums to 1.
        classes: The K names; their numbers where it is empty.
        count: How many to show.

    Raises:
        DataError: If the arrays do not have N rows, or a class is not in 0..K-1.
    """
    labels, predictions, chances = np.asarray(labels), np.asarray(predictions), np.asarray(probabilities)
    pictures = _as_images(images)
    rows = {len(pictures), len(labels), len(predictions), len(chances)}
    if len(rows) > 1 or chances.ndim != 2:
        raise DataError(
            f"mistakes_gallery wants N images, labels, predictions and rows [N, K]; got N of {sorted(rows)}"
        )
    names = list(classes) or [str(k) for k in range(chances.shape[1])]
    for array in (labels, predictions):
        if len(array) and not (array.min() >= 0 and array.max() < min(len(names), chances.shape[1])):
            raise DataError(
                f"mistakes_gallery wants classes 0..{len(names) - 1}; got {array.min()}..{array.max()}"
            )
    wrong = np.flatnonzero(predictions != labels)
    sure = chances[wrong, predictions[wrong]]
    order = np.argsort(-sure, kind="stable")[:count]
    if not len(order):
        return _message(f"No mistakes among {len(labels):,} examples")
    titles = [
        _verdict(names[labels[row]], names[predictions[row]], chance)
        for row, chance in zip(wrong[order], sure[order], strict=True)
    ]
    return image_grid(pictures[wrong[order]], titles)


def _verdict(true: str, said: str, chance: float) -> str:
    """Never 1.00 for what is not certain: a probability is cut, not rounded, to two digits."""
    line = f"true {true}, said {said} ({math.floor(chance * 100) / 100:.2f})"
    return line if len(line) <= 23 else line.replace(", said", ",\nsaid")


def _message(text: str) -> Figure:
    figure = new_figure(WIDTH, 1.2)
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def _as_images(images: Any) -> np.ndarray:
    """[N, H, W] or [N, H, W, C] with 3 or 4 channels."""
    array = np.asarray(images)
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.ndim == 2 and math.isqrt(array.shape[1]) ** 2 == array.shape[1]:
        return array.reshape(len(array), math.isqrt(array.shape[1]), -1)
    if array.ndim == 4 and array.shape[3] == 1:
        return array[..., 0]
    if array.ndim == 3 or (array.ndim == 4 and array.shape[3] in (3, 4)):
        return array
    raise DataError(f"wanted images [N, H, W], [N, H, W, C] or [N, side·side]; got shape {list(array.shape)}")
