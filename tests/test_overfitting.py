"""The chapter on overfitting, in small: the net knows its examples, and not the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/overfitting.py")


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CHAPTER.Config(examples=50, sizes=(50, 400), hidden=64, steps=400, seeds=8))


def test_the_gap_is_there_and_closes_with_more_examples(shown: Shown) -> None:
    few, many = shown.numbers["gap_in_accuracy"]
    assert (few["examples"], many["examples"]) == (50, 400)
    assert few["training"] == many["training"] == 1
    for row in (few, many):
        assert row["gap"] == pytest.approx(row["training"] - row["test"])
        assert 0 < row["low"] < row["gap"] < row["high"]  # the interval excludes 0
    assert 0.1 < few["gap"] < 0.2
    assert 0.02 < many["gap"] < 0.06
    assert many["high"] < few["low"]


def test_the_validation_loss_turns(shown: Shown) -> None:
    # Eight seeds of a small net: the mean alone, since their interval may hold 0.
    assert float(shown.numbers["rise_of_the_validation_loss"].split()[0]) > 0.02
    # 64 inputs, 64 hidden, 10 outputs: 64 * 64 + 64 + 64 * 10 + 10.
    assert shown.numbers["weights_and_biases"] == 4810


def test_wrong_labels_are_learned_by_heart(shown: Shown) -> None:
    (row,) = shown.numbers["all_labels_wrong"]
    assert row["training"] > 0.99
    assert row["test"] < 0.08  # less than guessing, since what is learned is wrong


def test_the_rise_is_measured_where_the_other_seeds_have_their_minimum() -> None:
    rise = CHAPTER.show.__globals__["rise"]
    # The others have their minimum at the second place, though the first seed has its own at the first.
    losses = np.array([[1.0, 3.0, 4.0], [5.0, 2.0, 6.0], [5.0, 2.5, 7.0]])
    assert rise(losses).mean == pytest.approx(((4 - 3) + (6 - 2) + (7 - 2.5)) / 3)


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["curves", "examples", "by_heart"]
    loss, accuracy = shown.pictures["curves"].image.axes
    assert (loss.get_title("left"), accuracy.get_title("left")) == ("loss", "accuracy")
    assert loss.texts[0].get_text().startswith("lowest: epoch ")
    assert all(picture.caption for picture in shown.pictures.values())
