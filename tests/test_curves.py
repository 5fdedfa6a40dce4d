"""The learning curves show the rows they were given."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner.plots.curves import best_row, learning_curves
from nnjax.runner.plots.style import save

ROWS = [
    {
        "step": 10,
        "epoch": 1,
        "train_loss": 2.0,
        "train_accuracy": 0.5,
        "valid_loss": 2.1,
        "valid_accuracy": 0.4,
    },
    {
        "step": 20,
        "epoch": 2,
        "train_loss": 1.0,
        "train_accuracy": 0.7,
        "valid_loss": 1.2,
        "valid_accuracy": 0.6,
    },
    {
        "step": 30,
        "epoch": 3,
        "train_loss": 0.5,
        "train_accuracy": 0.9,
        "valid_loss": 1.3,
        "valid_accuracy": 0.8,
    },
    {"step": 30, "epoch": 3, "test_loss": 1.25, "test_accuracy": 0.61},
]


def lines(axis) -> dict[str, tuple[list[float], list[float]]]:
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axis.get_lines()
        if not line.get_label().startswith("_")
    }


def test_each_panel_has_the_lines_of_its_metric():
    loss, accuracy = learning_curves(ROWS).axes
    assert lines(loss) == {
        "training": ([1, 2, 3], [2.0, 1.0, 0.5]),
        "validation": ([1, 2, 3], [2.1, 1.2, 1.3]),
        "best": ([2.0], [1.2]),
    }
    assert lines(accuracy)["validation"] == ([1, 2, 3], [0.4, 0.6, 0.8])
    assert (loss.get_title("left"), accuracy.get_title("left")) == ("loss", "accuracy")
    assert {text.get_text() for text in loss.texts} == {"training", "validation"}


def test_the_epoch_that_the_monitor_calls_best_is_marked_in_every_panel():
    by_loss = learning_curves(ROWS).axes
    assert [axis.get_title("right") for axis in by_loss] == ["best epoch 2: 1.2", "best epoch 2: 0.6"]
    by_accuracy = learning_curves(ROWS, monitor="valid_accuracy", maximize=True).axes
    assert lines(by_accuracy[0])["best"] == ([3.0], [1.3])


def test_the_best_row_is_the_one_that_training_keeps():
    rows = [{"valid_loss": value} for value in (0.9, math.nan, 0.5, 0.45, 0.5, 0.3)]
    assert best_row(rows) is rows[5]
    assert best_row(rows, min_delta=0.2) is rows[2]  # 0.45 and 0.3 beat 0.5 by 0.2 at most
    assert best_row([{"valid_loss": 0.5}, tie := {"valid_loss": 0.5}]) is not tie
    assert best_row([{"valid_loss": None}, {"train_loss": 1.0}]) is None


@pytest.mark.parametrize(("largest", "scale"), [(1.0, "linear"), (1.01, "log")])
def test_a_loss_that_falls_by_more_than_a_hundred_is_logarithmic(largest, scale):
    rows = [{"epoch": 1, "train_loss": largest}, {"epoch": 2, "train_loss": 0.01}]
    assert learning_curves(rows).axes[0].get_yscale() == scale


def test_a_regression_without_validation_has_one_panel_and_no_mark():
    figure = learning_curves([{"step": 5, "train_loss": 2.0}, {"step": 10, "train_loss": 1.0}])
    assert [lines(axis) for axis in figure.axes] == [{"training": ([5, 10], [2.0, 1.0])}]
    assert figure.axes[0].get_xlabel() == "step"
    assert figure.axes[0].get_title("right") == ""


def test_a_value_that_is_not_finite_leaves_a_gap(tmp_path):
    rows = [
        {"epoch": i, "train_loss": value, "valid_loss": None} for i, value in enumerate([3.0, math.nan, 1.0])
    ]
    figure = learning_curves(rows)
    x, y = lines(figure.axes[0])["training"]
    assert x == [0, 1, 2]
    np.testing.assert_array_equal(y, [3.0, math.nan, 1.0])
    save(figure, tmp_path / "gap.png")


def test_one_row_is_seen_as_points(tmp_path):
    figure = learning_curves(ROWS[:1])
    assert [line.get_marker() for line in figure.axes[0].get_lines() if line.get_label() == "training"] == [
        "o"
    ]
    save(figure, tmp_path / "one.png")  # no warning about identical limits


def test_rows_without_a_metric_are_refused():
    with pytest.raises(DataError, match="wants rows with train_NAME or valid_NAME"):
        learning_curves([{"epoch": 1, "test_loss": 1.0}])
