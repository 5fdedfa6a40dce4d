"""How much trainings differ that differ in nothing but luck."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, INK, WRONG, figure_style, look, new_figure
from nnjax.training.luck import Luck

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def spread_figure(groups: Mapping[str, Any], grain: float, title: str = "test accuracy") -> Figure:
    """What each of many trainings scored, a histogram a group, on one axis.

    Args:
        groups: What differs within a group -> its trainings' scores, shares, [P].
        grain: What one test example is worth, the width of a bar.
        title: What was measured.

    Raises:
        DataError: If there is no group, or one is empty.
    """
    scores = {name: 100 * np.asarray(values, float).ravel() for name, values in groups.items()}
    if not scores or not all(values.size for values in scores.values()):
        raise DataError("spread_figure wants at least one group, each with scores")
    edges = _edges(np.concatenate(list(scores.values())), 100 * grain)
    figure = new_figure(6.6, 0.8 + 1.25 * len(scores))
    axes = figure.subplots(len(scores), 1, sharex=True, squeeze=False)[:, 0]
    for index, (axis, (name, values)) in enumerate(zip(axes, scores.items(), strict=True)):
        axis.hist(values, edges, color=look(index).color, alpha=0.85)
        axis.axvline(values.mean(), color=INK, linewidth=1.2)
        axis.set_title(name)
        spread = f"deviation {values.std(ddof=1):.2f}, from {values.min():.1f} to {values.max():.1f}"
        axis.set_title(spread, loc="right", fontsize=8.5, fontweight="normal", color=GREY)
        axis.set_ylabel("trainings")
    axes[-1].set_xlabel(f"{title}, %")
    return figure


@figure_style()
def luck_figure(lucks: Mapping[int, Luck], margin: float, grain: float) -> Figure:
    """Differences between two groups of equal trainings, a histogram for each number of seeds.

    Args:
        lucks: Seeds of each group -> comparisons of shares.
        margin: The difference from which on the first group counts as better; those are vermillion.
        grain: What one test example is worth, the width of a bar.

    Raises:
        DataError: If there is no comparison.
    """
    if not lucks:
        raise DataError("luck_figure wants at least one number of seeds, got none")
    edges = _edges(np.concatenate([100 * luck.differences for luck in lucks.values()]), 100 * grain)
    figure = new_figure(6.6, 0.8 + 0.95 * len(lucks))
    axes = figure.subplots(len(lucks), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (seeds, luck) in zip(axes, lucks.items(), strict=True):
        points = 100 * luck.differences
        wins = luck.differences >= margin * (1 - 1e-9)
        axis.hist([points[~wins], points[wins]], edges, stacked=True, color=[FAINT, WRONG])
        axis.axvline(0, color=GREY, linewidth=0.8)
        axis.set_title(f"{seeds} seed{'s' if seeds > 1 else ''} each")
        text = f"first wins by {100 * margin:g} points or more: {luck.wins(margin):.1%}"
        axis.set_title(text, loc="right", fontsize=8.5, fontweight="normal", color=WRONG)
        axis.set_yticks([])
        axis.grid(False, axis="y")
        axis.spines["left"].set_visible(False)
    axes[-1].set_xlabel("difference of the means, points")
    axes[-1].xaxis.set_major_formatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0")
    return figure


def _edges(values: np.ndarray, grain: float) -> np.ndarray:
    """The edges of bars of one grain, with its multiples in their middles, where single scores lie."""
    first, last = np.floor(values.min() / grain), np.ceil(values.max() / grain)
    return grain * (np.arange(first, last + 2) - 0.5)
