"""The chapter of edges: the course's numbers, sums by hand, and filters that were learned."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

PATH = Path(__file__).resolve().parent.parent / "experiments/edges.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).show.__module__]


@pytest.fixture(scope="module")
def shown(chapter) -> Shown:
    return chapter.show(chapter.Config())


def test_light_to_dark_is_thirty_and_dark_to_light_minus_thirty(chapter, shown) -> None:
    assert shown.numbers["answers"] == [0, 30, 30, 0]
    other = chapter.convolved(chapter.LIGHT_TO_DARK[:, ::-1], chapter.COURSE_FILTER)
    assert other.tolist() == [[0, -30, -30, 0]] * 4
    turned = chapter.convolved(chapter.LIGHT_TO_DARK.T, chapter.COURSE_FILTER.T)
    assert turned.T.tolist() == [[0, 30, 30, 0]] * 4
    assert not chapter.convolved(chapter.LIGHT_TO_DARK.T, chapter.COURSE_FILTER).any()


def test_it_is_one_sparse_matrix_of_few_weights(shown) -> None:
    assert shown.numbers["matrix_difference"] < 1e-5
    assert shown.numbers["matrix_weights"] == 16 * 6  # 16 places, of whose nine weights three are 0


def test_padding_visits_the_corners_four_times_as_often(shown) -> None:
    assert (shown.numbers["corner_visits"], shown.numbers["corner_visits_padded"]) == (1, 4)
    assert shown.numbers["receptive_fields"] == [3, 5, 7]


def test_sobels_filter_is_learned_from_its_answers(shown) -> None:
    np.testing.assert_allclose(
        shown.numbers["sobel_learned"], [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], atol=0.02
    )


def test_filters_that_were_asked_for_a_direction_became_edge_filters(shown) -> None:
    assert shown.numbers["direction_accuracy"] > 0.5  # of four answers
    assert all(row["cosine_with_prewitt"] > 0.7 for row in shown.numbers["unasked"])


def test_the_pictures_are_there(shown) -> None:
    assert [*shown.pictures] == [
        "numbers",
        "arithmetic",
        "stride",
        "visits",
        "pooling",
        "matrix",
        "photo",
        "channels",
        "learned",
    ]
    assert shown.pictures["arithmetic"].image[:3] == b"GIF"
