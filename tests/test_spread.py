"""Histograms of luck: every training and every comparison is in a bar."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner.plots.spread import luck_figure, spread_figure
from nnjax.runner.plots.style import WRONG
from nnjax.training.luck import Luck


def test_each_training_is_in_the_bar_of_its_score() -> None:
    scores = np.array([90, 91, 91, 94]) / 100
    (axis,) = spread_figure({"seed": scores}, grain=0.01).axes
    heights = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in axis.patches}
    assert {x: n for x, n in heights.items() if n} == {90: 1, 91: 2, 94: 1}
    assert axis.get_title("right") == "deviation 1.73, from 90.0 to 94.0"


def test_wins_have_a_colour_of_their_own() -> None:
    luck = Luck(np.array([-0.02, -0.01, 0.0, 0.01, 0.01, 0.03]), np.zeros(6, bool))
    (axis,) = luck_figure({3: luck}, margin=0.01, grain=0.01).axes
    from matplotlib.colors import to_rgba

    wins = sum(bar.get_height() for bar in axis.patches if bar.get_facecolor() == to_rgba(WRONG))
    assert (wins, sum(bar.get_height() for bar in axis.patches)) == (3, 6)
    assert axis.get_title("right") == "first wins by 1 points or more: 50.0%"
    assert axis.get_title("left") == "3 seeds each"


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="each with scores"):
        spread_figure({"seed": []}, 0.01)
    with pytest.raises(DataError, match="at least one number of seeds"):
        luck_figure({}, 0.01, 0.01)
