"""Figures of probabilities: the curve goes through them, and the numbers below are their cost."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots


def test_the_bars_end_on_the_curve_and_the_cost_is_their_mean() -> None:
    x, y = np.array([-1.0, 0.0, 2.0]), np.array([0, 1, 1])
    figure = plots.logistic_figure(x, y, {"one": (1.5, -0.5), "two": (0.0, 0.0)})
    p = 1 / (1 + np.exp(-(1.5 * x - 0.5)))
    bars = figure.axes[0].collections[0].get_segments()
    np.testing.assert_allclose([bar[0] for bar in bars], np.c_[x, y])
    np.testing.assert_allclose([bar[1] for bar in bars], np.c_[x, p])
    cost = -np.mean(np.log(np.where(y, p, 1 - p)))
    assert figure.axes[0].get_xlabel() == f"w = 1.5, cost {cost:.3g}"
    assert figure.axes[1].get_xlabel() == "w = 0, cost 0.693"
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["one", "two"]


def test_another_cost() -> None:
    figure = plots.logistic_figure([0.0, 1.0], [0, 1], {"a": (2.0, 1.0)}, cost=lambda w, b: w + b)
    assert figure.axes[0].get_xlabel() == "w = 2, cost 3"


def test_softmax_of_large_logits() -> None:
    figure = plots.softmax_figure([1000.0, 999.0], 1, ("yes", "no"))
    p = 1 / (1 + np.e)
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    np.testing.assert_allclose(heights, [1 - p, p])
    np.testing.assert_allclose([bar.get_height() for bar in figure.axes[2].patches], [1 - p, p - 1])
    assert figure.axes[1].get_xlabel() == "loss = −log 0.269 = 1.31"
    assert figure.axes[0].get_xlabel() == "true class: no"


def test_what_has_no_probabilities() -> None:
    with pytest.raises(
        DataError, match=r"^logistic_figure wants N inputs and N classes 0 or 1, got 2 and 3$"
    ):
        plots.logistic_figure([1, 2], [0, 1, 1], {"a": (1.0, 0.0)})
    with pytest.raises(DataError, match=r"^logistic_figure wants"):
        plots.logistic_figure([1, 2], [0, 2], {"a": (1.0, 0.0)})
    with pytest.raises(
        DataError, match=r"^softmax_figure wants logits \[K\] with K >= 2 and a label in 0\.\.K-1"
    ):
        plots.softmax_figure([1.0, 2.0], 2)
