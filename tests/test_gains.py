"""Gains, pair by pair: what is drawn is what was measured, and its colour says what it means."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from nnjax.errors import DataError
from nnjax.runner.plots.gains import gains_figure
from nnjax.runner.plots.style import GREY, RIGHT, WRONG
from nnjax.training.statistics import mean_interval

GAINS = {"better": [0.02, 0.03, 0.04], "worse": [-0.05, -0.06, -0.04], "unsure": [-0.01, 0.01, 0.005]}


def test_dots_means_intervals_and_colours():
    axis = gains_figure(GAINS).axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == list(GAINS)
    lines = axis.lines[1:]  # the first is the line at 0
    for place, (pairs, colour) in enumerate(zip(GAINS.values(), (RIGHT, WRONG, GREY), strict=True)):
        dots, interval, mean = lines[3 * place : 3 * place + 3]
        wanted = mean_interval(100 * np.array(pairs))
        np.testing.assert_allclose(dots.get_xdata(), 100 * np.array(pairs))
        np.testing.assert_allclose(interval.get_xdata(), [wanted.low, wanted.high])
        np.testing.assert_allclose(mean.get_xdata(), [wanted.mean])
        assert {to_hex(line.get_color()).upper() for line in (dots, interval, mean)} == {colour.upper()}
        assert set(dots.get_ydata()) == {place}
    assert axis.texts[0].get_text() == "+3.0 [+0.5, +5.5]"
    assert axis.texts[1].get_text().startswith("−5.0 [−7.5, −2.5]")


def test_other_units():
    axis = gains_figure({"a": [1.0, 2.0]}, "loss", percent=False).axes[0]
    assert axis.get_xlabel() == "loss (mean and 95% interval of 2 pairs)"
    np.testing.assert_allclose(axis.lines[1].get_xdata(), [1.0, 2.0])


def test_nothing_to_show():
    with pytest.raises(DataError, match="at least one change, got none"):
        gains_figure({})
    with pytest.raises(DataError, match="finite numbers, got nan"):
        gains_figure({"a": [0.1, np.nan]})
