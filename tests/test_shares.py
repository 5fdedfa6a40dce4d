"""Shares that grow: the line is the share, the band its interval, the text the last of them."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.training.statistics import share_interval

SOLVED = np.array([[0, 0, 1], [0, 1, 1], [0, 0, 0], [0, 1, 1]], bool)


def test_lines_bands_and_texts() -> None:
    figure = plots.share_curves([10, 20, 30], {"small": SOLVED, "large": ~SOLVED}, "epoch")
    axis = figure.axes[0]
    assert axis.lines[0].get_ydata().tolist() == [0, 0.5, 0.75]
    assert axis.lines[1].get_ydata().tolist() == [1, 0.5, 0.25]
    assert [text.get_text() for text in axis.texts] == ["small: 75.0%", "large: 25.0%"]
    band = axis.collections[0].get_paths()[0].vertices
    last = band[band[:, 0] == 30][:, 1]
    assert last.min() == pytest.approx(share_interval(3, 4).low)
    assert last.max() == pytest.approx(share_interval(3, 4).high)
    assert axis.get_xlabel() == "epoch"


def test_a_group_of_another_length() -> None:
    with pytest.raises(DataError, match=r"^share_curves wants \[P, 2\] for 'a', got \[4, 3\]$"):
        plots.share_curves([1, 2], {"a": SOLVED})
