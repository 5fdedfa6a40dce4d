"""What each forecast costs, as bars: the lowest is the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, INK, RIGHT, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def forecasts_figure(costs: Mapping[str, float], title: str, unit: str, own: str = "") -> Figure:
    """A horizontal bar for each forecast with its number, from the best to the worst.

    Args:
        costs: Name to cost.
        title: What stands above.
        unit: What the costs are counted in.
        own: The name that is drawn in colour.

    Raises:
        DataError: If there is no forecast.
    """
    if not costs:
        raise DataError("forecasts_figure wants at least one forecast")
    names = sorted(costs, key=costs.__getitem__)
    figure = new_figure(6.2, 0.9 + 0.3 * len(names))
    axis = figure.subplots()
    colours = [RIGHT if name == own else FAINT for name in names]
    axis.barh(names, [costs[name] for name in names], color=colours, height=0.72)
    for row, name in enumerate(names):
        axis.annotate(
            f"{costs[name]:.3f}", (costs[name], row), xytext=(4, 0), textcoords="offset points", va="center",
            color=INK, fontsize=9,
        )  # fmt: skip
    axis.invert_yaxis()
    axis.set(title=title, xlabel=unit, xlim=(0, 1.12 * max(costs.values())))
    axis.grid(False)
    axis.tick_params(axis="y", length=0)
    return figure
