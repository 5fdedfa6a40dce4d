"""The chapter on batches: noise, learning, time and memory of three batch sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/batches.py")


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CHAPTER.Config(batch_sizes=(4, 64), epochs=5, draws=100))


@pytest.mark.slow
def test_what_the_chapter_tells(shown: Shown) -> None:
    small, middle, full = shown.numbers["batches"]
    size = shown.numbers["training_examples"]
    assert [row["batch_size"] for row in (small, middle, full)] == [4, 64, size]
    assert [row["steps_an_epoch"] for row in (small, middle, full)] == [-(-size // 4), -(-size // 64), 1]
    assert small["train_loss"] < middle["train_loss"] < full["train_loss"]
    assert small["valid_accuracy"] > 0.9
    assert full["bytes_a_step"] > 8 * middle["bytes_a_step"]
    # A call costs more than the few products of a step: 269 calls take longer than one.
    assert small["seconds_an_epoch_of_calls"] > 2 * full["seconds_an_epoch_of_calls"]
    assert all(row["seconds_an_epoch"] > 0 for row in (small, middle, full))


@pytest.mark.slow
def test_the_noise_falls_like_the_root_of_the_batch_size(shown: Shown) -> None:
    rows = {(row["moment"], row["batch_size"]): row for row in shown.numbers["noise"]}
    for moment in ("at the start", "after training"):
        assert rows[moment, 4]["measured"] / rows[moment, 64]["measured"] == pytest.approx(4, rel=0.25)
        for size in (4, 64):
            assert rows[moment, size]["measured"] == pytest.approx(rows[moment, size]["theory"], rel=0.2)
    assert rows["after training", 4]["measured"] > rows["at the start", 4]["measured"]


@pytest.mark.slow
def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["noise", "learning", "cost"]
    by_epoch, by_step = shown.pictures["learning"].image.axes
    assert [len(line.get_xdata()) for line in by_epoch.lines] == [5, 5, 5]
    assert by_step.lines[-1].get_xdata().tolist() == [1, 2, 3, 4, 5]
