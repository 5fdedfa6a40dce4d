"""The decision regions against classifiers whose borders are known."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from nnjax.errors import DataError
from nnjax.runner.plots.regions import decision_regions

INPUTS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
TARGETS = np.array([0, 0, 1, 1])


def half_plane(points: np.ndarray) -> np.ndarray:
    """Probabilities with the border at x1 = 0.25."""
    right = 1 / (1 + np.exp(-8 * (points[:, 0] - 0.25)))
    return np.stack([1 - right, right], axis=1)


def borders(axis) -> np.ndarray:
    return np.concatenate(
        [path.vertices for collection in axis.collections for path in collection.get_paths()]
    )


def test_the_border_lies_where_the_two_classes_are_equal():
    axis = decision_regions(half_plane, INPUTS, TARGETS).axes[0]
    np.testing.assert_allclose(borders(axis)[:, 0], 0.25, atol=1e-2)


def test_integer_classes_have_the_same_border():
    axis = decision_regions(lambda points: half_plane(points).argmax(axis=1), INPUTS, TARGETS, grid=401).axes[
        0
    ]
    np.testing.assert_allclose(borders(axis)[:, 0], 0.25, atol=1e-2)


def test_each_side_has_its_classs_colour_and_pales_where_the_net_is_unsure():
    image = np.asarray(decision_regions(half_plane, INPUTS, TARGETS, grid=101).axes[0].images[0].get_array())
    blue, vermillion = np.array(to_rgb("#0072B2")), np.array(to_rgb("#D55E00"))
    # At the rims the net is sure: 0.36 of the hue. x runs from -1.24 to 1.24.
    np.testing.assert_allclose(image[50, 0], 1 - 0.36 * (1 - blue), atol=1e-3)
    np.testing.assert_allclose(image[50, 100], 1 - 0.36 * (1 - vermillion), atol=2e-3)
    border = round((0.25 + 1.24) / 2.48 * 100)
    assert image[50, border].min() > 0.9


def test_the_examples_stand_under_their_names():
    axis = decision_regions(half_plane, INPUTS, TARGETS, ["left", "right"]).axes[0]
    shown = {line.get_label(): np.stack(line.get_data(), axis=1).tolist() for line in axis.get_lines()}
    assert shown == {"left": [[-1, -1], [-1, 1]], "right": [[1, -1], [1, 1]]}
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["left", "right"]
    assert len({line.get_marker() for line in axis.get_lines()}) == 2


def test_y_grows_upwards():
    above = lambda points: (points[:, 1] > 0).astype(int)
    image = np.asarray(decision_regions(above, INPUTS, TARGETS, grid=11).axes[0].images[0].get_array())
    axis = decision_regions(above, INPUTS, TARGETS, grid=11).axes[0]
    assert axis.images[0].origin == "lower"
    assert image[-1, 0].argmin() == 2  # vermillion has the least blue: class 1 above
    assert image[0, 0].argmin() == 0  # blue has the least red


def test_a_net_that_says_one_class_everywhere_has_no_border():
    axis = decision_regions(lambda points: np.zeros(len(points), int), INPUTS, TARGETS).axes[0]
    assert not axis.collections


@pytest.mark.parametrize(
    ("predict", "inputs", "targets", "message"),
    [
        (half_plane, np.zeros((4, 3)), TARGETS, r"inputs \[N, 2\]; got shape \[4, 3\]"),
        (half_plane, INPUTS, TARGETS.astype(float), r"4 integer classes; got float64 \[4\]"),
        (half_plane, INPUTS, TARGETS[:3], r"4 integer classes; got int64 \[3\]"),
        (lambda points: half_plane(points)[:, :1], INPUTS, TARGETS, r"K >= 2.*got float32 \[57600, 1\]"),
        (half_plane, INPUTS, TARGETS + 1, r"classes 0\.\.1; got 1\.\.2"),
    ],
)
def test_what_cannot_be_drawn_is_refused(predict, inputs, targets, message):
    with pytest.raises(DataError, match=message):
        decision_regions(predict, inputs, targets)
