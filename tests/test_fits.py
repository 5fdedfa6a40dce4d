"""Pictures of what was fitted."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots.style import look


def test_points_and_curves() -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 4.0])
    figure = plots.fit_figure([("one", x, y, {"line": (x, 2 * x)}), ("two", x, y, {})], ("dose", "effect"))
    left, right = figure.axes
    assert left.lines[0].get_xydata().tolist() == [[0, 0], [1, 1], [2, 4]]
    assert left.lines[1].get_ydata().tolist() == [0, 2, 4]
    assert (left.get_title("left"), right.get_title("left")) == ("one", "two")
    assert (left.get_ylabel(), left.get_xlabel(), right.get_ylabel()) == ("effect", "dose", "")
    np.testing.assert_allclose(left.get_ylim(), (-1.2, 5.2))
    with pytest.raises(DataError, match="at least one panel"):
        plots.fit_figure([])


def test_a_start_has_the_colour_of_where_it_ends() -> None:
    cost = lambda w: (np.asarray(w) ** 2 - 1) ** 2 - 0.2 * np.asarray(w)  # the deeper minimum near +1
    figure = plots.starts_figure(cost, [[0.5, 1.02], [-0.5, -0.97]], -2, 2, "w")
    colours = {
        line.get_xdata()[0]: line.get_color() for line in figure.axes[0].lines if len(line.get_xdata()) == 1
    }
    assert (colours[0.5], colours[-0.5]) == (look(0).color, look(1).color)
    assert colours[1.02] == look(0).color
    assert [text.get_text() for text in figure.axes[0].get_legend().texts] == [
        "ends in the global minimum",
        "stays in a local one",
    ]


def test_each_solver_has_a_dot_on_each_row() -> None:
    figure = plots.coefficients_figure(["age", "mass"], {"a": [1.0, -2.0], "b": [1.5, -2.5]})
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["age", "mass"]
    dots = {line.get_label(): line.get_xydata().tolist() for line in axis.lines if line.get_label() in "ab"}
    assert dots == {"a": [[1.0, 1.0], [-2.0, 0.0]], "b": [[1.5, 1.0], [-2.5, 0.0]]}
