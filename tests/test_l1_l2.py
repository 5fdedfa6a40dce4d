"""The chapter on L1 and L2, in small: zeros, shrinking, and the laws of weights that no input reaches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnjax import load
from nnjax.data.splits import split
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/l1_l2.py")
INSIDE = CHAPTER.show.__globals__
L1, SOFT, L2, DECAY = (INSIDE[name] for name in ("L1", "SOFT", "L2", "DECAY"))
CONFIG = CHAPTER.Config(
    strengths=(1e-3, 3e-3, 1e-2), adam_strengths=(1e-2,), adam_decays=(1.0,), hidden=32, epochs=80, seeds=4
)
SPLITS = split(load("digits"), valid=300, test=697)
BLANK = (SPLITS.train.inputs == 0).all(axis=0).ravel()


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CONFIG)


def test_only_soft_thresholding_makes_zeros(shown: Shown) -> None:
    rows = shown.numbers["share_of_zeros"]
    assert [row["strength"] for row in rows] == [0, 1e-3, 3e-3, 1e-2]
    assert all(row["l1_exactly_0"] == row["l2_exactly_0"] == 0 for row in rows)
    zeros = [row["soft_exactly_0"] for row in rows]
    assert zeros[0] == 0
    assert zeros[0] < zeros[1] < zeros[2] < zeros[3]
    assert zeros[3] > 0.7
    # One cost lowered in two ways: as long as a step does not jump far over 0, as many weights end near it.
    assert rows[1]["l1_nearly_0"] == pytest.approx(rows[1]["soft_nearly_0"], abs=0.05)


def test_penalties_gain_where_labels_are_wrong(shown: Shown) -> None:
    gains = {
        (row["labels"], row["optimizer"], row["kind"]): row for row in shown.numbers["gain_in_test_accuracy"]
    }
    wrong = "20% wrong labels"
    assert gains[wrong, "SGD", L2]["low"] > 0  # the intervals exclude 0
    assert gains[wrong, "Adam", L2]["low"] > 0
    assert gains[wrong, "Adam", DECAY]["low"] > 0
    assert abs(gains["right labels", "SGD", L2]["mean"]) < 0.02
    assert len(gains) == 8


def test_under_sgd_l2_is_weight_decay_twice_as_strong(shown: Shown) -> None:
    assert shown.numbers["sgd_l2_and_decay_apart"] < 0.02  # after 800 steps, each rounded in its own way


def test_weights_that_no_input_reaches_follow_the_laws() -> None:
    assert BLANK.sum() == 4
    strength, rate, steps = 1e-3, CONFIG.learning_rate, CONFIG.epochs * 10
    kinds = {L2: (strength,), SOFT: (strength,)}
    found = INSIDE["study"](CONFIG, SPLITS, kinds)
    start, decayed, thresholded = found.weights[0][:, :, BLANK]  # settings as they stand in `kinds`
    # No gradient reaches them: the first are as they were drawn, the others only know their penalty.
    np.testing.assert_allclose(decayed, start * (1 - 2 * rate * strength) ** steps, rtol=1e-3)
    pulled = np.sign(start) * np.maximum(np.abs(start) - steps * rate * strength, 0)
    np.testing.assert_allclose(thresholded, pulled, atol=1e-5)


def test_adam_undoes_the_strength_of_a_penalty_and_not_of_a_decay(shown: Shown) -> None:
    none, penalty, decay = shown.numbers["weights_of_pixels_after_adam"]
    assert penalty["blank"] < 1e-6  # steps of the learning rate, whatever the strength
    rate, steps = CONFIG.adam_learning_rate, CONFIG.epochs * 10
    assert decay["blank"] == pytest.approx(none["blank"] * (1 - rate * 1.0) ** steps, rel=1e-2)
    assert decay["others"] < none["others"]


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["zeros", "weights", "scores", "gains", "pixels"]
    assert len(shown.pictures["pixels"].image.axes) == 5
    assert "0.003" in shown.pictures["weights"].caption
