"""The chapter on early stopping, in small: who stops, when, and what it gains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnjax import load
from nnjax.data.splits import split
from nnjax.data.wrong_labels import noisy_splits
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/early_stopping.py")
CONFIG = CHAPTER.Config(hidden=64, epochs=60, patience=5, learning_rate=5e-3, seeds=8)
WRONG = "20% wrong labels"


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CONFIG)


def test_stopping_gains_where_labels_are_wrong(shown: Shown) -> None:
    right, wrong = shown.numbers["gain_in_test_accuracy"]
    assert (right["labels"], wrong["labels"]) == ("right labels", WRONG)
    assert wrong["low"] > 0.05  # the interval excludes 0
    assert abs(right["mean"]) < 0.02
    assert wrong["count"] == 8


def test_epochs_are_saved(shown: Shown) -> None:
    right, wrong = shown.numbers["epochs_trained"]
    assert wrong["mean"] < right["mean"] < 60
    for row in (right, wrong):
        assert row["saved"] == pytest.approx(1 - row["mean"] / 60)
        # Lanes side by side run until the last of them stops, so the devices compute a little more.
        assert 1 - row["saved"] <= row["computed"] < 1


def test_each_member_stops_where_the_rule_says_that_it_should() -> None:
    splits = noisy_splits(split(load("digits"), valid=300, test=697), 0.2)
    study = CHAPTER.show.__globals__["study"](CONFIG, splits)
    stops = CHAPTER.show.__globals__["epochs_of"](study.stopped)
    # The same trainings without stopping tell where each would have stopped.
    for curve, kept, trained in zip(
        study.whole.results.history["valid_loss"], stops.kept, stops.trained, strict=True
    ):
        waits = 0
        for epoch in range(1, 61):
            waits = 0 if curve[epoch - 1] == curve[:epoch].min() else waits + 1
            if waits == 5:
                break
        assert trained == epoch
        assert kept == np.argmin(curve[:epoch]) + 1


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["curves", "stops", "gains"]
    titles = [axis.get_title("left") for axis in shown.pictures["stops"].image.axes]
    assert [title.split(":")[0] for title in titles] == ["right labels", WRONG]
    assert "5 epochs after" in shown.pictures["stops"].caption
