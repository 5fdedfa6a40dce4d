"""The gallery shows the right mistakes, worst first, under what is true and what was said."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner.plots.pictures import image_grid, mistakes_gallery

IMAGES = np.arange(5 * 4).reshape(5, 4)  # five pictures of 2 by 2, all different
LABELS = np.array([0, 1, 2, 2, 1])
PROBABILITIES = np.array(
    [[0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.0, 0.997, 0.003], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]]
)
PREDICTIONS = PROBABILITIES.argmax(axis=1)  # right, wrong, wrong, right, wrong


def shown(figure) -> list[tuple[str, list]]:
    return [(axis.get_title(), axis.images[0].get_array().tolist()) for axis in figure.axes if axis.images]


def test_the_surest_mistakes_come_first():
    figure = mistakes_gallery(IMAGES, LABELS, PREDICTIONS, PROBABILITIES)
    assert shown(figure) == [
        ("true 2, said 1 (0.99)", [[8, 9], [10, 11]]),  # 0.997 is not 1.00
        ("true 1, said 2 (0.60)", [[16, 17], [18, 19]]),
        ("true 1, said 0 (0.40)", [[4, 5], [6, 7]]),
    ]


def test_no_more_than_were_asked_for():
    figure = mistakes_gallery(IMAGES, LABELS, PREDICTIONS, PROBABILITIES, count=2)
    assert [title for title, _ in shown(figure)] == ["true 2, said 1 (0.99)", "true 1, said 2 (0.60)"]


def test_long_names_take_two_lines():
    figure = mistakes_gallery(
        IMAGES, LABELS, PREDICTIONS, PROBABILITIES, ["Sandal", "Sneaker", "Ankle boot"], count=1
    )
    assert shown(figure)[0][0] == "true Ankle boot,\nsaid Sneaker (0.99)"


def test_a_perfect_net_is_told_so():
    figure = mistakes_gallery(IMAGES, PREDICTIONS, PREDICTIONS, PROBABILITIES)
    assert [text.get_text() for text in figure.texts] == ["No mistakes among 5 examples"]


def test_grey_images_share_one_scale():
    figure = image_grid(IMAGES.reshape(5, 2, 2, 1), list("abcde"))
    assert {axis.images[0].get_clim() for axis in figure.axes if axis.images} == {(0.0, 19.0)}
    assert [axis.get_title() for axis in figure.axes] == list("abcde")


def test_colours_are_brought_into_their_range():
    images = np.stack([np.full((2, 2, 3), -1.0), np.full((2, 2, 3), 3.0), np.zeros((2, 2, 3))])
    values = [axis.images[0].get_array().ravel()[0] for axis in image_grid(images).axes]
    assert values == [0.0, 1.0, 0.25]
    bytes_stay = np.full((1, 2, 2, 3), 200, np.uint8)
    assert image_grid(bytes_stay).axes[0].images[0].get_array().max() == 200


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (np.zeros((2, 7)), (), r"\[N, side·side\]; got shape \[2, 7\]"),
        (np.zeros((2, 4, 4, 2)), (), r"got shape \[2, 4, 4, 2\]"),
        (np.zeros((0, 4, 4)), (), "at least one image"),
        (np.zeros((2, 4, 4)), ("one",), "2 titles; got 1"),
    ],
)
def test_what_is_no_image_is_refused(images, titles, message):
    with pytest.raises(DataError, match=message):
        image_grid(images, titles)


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(DataError, match=r"wants classes 0\.\.2; got -1\.\.2"):
        mistakes_gallery(IMAGES, np.array([0, 1, 2, 2, -1]), PREDICTIONS, PROBABILITIES)


def test_arrays_of_different_length_are_refused():
    with pytest.raises(DataError, match=r"N of \[4, 5\]"):
        mistakes_gallery(IMAGES, LABELS[:4], PREDICTIONS, PROBABILITIES)
