"""Matrices with their numbers, side by side as in a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.network import layer_sizes
from nnjax.runner.plots.style import GREY, INK, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 0.36  # inches, the width of a number
ROW = 0.235  # inches, the height of a row
MOST_CELLS = 400


class Matrix(NamedTuple):
    """A matrix in a formula.

    Attributes:
        values: Array [R, C].
        name: What stands above it.
        columns: What stands above each column.
        rows: What stands before each row.
        shade: Columns that are drawn on grey, such as that of the input that is always 1.
    """

    values: Any
    name: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    shade: Sequence[int] = ()


@figure_style()
def formula(*lines: Sequence[Matrix | str]) -> Figure:
    """Lines of matrices with the signs between them: `formula([Matrix(x), "×", Matrix(w), "=", Matrix(y)])`.

    Numbers have up to three digits. The matrices of a line are centred on one height.

    Raises:
        DataError: If a matrix is not [R, C], or too large to be read.
    """
    for part in (part for line in lines for part in line if isinstance(part, Matrix)):
        if np.ndim(part.values) != 2 or np.size(part.values) > MOST_CELLS:
            got = list(np.shape(part.values))
            raise DataError(f"formula wants matrices [R, C] of up to {MOST_CELLS} numbers, got {got}")
    widths = [sum(_width(part) for part in line) for line in lines]
    heights = [max(_height(part) for part in line if isinstance(part, Matrix)) for line in lines]
    width, height = max(widths) + 0.3, sum(heights) + 0.25 * len(lines)
    figure = new_figure(width, height)
    figure.set_layout_engine("none")  # everything has its place already
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, width), ylim=(height, 0))
    axis.set_axis_off()
    top = 0.1
    for line, tall in zip(lines, heights, strict=True):
        left, middle = 0.15, top + _head(line) + (tall - _head(line)) / 2
        for part in line:
            if isinstance(part, Matrix):
                _draw_matrix(axis, part, left, middle)
            else:
                axis.text(left + _width(part) / 2, middle, part, ha="center", va="center", fontsize=10.5)
            left += _width(part)
        top += tall + 0.25
    return figure


def layers_formula(
    params: Mapping[str, Any],
    inputs: Any,
    activation: Callable[[Any], Any],
    names: Sequence[Sequence[str]],
    called: str = "f",
) -> Figure:
    """What an `mlp` computes as one product of matrices a layer, the bias as the weight of an input 1.

    Unlike `mlp`, it applies the activation after the last layer too.

    Args:
        params: {"layer_0": {"weights": [D, M], "bias": [M]}, ...}.
        inputs: The examples [N, D].
        activation: f.
        names: What the inputs are called, then the neurons of each layer.
        called: What f is called.

    Raises:
        DataError: If the layers do not fit, or the matrices are too large.
    """
    layer_sizes(params)
    values, line = np.asarray(inputs, float), []
    for i in range(len(params)):
        weights = bias_as_input(params[f"layer_{i}"])
        values = np.concatenate([values, np.ones((len(values), 1))], axis=1)
        known, made = [*names[i], "1"], names[i + 1]
        sums = values @ weights
        line += [Matrix(values, "hidden" if i else "inputs", known, shade=[len(known) - 1]), "×"]
        line += [
            Matrix(weights, f"W{'₁₂₃₄₅₆₇₈₉'[i]}", made, known),
            "=",
            Matrix(sums, "sums", made),
            f"{called} →",
        ]
        values = np.asarray(activation(sums))
    return formula([*line, Matrix(values, "answer", names[-1])])


def bias_as_input(layer: Mapping[str, Any]) -> np.ndarray:
    """The weights with the bias as their last row, [D + 1, M].

    >>> bias_as_input({"weights": np.array([[4.0], [5.0]]), "bias": np.array([-6.0])}).ravel().tolist()
    [4.0, 5.0, -6.0]
    """
    return np.concatenate([np.asarray(layer["weights"]), np.asarray(layer["bias"])[None]])


def _head(line: Sequence[Matrix | str]) -> float:
    """The height of what stands above the matrices of a line: the names, and the columns' names."""
    parts = [part for part in line if isinstance(part, Matrix)]
    return ROW * (any(part.name for part in parts) + any(part.columns for part in parts) + 0.3)


def _height(part: Matrix) -> float:
    return ROW * (len(part.values) + bool(part.name) + bool(part.columns) + 0.6)


def _width(part: Matrix | str) -> float:
    """Inches, with some air on both sides."""
    if isinstance(part, str):
        return 0.085 * len(part) + 0.2
    before = 0.075 * max((len(row) for row in part.rows), default=0)
    return before + _cell(part) * np.shape(part.values)[1] + 0.2


def _cell(part: Matrix) -> float:
    longest = max(len(_number(value)) for value in np.ravel(part.values))
    return max([CELL, 0.085 * longest + 0.12, *(0.078 * len(name) + 0.1 for name in part.columns)])


def _number(value: float) -> str:
    """A number with up to three digits.

    >>> _number(-6.0), _number(0.12345), _number(0)
    ('−6', '0.123', '0')
    """
    return f"{float(value):.3g}".replace("-", "−")


def _draw_matrix(axis: Axes, part: Matrix, left: float, middle: float) -> None:
    values = np.asarray(part.values)
    (rows, columns), cell = values.shape, _cell(part)
    left += 0.1 + 0.075 * max((len(row) for row in part.rows), default=0)
    top, bottom, right = middle - ROW * rows / 2, middle + ROW * rows / 2, left + cell * columns
    small: dict[str, Any] = {"fontsize": 8.5, "va": "center"}
    for i in range(rows):
        y = top + ROW * (i + 0.5)
        for j in range(columns):
            colour = GREY if values[i, j] == 0 else INK
            axis.text(left + cell * (j + 0.5), y, _number(values[i, j]), ha="center", color=colour, **small)
        if part.rows:
            axis.text(left - 0.08, y, part.rows[i], ha="right", color=GREY, **small)
    for j in part.shade:
        axis.fill_between([left + cell * j, left + cell * (j + 1)], top, bottom, color="#ececec", linewidth=0)
    for x, inwards in ((left, 0.05), (right, -0.05)):
        axis.plot([x + inwards, x, x, x + inwards], [top, top, bottom, bottom], color=INK, linewidth=1.1)
    for j, name in enumerate(part.columns):
        axis.text(left + cell * (j + 0.5), top - 0.5 * ROW, name, ha="center", color=GREY, **small)
    above = ROW * (1.55 if part.columns else 0.6)
    axis.text((left + right) / 2, top - above, part.name, ha="center", va="center", fontweight="bold")
