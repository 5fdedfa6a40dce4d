"""How many of many trainings have succeeded, as they go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import figure_style, label_lines, look, new_figure
from nnjax.training.statistics import share_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def share_curves(steps: Sequence[float], solved: Mapping[str, Any], unit: str = "step") -> Figure:
    """For each group of trainings the share that has succeeded, with its 95% interval.

    Args:
        steps: When it was looked, [S].
        solved: What a group is called -> whether each of its P trainings had succeeded by then, [P, S].
        unit: What `steps` counts.

    Raises:
        DataError: If a group is not [P, S].
    """
    figure = new_figure(6.6, 3.4)
    axis = figure.subplots()
    ends = []
    for index, (name, group) in enumerate(solved.items()):
        group = np.asarray(group, bool)
        if group.ndim != 2 or group.shape[1] != len(steps) or not len(group):
            raise DataError(f"share_curves wants [P, {len(steps)}] for {name!r}, got {list(group.shape)}")
        counts = group.sum(axis=0)
        intervals = [share_interval(int(count), len(group)) for count in counts]
        low, high = [each.low for each in intervals], [each.high for each in intervals]
        style = look(index)
        axis.fill_between(steps, low, high, color=style.color, alpha=0.18, linewidth=0)
        axis.plot(steps, counts / len(group), color=style.color, linestyle=style.linestyle)
        ends.append((counts[-1] / len(group), f"{name}: {counts[-1] / len(group):.1%}", style.color))
    axis.set(xlabel=unit, xlim=(steps[0], steps[-1]), ylim=(0, 1))
    axis.set_title("share of the starts that have solved it")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    label_lines(axis, ends)
    return figure
