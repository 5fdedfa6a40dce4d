"""Forecasts as bars: the best is on top, each with its number, one's own in colour."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots.style import RIGHT


def test_the_best_is_on_top_and_ones_own_in_colour() -> None:
    axis = plots.forecasts_figure({"copy": 3.5, "net": 2.5, "n-gram": 3.0}, "title", "nats", own="net").axes[
        0
    ]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["net", "n-gram", "copy"]
    assert axis.yaxis_inverted()
    assert [bar.get_width() for bar in axis.patches] == [2.5, 3.0, 3.5]
    assert [to_hex(bar.get_facecolor()) == RIGHT.lower() for bar in axis.patches] == [True, False, False]
    assert [text.get_text() for text in axis.texts] == ["2.500", "3.000", "3.500"]


def test_no_forecast_is_an_error() -> None:
    with pytest.raises(DataError, match="at least one forecast"):
        plots.forecasts_figure({}, "title", "nats")
