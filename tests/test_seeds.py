"""The chapter on seeds, in small: a setting against itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/seeds.py")


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CHAPTER.Config(hidden=16, epochs=30, seeds=48, groups=(1, 3, 10)))


def test_trainings_of_one_setting_differ(shown: Shown) -> None:
    alone, drawn = shown.numbers["spread"]
    assert 0.003 < alone["low"] < alone["mean"] < alone["high"] < 0.02
    assert drawn["mean"] > alone["mean"]
    assert alone["from"] < alone["to"]
    # 697 test examples: the deviation of a share p is the root of p (1 - p) / 697.
    assert 0.008 < shown.numbers["deviation_of_the_test_examples"] < 0.014


def test_more_seeds_leave_less_to_luck(shown: Shown) -> None:
    one, three, ten = shown.numbers["comparisons"]
    assert (one["seeds"], three["seeds"], ten["seeds"]) == (1, 3, 10)
    assert 0.2 < one["beats_itself"] < 0.5
    assert one["beats_itself"] > three["beats_itself"] > ten["beats_itself"]
    assert one["luck_within"] > three["luck_within"] > ten["luck_within"]
    assert one["best_above_mean"] == pytest.approx(0, abs=1e-12)
    assert 0 < three["best_above_mean"] < ten["best_above_mean"]


def test_an_interval_is_wrong_in_one_case_of_twenty(shown: Shown) -> None:
    one, three, ten = shown.numbers["comparisons"]
    assert one["false_alarms"] is None
    assert 0.02 < three["false_alarms"] < 0.09
    assert ten["false_alarms"] < 0.09


def test_the_seeds_needed_follow_from_the_spread(shown: Shown) -> None:
    deviation = shown.numbers["spread"][0]["mean"]
    wanted = np.ceil(2 * (1.96 * deviation / 0.005) ** 2)
    assert shown.numbers["seeds_needed"] == pytest.approx(wanted, abs=1)


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["spread", "luck", "seeds"]
    assert len(shown.pictures["luck"].image.axes) == 3
    assert "48 trainings" in shown.pictures["spread"].caption
