"""How much each change gains over the same trainings without it, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import GREY, INK, RIGHT, WRONG, figure_style, new_figure
from nnjax.training.statistics import mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def gains_figure(gains: Mapping[str, Any], title: str = "gain in accuracy", percent: bool = True) -> Figure:
    """A line for each change: every pair's difference as a dot, their mean and its 95% interval.

    Blue where the whole interval is above 0, vermillion where it is below, grey where it holds 0.

    Args:
        gains: What a change is called -> value with it minus value without it, one a pair, [P].
        title: What was measured.
        percent: Whether the differences are shares, written in percentage points.

    Raises:
        DataError: If there is no change, or one's differences are no list of finite numbers.
    """
    if not gains:
        raise DataError("gains_figure wants at least one change, got none")
    figure = new_figure(7.2, 1.1 + 0.36 * len(gains))
    axis = figure.subplots()
    axis.axvline(0, color=GREY, linewidth=1.0, zorder=1)
    scale, unit = (100.0, " points") if percent else (1.0, "")
    for place, pairs in enumerate(gains.values()):
        values = scale * np.asarray(pairs, float)
        found = mean_interval(values)
        colour = RIGHT if found.low > 0 else WRONG if found.high < 0 else GREY
        axis.plot(values, np.full(len(values), place), "o", color=colour, alpha=0.3, markersize=3.5, zorder=2)
        axis.plot([found.low, found.high], [place, place], color=colour, linewidth=2.4, zorder=3)
        axis.plot([found.mean], [place], "D", color=colour, markeredgecolor="white", markersize=7, zorder=4)
        text = f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
        text = text.replace("-0.0", "0.0").replace("+0.0", "0.0").replace("-", "−")
        axis.annotate(
            text, (1.0, place), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", color=colour if colour != GREY else INK, fontsize=8.5,
            annotation_clip=False,
        )  # fmt: skip
    axis.set_yticks(range(len(gains)), list(gains))
    axis.set_ylim(len(gains) - 0.4, -0.6)
    axis.grid(False, axis="y")
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0")
    axis.set_xlabel(f"{title}{',' + unit if unit else ''} (mean and 95% interval of {len(values)} pairs)")
    return figure
