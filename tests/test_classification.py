"""The confusion matrix shows its counts, comparable between classes, in text that can be read."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from nnjax.errors import DataError
from nnjax.runner.plots.classification import confusion_figure

MATRIX = np.array([[8, 2, 0], [0, 100, 0], [0, 1, 3]])


def cells(figure) -> dict[tuple[int, int], object]:
    """The texts in the cells, by row and column."""
    texts = [text for text in figure.axes[0].texts if not hasattr(text, "xy")]
    return {(round(text.get_position()[1]), round(text.get_position()[0])): text for text in texts}


def test_counts_stand_in_their_cells_and_empty_cells_stay_empty():
    texts = {place: text.get_text() for place, text in cells(confusion_figure(MATRIX)).items()}
    assert texts == {(0, 0): "8", (0, 1): "2", (1, 1): "100", (2, 1): "1", (2, 2): "3"}


def test_recall_stands_beside_each_row():
    texts = [text.get_text() for text in confusion_figure(MATRIX).axes[0].texts if hasattr(text, "xy")]
    assert texts == ["recall", "80.0%", "100.0%", "75.0%"]


def test_the_shade_is_the_root_of_the_share_of_the_row():
    shades = np.asarray(confusion_figure(MATRIX).axes[0].images[0].get_array())
    blue, vermillion = np.array(to_rgb("#0072B2")), np.array(to_rgb("#D55E00"))
    np.testing.assert_allclose(shades[1, 1], blue)
    np.testing.assert_allclose(shades[0, 2], 1.0)
    np.testing.assert_allclose(shades[2, 1], 1 - 0.5 * (1 - vermillion))  # 1 of 4
    np.testing.assert_allclose(shades[0, 0], 1 - np.sqrt(0.8) * (1 - blue))


def test_every_number_can_be_read_on_its_shade():
    """Contrast by WCAG 2.2, at least 3 to 1, for every share from 1 to 100%."""
    shares = np.arange(1, 101)
    for share in shares:
        figure = confusion_figure(np.array([[share, 100 - share], [100 - share, share]]))
        shades = np.asarray(figure.axes[0].images[0].get_array())
        for place, text in cells(figure).items():
            light, dark = sorted(
                (_luminance(shades[place]), _luminance(to_rgb(text.get_color()))), reverse=True
            )
            assert (light + 0.05) / (dark + 0.05) >= 3.0, (share, place)


def _luminance(colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_names_stand_on_both_axes():
    axis = confusion_figure(MATRIX, ["cat", "dog", "ankle boot"]).axes[0]
    for labels in (axis.get_xticklabels(), axis.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog", "ankle boot"]


def test_a_class_without_examples_has_no_recall():
    texts = [text.get_text() for text in confusion_figure(np.array([[0, 0], [1, 1]])).axes[0].texts]
    assert "none" in texts
    assert "50.0%" in texts


def test_many_classes_have_shades_without_numbers():
    figure = confusion_figure(np.eye(60, dtype=int))
    assert not cells(figure)
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (60, 60, 3)


@pytest.mark.parametrize(
    ("matrix", "classes", "message"),
    [
        (np.ones((2, 3)), (), r"counts \[K, K\]; got shape \[2, 3\]"),
        (np.array([[1, -1], [0, 1]]), (), "counts of 0 and more"),
        (np.array([[1, np.nan], [0, 1]]), (), "counts of 0 and more"),
        (np.eye(3), ("a", "b"), "3 class names; got 2"),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(matrix, classes, message):
    with pytest.raises(DataError, match=message):
        confusion_figure(matrix, classes)
