"""A convolution cell by cell: grids of numbers, a window that moves over one, and where it has been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.animation import gif
from nnjax.runner.plots.style import COLOURS, GREY, INK, figure_style, new_figure, signed_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 0.34  # inches
SUM = 0.85  # inches, for the sum that is written below
MOST_CELLS = 400
WINDOW, ANSWER = COLOURS[1], COLOURS[0]


class Grid(NamedTuple):
    """Numbers on squares, darker where they are larger in size; negative ones in another colour.

    Attributes:
        values: Array [R, C].
        name: What stands above it.
        window: (top, left, height, width) of a frame, in cells; None draws none.
        padding: How many rows and columns at each side are padding, drawn dashed.
        shade: Whether squares are coloured by their values.
    """

    values: Any
    name: str = ""
    window: tuple[int, int, int, int] | None = None
    padding: int = 0
    shade: bool = True


@figure_style()
def grids_figure(*lines: Sequence[Grid | str]) -> Figure:
    """Lines of grids with the signs between them.

    Raises:
        DataError: If a grid is not [R, C], or too large to be read.
    """
    widths = [sum(_width(part) for part in line) for line in lines]
    heights = [max(_height(part) for part in line if isinstance(part, Grid)) for line in lines]
    width, height = max(widths) + 0.3, sum(heights) + 0.2 * len(lines)
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(height, 0))
    axis.set_axis_off()
    top = 0.1
    for line, tall in zip(lines, heights, strict=True):
        left = 0.15
        for part in line:
            _draw_part(axis, part, left, top, tall)
            left += _width(part)
        top += tall + 0.2
    return figure


@figure_style()
def convolution_gif(
    image: Any, filters: Any, stride: int = 1, padding: int = 0, seconds: float = 8.0
) -> bytes:
    """The window moves over the image, and each place writes one number of the answer.

    Args:
        image: [H, W], before padding.
        filters: [kh, kw].
        stride: Pixels between two places.
        padding: Rows and columns of zeros at each side.
        seconds: How long it takes.

    Raises:
        DataError: If the grids are too large to be read.
    """
    padded, filters = np.pad(np.asarray(image, float), padding), np.asarray(filters, float)
    (kh, kw), (rows, columns) = filters.shape, padded.shape
    tops, lefts = range(0, rows - kh + 1, stride), range(0, columns - kw + 1, stride)
    answer = np.array([[(padded[a : a + kh, b : b + kw] * filters).sum() for b in lefts] for a in tops])
    places = [(i, j) for i in range(len(tops)) for j in range(len(lefts))]
    line = [Grid(padded), "∗", Grid(filters), "=", Grid(answer)]
    tall = max(_height(part) for part in line if isinstance(part, Grid))
    width, height = sum(_width(part) for part in line) + 0.3, tall + SUM
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))

    def draw(index: int) -> None:
        axis.clear()
        axis.set(xlim=(0, width), ylim=(height, 0))
        axis.set_axis_off()
        i, j = places[index]
        a, b = tops[i], lefts[j]
        shown = np.full(answer.shape, np.nan)
        for p, q in places[: index + 1]:
            shown[p, q] = answer[p, q]
        image_name = "image with padding" if padding else "image"
        moving, writing = (
            Grid(padded, image_name, (a, b, kh, kw), padding),
            Grid(shown, "answer", (i, j, 1, 1)),
        )
        parts = [moving, "∗", Grid(filters, "filter"), "=", writing]
        left = 0.15
        for part in parts:
            _draw_part(axis, part, left, 0.1, tall)
            left += _width(part)
        seen = padded[a : a + kh, b : b + kw]
        axis.text(
            width / 2, tall + 0.45, _sum(seen, filters, answer[i, j]), ha="center", va="center", fontsize=8.5
        )

    return gif(figure, draw, len(places), seconds)


@figure_style()
def matrix_figure(matrix: Any, rows: str, columns: str) -> Figure:
    """A large matrix as squares of colour: blue positive, vermillion negative, white 0.

    Args:
        matrix: [R, C].
        rows: What a row is.
        columns: What a column is.
    """
    values = np.asarray(matrix, float)
    figure = new_figure(6.2, 0.9 + 5.2 * len(values) / values.shape[1])
    axis = figure.subplots()
    largest = np.abs(values).max() or 1.0
    axis.imshow(values, cmap=signed_colours(), vmin=-largest, vmax=largest, interpolation="nearest")
    axis.set(xlabel=columns, ylabel=rows)
    axis.grid(False)
    axis.spines[:].set(visible=True)
    return figure


def _sum(seen: np.ndarray, filters: np.ndarray, total: float) -> str:
    """The products that are not 0, in words: `10·1 + 10·1 + 10·1 = 30`."""
    terms = [
        f"{_number(x)}·{_number(w)}" if w >= 0 else f"{_number(x)}·({_number(w)})"
        for x, w in zip(seen.ravel(), filters.ravel(), strict=True)
        if w != 0
    ]
    return f"{' + '.join(terms)} = {_number(total)}"


def _width(part: Grid | str) -> float:
    return 0.075 * len(part) + 0.24 if isinstance(part, str) else CELL * np.shape(part.values)[1] + 0.16


def _height(part: Grid) -> float:
    if np.ndim(part.values) != 2 or np.size(part.values) > MOST_CELLS:
        raise DataError(
            f"a grid wants [R, C] of up to {MOST_CELLS} numbers, got {list(np.shape(part.values))}"
        )
    return CELL * len(part.values) + 0.3


def _draw_part(axis: Axes, part: Grid | str, left: float, top: float, tall: float) -> None:
    """One grid or sign, centred on the height of its line."""
    middle = top + 0.28 + (tall - 0.3) / 2
    if isinstance(part, str):
        axis.text(left + _width(part) / 2, middle, part, ha="center", va="center", fontsize=11)
        return
    _draw_grid(axis, part, left + 0.08, middle - CELL * len(part.values) / 2)


def _draw_grid(axis: Axes, grid: Grid, left: float, top: float) -> None:
    from matplotlib.patches import Rectangle

    values = np.asarray(grid.values, float)
    rows, columns = values.shape
    largest = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 1.0
    for i in range(rows):
        for j in range(columns):
            at = (left + CELL * j, top + CELL * i)
            outside = min(i, j, rows - 1 - i, columns - 1 - j) < grid.padding
            share = 0.0 if not np.isfinite(values[i, j]) else abs(values[i, j]) / (largest or 1.0)
            colour = ANSWER if values[i, j] > 0 else WINDOW
            face = (*_rgb(colour), 0.45 * share) if grid.shade else (1, 1, 1, 0)
            line = (0, (2, 2)) if outside else "-"
            axis.add_patch(
                Rectangle(at, CELL, CELL, facecolor=face, edgecolor="#b5b5b5", linewidth=0.7, linestyle=line)
            )
            if np.isfinite(values[i, j]):
                centre = (at[0] + CELL / 2, at[1] + CELL / 2)
                ink = GREY if outside or values[i, j] == 0 else INK
                axis.text(*centre, _number(values[i, j]), ha="center", va="center", fontsize=8, color=ink)
    if grid.window is not None:
        a, b, height, width = grid.window
        at = (left + CELL * b, top + CELL * a)
        axis.add_patch(
            Rectangle(at, CELL * width, CELL * height, fill=False, edgecolor=WINDOW, linewidth=2.2, zorder=5)
        )
    middle = left + CELL * columns / 2
    axis.text(middle, top - 0.14, grid.name, ha="center", va="center", fontsize=8.5, fontweight="bold")


def _rgb(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))  # pyright: ignore[reportReturnType]


def _number(value: float) -> str:
    """A number with up to three digits.

    >>> _number(-30.0), _number(0.12345)
    ('−30', '0.123')
    """
    return f"{float(value) + 0.0:.3g}".replace("-", "−")
