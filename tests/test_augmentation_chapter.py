"""The chapter on augmentation: what it trains, and that what it says of flips and strengths holds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from nnjax.data.splits import shared_examples
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

EXPERIMENT = load_experiment(Path(__file__).resolve().parent.parent / "experiments/augmentation.py")
CHAPTER = sys.modules[EXPERIMENT.task.__module__]
SMALL = CHAPTER.Config(seeds=4, epochs=200)


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(SMALL)


@pytest.fixture(scope="module")
def rows(shown: Shown) -> dict:
    return {row["setting"]: row for row in shown.numbers["settings"]}


def test_every_change_alone_then_four_at_once_ever_stronger():
    settings = CHAPTER.settings_of(SMALL)
    assert [name for name, strengths in settings.items() if len(strengths) == 1] == [
        "translation", "rotation", "scaling", "shear", "brightness", "cutout", "horizontal flip",
    ]  # fmt: skip
    assert settings["0 x"] == dict.fromkeys(CHAPTER.TOGETHER, 0.0)
    assert settings["1 x"] == {name: getattr(SMALL, name) for name in CHAPTER.TOGETHER}
    assert settings["2 x"]["rotation"] == 2 * SMALL.rotation


def test_a_single_net_has_a_hundred_digits_and_every_strength_may_be_swept():
    splits = CHAPTER.data(SMALL)
    assert np.bincount(splits.train.targets).tolist() == pytest.approx([10] * 10, abs=1)
    assert splits.valid is None
    assert shared_examples(splits.test, splits.train) == 0
    other = CHAPTER.data(CHAPTER.Config(seed=1)).train
    assert shared_examples(other, splits.train) < 50
    assert set(EXPERIMENT.hyper(SMALL)) == {*CHAPTER.TOGETHER, *CHAPTER.OTHERS}


def test_what_training_does_with_strength(shown: Shown, rows: dict):
    assert shown.numbers["nets"] == 14 * 4
    assert rows["0 x"]["gain"] == "0.0000 [0.0000, 0.0000] (n = 4)"
    learned = [rows[f"{factor:g} x"]["train_accuracy"] for factor in CHAPTER.FACTORS]
    assert learned[0] > 0.99
    assert learned[-1] < learned[-3] - 0.1 < learned[0] - 0.1  # ever harder to learn by heart


def test_mirrored_digits_and_too_much_of_all_lose(rows: dict):
    gain = {name: float(row["gain"].split()[0]) for name, row in rows.items()}
    assert gain["horizontal flip"] < -0.01
    assert gain["2 x"] < -0.02
    assert gain["1 x"] > 0.005


def test_the_versions_of_ten_digits():
    train = CHAPTER.halves().train
    images = CHAPTER.versions(train, SMALL).reshape(5, 10, 8, 8)
    for label in range(10):
        first = train.inputs[np.flatnonzero(train.targets == label)[0]]
        np.testing.assert_array_equal(images[0, label], first)
        assert len({image.tobytes() for image in images[:, label]}) == 5


def test_the_photograph():
    photo = CHAPTER.photograph(32)
    assert (photo.shape, photo.dtype) == ((32, 32, 3), np.uint8)
    assert photo[:8, 20:, 2].mean() > 180  # the sky


def test_the_pictures(shown: Shown):
    assert list(shown.pictures) == ["sheet", "versions", "gains", "strength"]
    assert all(picture.caption for picture in shown.pictures.values())
    names = [text.get_text() for text in shown.pictures["gains"].image.axes[0].get_yticklabels()]
    assert names[-1] == "the first four at once"
    assert len(names) == 8
