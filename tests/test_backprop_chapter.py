"""The chapter on back propagation: its four trainings agree, and its derivatives are right."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/backprop.py")
STEPS = 60


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CHAPTER.Config(steps=STEPS))


def test_the_cases_are_those_of_the_course() -> None:
    train = CHAPTER.data(CHAPTER.Config()).train
    assert train.inputs.shape == (16, 4)
    assert len({tuple(case) for case in train.inputs}) == 16
    assert np.flatnonzero(train.targets).tolist() == [14]
    assert train.inputs[14].tolist() == [1, 1, 1, 0]


def test_the_net_has_13_weights() -> None:
    task = CHAPTER.task(CHAPTER.Config(), {"learning_rate": 1.0})
    import jax

    assert sum(leaf.size for leaf in jax.tree.leaves(task.net.init(jax.random.key(0)))) == 13


def test_four_levels_are_one_training(shown: Shown) -> None:
    assert shown.numbers["steps"] == STEPS
    assert shown.numbers["largest_cost_difference"] < 1e-5
    assert shown.numbers["largest_weight_difference"] < 1e-5
    assert 0.05 < shown.numbers["final_cost"] < 0.15  # it learns: the cost starts at about 0.6


def test_every_derivative_agrees_with_both_references(shown: Shown) -> None:
    rows = shown.numbers["derivatives"]
    assert [row["derivative"] for row in rows] == [f"dJ/d{x}_{i}" for i in (0, 1) for x in "azWb"]
    assert [row["entries"] for row in rows] == [32, 32, 8, 2, 16, 16, 2, 1]
    assert all(row["off_jax_grad"] < 1e-12 and row["off_differences"] < 1e-8 for row in rows)
    assert all(row["largest"] > 1e-3 for row in rows)


def test_the_code_of_the_four_levels_is_shown(shown: Shown) -> None:
    lines = {row["level"]: row["lines"] for row in shown.numbers["lines_of_code"]}
    assert list(lines) == ["by hand", "jax.grad", "Optax", "nnjax.fit"]
    assert lines["by hand"] > 3 * lines["jax.grad"]
    text = "\n".join(text.get_text() for text in shown.pictures["code"].image.texts)
    for line in ("a.T @ by_aggregation", "jax.value_and_grad(cost)", "optax.apply_updates", "fitted = fit("):
        assert line in text


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["passes", "learning", "agreement", "code"]
    ahead, back = shown.pictures["passes"].image.axes
    assert (ahead.get_title("left").split(":")[0], back.get_title("left").split(":")[0]) == (
        "Forward",
        "Backward",
    )
    with Image.open(io.BytesIO(shown.pictures["learning"].image)) as image:
        assert image.n_frames == 7  # steps 0, 1, 2, 4, 8, 16 and 32 of 60
    assert all(picture.caption for picture in shown.pictures.values())
