"""Source code as a picture: programs beside each other, to be compared at a glance."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = 6.6  # points, of a letter
SPACING = 1.25
LINE = SIZE * 1.005 * SPACING / 72  # inches, from line to line, as Matplotlib sets this font
LETTER = SIZE * 0.602 / 72  # inches, the width of a letter of DejaVu Sans Mono


def source(*functions: Callable) -> str:
    """The source of functions, one after another, without their docstrings and types.

    >>> print(source(source).splitlines()[0])
    def source(*functions):
    """
    return "\n\n".join(_bare(textwrap.dedent(inspect.getsource(function)).rstrip()) for function in functions)


def _bare(text: str) -> str:
    """The source of one function, its signature on one line."""
    function = ast.parse(text).body[0]
    if not isinstance(function, ast.FunctionDef):
        raise DataError(f"source wants functions, got {text.splitlines()[0]!r}")
    arguments = function.args
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    lines = text.splitlines()
    docstring = function.body[0].end_lineno if ast.get_docstring(function) and function.body[1:] else None
    first = docstring or function.body[0].lineno - 1
    while not lines[first].strip():
        first += 1
    signature = f"def {function.name}({ast.unparse(arguments)}):"
    return "\n".join([*lines[: function.lineno - 1], signature, *lines[first:]])


@figure_style()
def code_figure(programs: Mapping[str, str], columns: Sequence[Sequence[str]] | None = None) -> Figure:
    """Programs in panels as tall as they are long.

    Args:
        programs: Title to source.
        columns: The titles in each column, from the top down; None makes one column for each program.

    Raises:
        DataError: If a title is unknown, or there is no program.
    """
    chosen = [[title] for title in programs] if columns is None else [list(column) for column in columns]
    unknown = [title for column in chosen for title in column if title not in programs]
    if unknown or not programs:
        raise DataError(f"code_figure wants titles among {list(programs)}, got {unknown or 'no program'}")
    lengths = [sum(len(programs[title].splitlines()) + 3.2 for title in column) for column in chosen]
    longest = lambda title: max(map(len, programs[title].splitlines()), default=0)
    widths = [max(longest(title) for title in column) for column in chosen]
    figure = new_figure(sum(widths) * LETTER + 0.25 * len(chosen), max(lengths) * LINE + 0.1)
    figure.set_layout_engine("none")
    total, left = figure.get_figwidth(), 0.1
    for column, width in zip(chosen, widths, strict=True):
        top = figure.get_figheight() - 0.05
        for title in column:
            lines = len(programs[title].splitlines())
            _panel(figure, (left, top), title, programs[title], (width * LETTER + 0.1) / total)
            top -= (lines + 3.2) * LINE
        left += width * LETTER + 0.25
    return figure


def _panel(figure: Figure, corner: tuple[float, float], title: str, text: str, width: float) -> None:
    """One program, its upper left corner `corner` inches from the lower left one of the figure."""
    x, y = corner[0] / figure.get_figwidth(), corner[1] / figure.get_figheight()
    line = LINE / figure.get_figheight()
    count = len(text.splitlines())
    figure.text(x, y, title, fontsize=8.5, fontweight="bold", va="top")
    figure.text(x + width, y, f"{count} lines", fontsize=7.5, color=GREY, va="top", ha="right")
    figure.text(
        x, y - 2.1 * line, text, fontsize=SIZE, family="DejaVu Sans Mono", va="top", linespacing=SPACING
    )
    from matplotlib.lines import Line2D

    rule = Line2D([x, x + width], [y - 1.75 * line] * 2, color=FAINT, linewidth=0.8)
    figure.add_artist(rule)
