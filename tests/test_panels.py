"""Panels of lines: what is drawn is what was given, and every line is named."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots import Curve, Panel, table_panel


def test_lines_names_and_axes() -> None:
    curves = [
        Curve("first", [1, 10, 100], [1, 2, 4], 0),
        Curve("second", [1, 10, 100], [3, np.nan, 5], 1, True),
    ]
    panel = Panel("a title", "steps", "cost", curves, "xy", (0.1, 10), {"the minimum": 0.5}, (1, 10, 100))
    figure = plots.panels_figure([panel, panel])
    figure.draw_without_rendering()
    axis = figure.axes[0]
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
    assert (axis.get_title("left"), axis.get_xlabel(), axis.get_ylabel()) == ("a title", "steps", "cost")
    assert axis.lines[0].get_ydata().tolist() == [1, 2, 4]
    assert [line.get_marker() for line in axis.lines[:2]] == ["None", "s"]
    assert {"first", "second", "the minimum"} <= {text.get_text() for text in axis.texts}
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1", "10", "100"]


def test_a_line_that_leaves_the_panel_is_named_at_its_edge() -> None:
    panel = Panel("", "", "", [Curve("away", [0, 1], [1, 1e9], 0)], limits=(0, 10))
    figure = plots.panels_figure([panel])
    figure.draw_without_rendering()
    text = next(text for text in figure.axes[0].texts if text.get_text() == "away")
    assert text.xy[1] == pytest.approx(1.0, abs=0.01)


def test_points_without_a_line_and_without_a_name() -> None:
    axis = plots.panels_figure([Panel("", "", "", [Curve("", [1, 2], [3, 4], 2, True, False)])]).axes[0]
    assert (axis.lines[0].get_linestyle(), axis.lines[0].get_marker()) == ("None", "^")
    assert not [text for text in axis.texts if text.get_text()]


def test_a_table_becomes_a_panel() -> None:
    table = [{"step_size": 1, "a": 2.0, "b": 3.0}, {"step_size": 2, "a": 4.0, "b": 9.0}]
    panel = table_panel("t", table, "step_size", {"b": "the b", "a": "the a"}, ylabel="y", logarithmic="x")
    assert [curve.name for curve in panel.curves] == ["the b", "the a"]
    assert (panel.curves[0].x, panel.curves[0].y) == ([1, 2], [3.0, 9.0])
    assert (panel.xlabel, panel.ylabel, panel.logarithmic) == ("step size", "y", "x")


def test_no_panel_is_no_figure() -> None:
    with pytest.raises(DataError, match="at least one panel"):
        plots.panels_figure([])
