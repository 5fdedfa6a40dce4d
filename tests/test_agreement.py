"""The picture of trainings that agree: distances in digits, and at least two of them."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots


def test_the_distance_is_counted_in_last_digits() -> None:
    first = np.array([1.0, 0.5, 0.25], np.float32)
    second = first + np.array([0, 3, 1]) * np.spacing(first)
    right = plots.agreement_figure({"a": first, "b": second}).axes[1]
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0, 3, 1], atol=1e-6)
    assert right.lines[0].get_label() == "b"


def test_every_cost_is_drawn_thinner_than_the_one_below() -> None:
    costs = {name: np.linspace(1, 0.1, 5) for name in "abcd"}
    left = plots.agreement_figure(costs).axes[0]
    widths = [line.get_linewidth() for line in left.lines]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 4


def test_one_training_agrees_with_nothing() -> None:
    with pytest.raises(DataError, match="at least two trainings, got 1"):
        plots.agreement_figure({"a": [1.0]})
