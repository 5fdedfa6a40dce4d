"""What was fitted: curves through points, the weights that solvers find, and where descents end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import GREY, INK, figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def fit_figure(
    panels: Sequence[tuple[str, Any, Any, Mapping[str, tuple[Any, Any]]]], names: tuple[str, str] = ("x", "y")
) -> Figure:
    """Points, and curves through them: (title, x [N], y [N], {name: (x [S], y [S])}) for each panel.

    Raises:
        DataError: If there is no panel.
    """
    if not panels:
        raise DataError("fit_figure wants at least one panel, got none")
    figure = new_figure(2.9 * len(panels) + 0.3, 2.9)
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (title, x, y, curves) in zip(axes, panels, strict=True):
        axis.plot(x, y, "o", color=GREY, markersize=3.5, alpha=0.7, zorder=2)
        for index, (name, (across, up)) in enumerate(curves.items()):
            style = look(index)
            axis.plot(across, up, color=style.color, linestyle=style.linestyle, label=name, zorder=3)
        spread = np.ptp(y)
        axis.set_ylim(np.min(y) - 0.3 * spread, np.max(y) + 0.3 * spread)
        axis.set(title=title, xlabel=names[0])
        if any(curves):
            axis.legend(fontsize=8)
    axes[0].set_ylabel(names[1])
    return figure


@figure_style()
def starts_figure(
    cost: Callable[[np.ndarray], Any], ways: Sequence[Any], low: float, high: float, name: str = "w"
) -> Figure:
    """A cost of one parameter, and where gradient descent ends from each start.

    Args:
        cost: Maps parameters [S] to costs [S].
        ways: For each start, the parameter at it and after each step, [S + 1].
        low: The smallest parameter that is drawn.
        high: The largest.
        name: What the parameter is called.
    """
    figure = new_figure(7.6, 3.2)
    axis = figure.subplots()
    x = np.linspace(low, high, 600)
    axis.plot(x, cost(x), color=INK, linewidth=1.4, zorder=2)
    best = x[np.argmin(cost(x))]
    for way in ways:
        way = np.asarray(way, np.float64)
        found = abs(way[-1] - best) < 0.02 * (high - low)
        style = look(0 if found else 1)
        heights = np.asarray(cost(way))
        axis.plot(way, heights, color=style.color, linewidth=1.0, alpha=0.8, zorder=3)
        axis.plot(way[0], heights[0], "o", color=style.color, markersize=6, markeredgecolor="white", zorder=4)
        axis.plot(way[-1], heights[-1], style.marker, color=style.color, markersize=9, zorder=5,
                  markeredgecolor="white")  # fmt: skip
    for index, text in ((0, "ends in the global minimum"), (1, "stays in a local one")):
        axis.plot([], [], color=look(index).color, marker=look(index).marker, label=text)
    axis.set(xlabel=name, ylabel="cost", xlim=(low, high))
    axis.legend(fontsize=8.5, loc="upper right")
    return figure


@figure_style()
def coefficients_figure(names: Sequence[str], found: Mapping[str, Any]) -> Figure:
    """The weights that several solvers give each input, as dots on a line each.

    Args:
        names: What the D inputs are called.
        found: Solver to its weights [D].
    """
    figure = new_figure(5.6, 0.3 * len(names) + 0.9)
    axis = figure.subplots()
    rows = np.arange(len(names))[::-1]
    axis.axvline(0, color=GREY, linewidth=0.8)
    for index, (name, weights) in enumerate(found.items()):
        style = look(index)
        size = 11 - 3 * index  # dots that lie on one another are all seen
        axis.plot(
            weights, rows, style.marker, color=style.color, markersize=size, label=name, zorder=3 + index
        )
    axis.set_yticks(rows, names)
    axis.set(title="weights on standardised inputs", xlabel="change of the target for one standard deviation")
    axis.legend(fontsize=8.5, loc="best")
    return figure
