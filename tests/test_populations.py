"""Pictures of many trainings: what is drawn where, in what order, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner.plots.populations import (
    Axis,
    SettingRow,
    axis_name,
    heat_figure,
    intervals_figure,
    ribbons_figure,
)
from nnjax.runner.plots.style import FAINT, GREY, look
from nnjax.training.statistics import mean_interval

MEMBERS = np.array([[4.0, 2.0, 1.0], [6.0, 3.0, 1.5]])


def test_ribbons_are_means_and_intervals_and_the_rest_is_grey() -> None:
    settings = {f"s{i}": MEMBERS + i for i in range(9)}
    figure = ribbons_figure([1, 2, 3], {"valid_loss": settings}, most=2)
    (axis,) = figure.axes
    colours = [line.get_color() for line in axis.lines]
    assert colours == [FAINT] * 7 + [look(1).color, look(0).color]
    np.testing.assert_allclose(axis.lines[-1].get_ydata(), [5, 2.5, 1.25])
    assert axis.get_title(loc="left") == "validation loss"
    ribbon = axis.collections[-1].get_paths()[0].vertices[:, 1]
    one = mean_interval([4.0, 6.0])
    assert (ribbon.max(), ribbon.min()) == (pytest.approx(one.high), pytest.approx(one.low))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["s0", "s1", "7 other settings"]


def test_one_setting_needs_no_legend_and_one_member_has_no_ribbon() -> None:
    figure = ribbons_figure([1, 2, 3], {"valid_loss": {"all members": MEMBERS[:1]}})
    assert figure.legends == []
    assert list(figure.axes[0].collections) == []


def test_a_heat_map_has_its_numbers_and_frames_the_best() -> None:
    values = np.array([[0.5, 0.9, np.nan], [0.25, 0.75, 0.8]])
    rows, columns = Axis("l2", [0.0, 0.1]), Axis("learning_rate", [0.01, 0.1, 1.0])
    figure = heat_figure({"valid_accuracy": values}, rows, columns, best=(0, 1))
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.texts] == ["0.500", "0.900", "none", "0.250", "0.750", "0.800"]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["0.01", "0.1", "1"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("learning rate (log scale)", "l2")
    (frame,) = axis.patches
    assert frame.get_xy() == (0.5, -0.5)  # column 1, row 0
    shades = axis.images[0].get_array()[..., 0]
    assert np.argmin(shades) == 1  # the largest accuracy is the darkest
    assert shades[1, 0] == max(shades[row, column] for row, column in [(0, 0), (1, 0), (1, 1), (1, 2)])


def test_the_smallest_loss_is_the_darkest_whatever_failed() -> None:
    values = np.array([[0.1, 0.11], [0.2, 50.0]])
    axis = heat_figure({"valid_loss": values}, Axis("a", [1, 2]), Axis("b", [1, 2])).axes[0]
    shades = axis.images[0].get_array()[..., 0]
    assert np.argsort(shades, axis=None).tolist() == [0, 1, 2, 3]
    assert shades[1, 0] - shades[0, 0] > 0.05  # one cell that failed hides no difference


def test_equal_ratios_are_a_log_scale() -> None:
    assert axis_name(Axis("x", [1, 2, 3])) == "x"
    assert axis_name(Axis("x", [1, 2])) == "x"
    assert axis_name(Axis("x", [1, 10, 100])) == "x (log scale)"


def test_intervals_are_sorted_and_say_how_many_are_left_out() -> None:
    rows = []
    for i in range(4):
        values = MEMBERS[:, 0] + i
        rows.append(
            SettingRow(f"s{i}", {"valid_loss": mean_interval(values)}, {"valid_loss": values}, i == 1)
        )
    figure = intervals_figure(rows, ["valid_loss"], most=3)
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["s0", "s1", "s2"]
    assert axis.get_yticklabels()[1].get_color() == GREY
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the best is at the top
    assert axis.get_xlabel() == "1 worse setting is not shown"
    whisker = next(line for line in axis.lines if len(line.get_xdata()) == 2 and line.get_marker() == "None")
    one = mean_interval(MEMBERS[:, 0])
    np.testing.assert_allclose(whisker.get_xdata(), [one.low, one.high])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: ribbons_figure([1, 2], {"m": {"s": MEMBERS}}), r"wants \[P, 2\] for 's', got \[2, 3\]"),
        (
            lambda: heat_figure({"m": MEMBERS}, Axis("a", [1]), Axis("b", [1, 2, 3])),
            r"wants \[1, 3\]",
        ),
    ],
)
def test_what_does_not_fit_is_named(draw, message) -> None:
    with pytest.raises(DataError, match=message):
        draw()
