"""Pictures of what holds a net back: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner.plots.regularisation import Bands, Stops, bands_figure, stops_figure, weights_figure
from nnjax.training.statistics import mean_interval

SCORES = np.array([[0.1, 0.5, 0.3], [0.3, 0.7, 0.4], [0.2, 0.6, 0.8]])


def test_bands_are_means_with_their_intervals() -> None:
    panel = Bands("accuracy", "strength", ["0", "0.1", "1"], {"L2": SCORES}, chosen={"L2": 1})
    (axis,) = bands_figure([panel]).axes
    line, ring = axis.lines
    np.testing.assert_allclose(line.get_ydata(), SCORES.mean(axis=0))
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (1, pytest.approx(0.6))
    corners = axis.collections[0].get_paths()[0].vertices
    wanted = mean_interval(SCORES[:, 2])
    ends = corners[corners[:, 0] == 2][:, 1]
    assert (ends.min(), ends.max()) == pytest.approx((wanted.low, wanted.high))
    assert [text.get_text() for text in axis.get_xticklabels()] == ["0", "0.1", "1"]
    assert "L2" in [text.get_text() for text in axis.texts]


def test_numbers_stand_where_they_are_and_curves_have_no_marks() -> None:
    sizes = Bands("gap", "examples", [10, 100, 1000], {"gap": SCORES}, "x")
    curve = Bands("loss", "epoch", np.arange(50), {"loss": np.ones((2, 50))}, rules={"lowest": 7})
    first, second = bands_figure([sizes, curve]).axes
    assert first.get_xscale() == "log"
    assert first.lines[0].get_xdata().tolist() == [10, 100, 1000]
    assert first.lines[0].get_marker() == "o"
    assert second.lines[0].get_marker() == "None"
    assert second.lines[1].get_xdata() == [7, 7]


def test_the_histogram_says_how_many_weights_are_zero() -> None:
    weights = {"none": np.linspace(-1, 1, 1000), "L1": np.r_[np.zeros(600), np.full(200, 5e-4), np.ones(200)]}
    first, second = weights_figure(weights).axes
    assert "exactly 0: 0.0%" in first.texts[0].get_text()
    assert second.texts[0].get_text() == "exactly 0: 60.0%\nbelow 0.001: 80.0%"
    heights = second.patches[0].get_data().values
    assert heights.sum() == pytest.approx(1)
    assert heights[40] == pytest.approx(0.8)  # the middle one of 81 bars


def test_each_training_has_its_line() -> None:
    figure = stops_figure({"noisy": Stops(kept=[5, 3], trained=[15, 13]), "clean": Stops([90], [100])}, 100)
    noisy, clean = figure.axes
    assert noisy.get_title("left") == "noisy: 86% of the epochs saved"
    assert clean.get_title("left") == "clean: 0% of the epochs saved"
    saved, trained = noisy.collections
    assert [segment[:, 0].tolist() for segment in trained.get_segments()] == [[0, 13], [0, 15]]
    assert [segment[:, 0].tolist() for segment in saved.get_segments()] == [[13, 100], [15, 100]]
    assert noisy.lines[0].get_xdata().tolist() == [3, 5]


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match=r"wants \[P, 2\] for 'L2', got \[3, 3\]"):
        bands_figure([Bands("a", "x", [1, 2], {"L2": SCORES})])
    with pytest.raises(DataError, match="at least one panel"):
        bands_figure([])
    with pytest.raises(DataError, match="each with weights"):
        weights_figure({"none": []})
    with pytest.raises(DataError, match="at least one group"):
        stops_figure({}, 10)
