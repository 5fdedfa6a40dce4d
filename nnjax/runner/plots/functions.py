"""Activations and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from nnjax.errors import DataError
from nnjax.layers.activations import Activation
from nnjax.runner.plots.style import GREY, figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 401  # an odd number: one of them is 0
JUMP = 0.2  # a change of this much between two points is a jump, not a slope


@figure_style()
def activations_figure(table: Mapping[str, Activation], end: float = 5.0) -> Figure:
    """A panel for each activation: f in solid blue, f' in dashed vermillion, and their formulas.

    Args:
        table: What each is called -> the activation, such as `nnjax.layers.activations.ACTIVATIONS`.
        end: From -end to end.

    Raises:
        DataError: If there is none.
    """
    if not table:
        raise DataError("activations_figure wants at least one activation, got none")
    columns = min(len(table), 3)
    rows = -(-len(table) // columns)
    figure = new_figure(3.3 * columns, 3.0 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axis, (name, activation) in zip(axes, table.items(), strict=False):
        _draw_activation(axis, name, activation, end)
    for axis in axes[len(table) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    if len(table) < len(axes):
        axes[len(table)].legend(handles, labels, loc="center", fontsize=10.5)
    else:
        axes[0].legend(handles, labels, loc="upper left")
    return figure


def _draw_activation(axis: Axes, name: str, activation: Activation, end: float) -> None:
    x = np.linspace(-end, end, POINTS, dtype=np.float32)
    for index, (function, text) in enumerate(
        ((activation.function, "f, the activation"), (activation.derivative, "f′, its derivative"))
    ):
        y, style = np.asarray(function(jnp.asarray(x)), float), look(index)
        drawn = np.where(np.r_[np.abs(np.diff(y)) > JUMP, False], np.nan, y)
        axis.plot(x, drawn, color=style.color, linestyle=style.linestyle, label=text)
        for place in np.flatnonzero(np.abs(np.diff(y)) > JUMP):  # what the value is at the jump, and is not
            at = place if x[place] == 0 else place + 1
            dots: dict[str, Any] = {"color": style.color, "marker": "o", "markersize": 5, "linestyle": "none"}
            axis.plot([x[at]], [y[at]], **dots)
            axis.plot([x[at]], [y[place if at != place else place + 1]], markerfacecolor="white", **dots)
    axis.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    axis.set(xlim=(-end, end), ylim=(-1.35, 2.35), xticks=[-end, 0, end], yticks=[-1, 0, 1, 2])
    axis.set_title(name)
    axis.set_xlabel(
        _typeset(f"{activation.formula}\n{activation.derivative_formula}"), fontsize=8.5, color=GREY
    )


def _typeset(formula: str) -> str:
    """A plain formula with the signs of print.

    >>> _typeset("f'(x) = 1 - f(x)^2 if x >= 0")
    'f′(x) = 1 − f(x)² if x ≥ 0'
    """
    signs = {"'": "′", ">=": "≥", "<=": "≤", "!=": "≠", "^2": "²", " - ": " − ", "(-x)": "(−x)"}
    for plain, sign in signs.items():
        formula = formula.replace(plain, sign)
    return formula
