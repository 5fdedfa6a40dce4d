"""Lines in panels beside each other, each named at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import GREY, figure_style, label_lines, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Curve(NamedTuple):
    """One line of a panel.

    Attributes:
        name: What stands beside its end; nothing where it is empty.
        x: [S].
        y: [S]; NaN leaves a gap.
        index: Which colour, line and marker it has (`look`).
        marked: Whether each point has its marker.
        joined: Whether the points are joined by a line.
    """

    name: str
    x: Any
    y: Any
    index: int
    marked: bool = False
    joined: bool = True


class Panel(NamedTuple):
    """One panel of lines.

    Attributes:
        title: What it shows.
        xlabel: What its x is.
        ylabel: What its y is.
        curves: Its lines.
        logarithmic: Which of its axes are logarithmic: "", "x", "y" or "xy".
        limits: The y axis, where the data do not decide it.
        rules: Heights of horizontal lines with what they mean.
        ticks: Where x has its numbers; none where it is empty, that is, wherever Matplotlib likes.
    """

    title: str
    xlabel: str
    ylabel: str
    curves: Sequence[Curve]
    logarithmic: str = ""
    limits: tuple[float | None, float | None] = (None, None)
    rules: Mapping[str, float] = {}
    ticks: Sequence[float] = ()


def table_panel(
    title: str, table: Sequence[Mapping[str, Any]], x: str, columns: Mapping[str, str], **options: Any
) -> Panel:
    """A panel with a line for each of some columns of a table.

    Args:
        title: What it shows.
        table: Rows with the same entries.
        x: The column that goes across.
        columns: Column to the name of its line.
        **options: The other parts of a `Panel`; xlabel is `x` unless it is there.

    >>> panel = table_panel("squares", [{"n": 1, "n2": 1}, {"n": 2, "n2": 4}], "n", {"n2": "n²"})
    >>> panel.curves[0].name, panel.curves[0].y
    ('n²', [1, 4])
    """
    across = [row[x] for row in table]
    curves = [
        Curve(name, across, [row[column] for row in table], index, marked=True)
        for index, (column, name) in enumerate(columns.items())
    ]
    return Panel(title, **{"xlabel": x.replace("_", " "), "ylabel": "", "curves": curves} | options)


@figure_style()
def panels_figure(panels: Sequence[Panel], width: float = 4.3, height: float = 3.1) -> Figure:
    """Panels of lines beside each other, each line named at its end.

    Args:
        panels: The panels.
        width: Of one, in inches.
        height: In inches.

    Raises:
        DataError: If there is no panel.
    """
    if not panels:
        raise DataError("panels_figure wants at least one panel, got none")
    figure = new_figure(width * len(panels), height)
    for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw_panel(axis, panel)
    return figure


def draw_panel(axis: Axes, panel: Panel) -> None:
    """One panel of a figure of your own."""
    ends = []
    for curve in panel.curves:
        style = look(curve.index)
        x, y = np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)
        marker = style.marker if curve.marked else None
        line = style.linestyle if curve.joined else "none"
        axis.plot(x, y, color=style.color, linestyle=line, marker=marker, markersize=4 if curve.joined else 6)
        seen = np.flatnonzero(np.isfinite(y))
        if len(seen) and curve.name:
            ends.append((y[seen[-1]], curve.name, style.color))
    axis.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel)
    axis.set_xscale("log" if "x" in panel.logarithmic else "linear")
    axis.set_yscale("log" if "y" in panel.logarithmic else "linear")
    if len(panel.ticks):
        axis.set_xticks(panel.ticks, [f"{tick:g}" for tick in panel.ticks])
        axis.set_xticks([], minor=True)
    axis.set_ylim(*panel.limits)
    low, high = axis.get_ylim()
    for text, y in panel.rules.items():
        axis.axhline(y, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axis.annotate(
            text, (0.02, y), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
            fontsize=8, color=GREY,
        )  # fmt: skip
    if ends:
        label_lines(axis, [(min(max(y, low), high), name, colour) for y, name, colour in ends])
