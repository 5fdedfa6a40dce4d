"""The chapter on dropout, in small: less is learned by heart, and what that gains."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/dropout.py")
WRONG = "20% wrong labels"


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CHAPTER.Config(rates=(0.5, 0.8), hidden=64, epochs=60, learning_rate=5e-3, seeds=6))


def test_dropout_gains_where_labels_are_wrong(shown: Shown) -> None:
    right, wrong = shown.numbers["gain_in_test_accuracy"]
    assert (right["labels"], wrong["labels"]) == ("right labels", WRONG)
    assert wrong["low"] > 0.03  # the interval excludes 0
    assert abs(right["mean"]) < 0.02
    assert wrong["rate"] in (0.5, 0.8)


def test_less_is_learned_by_heart(shown: Shown) -> None:
    rows = shown.numbers["wrong_labels_learned_by_heart"]
    assert [row["rate"] for row in rows] == [0, 0.5, 0.8]
    shares = [row["mean"] for row in rows]
    assert shares[0] > 0.9
    assert shares[0] > shares[1] > shares[2]
    assert shares[2] < 0.5


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["rates", "gains"]
    scores, heart = shown.pictures["rates"].image.axes
    assert [text.get_text() for text in heart.get_xticklabels()] == ["0", "0.5", "0.8"]
    rings = [line for line in scores.lines if line.get_markersize() == 13]
    assert len(rings) == 2  # the rate chosen for each kind of labels
