"""Trainings that should be one and the same, and how far they are apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def agreement_figure(costs: Mapping[str, Any]) -> Figure:
    """Trainings that should be one and the same: their costs, and how far each is from the first.

    Args:
        costs: Name to the cost at each step, [S]; two trainings at least.

    Raises:
        DataError: If there are fewer.
    """
    if len(costs) < 2:
        raise DataError(f"agreement_figure wants at least two trainings, got {len(costs)}")
    names, values = list(costs), [np.asarray(cost, float) for cost in costs.values()]
    figure = new_figure(8.4, 3.1)
    left, right = figure.subplots(1, 2)
    steps = np.arange(len(values[0]))
    for index, (name, cost) in enumerate(zip(names, values, strict=True)):
        # Lines that lie on one another are seen when each is thinner than the one below.
        width = 7.0 - 1.9 * index
        left.plot(steps, cost, color=look(index).color, linewidth=max(width, 1.2), label=name)
    left.set(title="cost", xlabel="step")
    left.legend(fontsize=8.5)
    digit = np.spacing(np.abs(values[0]).astype(np.float32))
    for index, (name, cost) in enumerate(zip(names[1:], values[1:], strict=True), start=1):
        sign = {"color": look(index).color, "marker": look(index).marker, "linestyle": "none"}
        right.plot(steps, np.abs(cost - values[0]) / digit, **sign, markersize=6.5 - 1.5 * index, label=name)
    right.set(title=f"how far from the cost {names[0]}", xlabel="step", ylabel="in last digits of float32")
    right.set_ylim(-0.5, None)
    right.legend(fontsize=8.5)
    return figure
