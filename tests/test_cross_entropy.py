"""The chapter of cross entropy: losses by hand, two descents in NumPy, the softmax of three logits."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

PATH = Path(__file__).resolve().parent.parent / "experiments/cross_entropy.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).show.__module__]


@pytest.fixture(scope="module")
def shown(chapter: ModuleType) -> Shown:
    return chapter.show(chapter.Config())


def test_the_loss_of_one_example(shown: Shown) -> None:
    table = {row["p of the true class"]: row for row in shown.numbers["loss_of_one_example"]}
    for p, loss in (
        (0.99, 0.0100503),
        (0.9, 0.1053605),
        (0.5, 0.6931472),
        (0.1, 2.3025851),
        (0.01, 4.6051702),
    ):
        assert table[p]["cross entropy"] == pytest.approx(loss, abs=1e-6)
        assert table[p]["squared error"] == pytest.approx((1 - p) ** 2, abs=1e-6)


def test_the_curves_of_both_classes_mirror_each_other(chapter: ModuleType) -> None:
    one, zero = chapter.one_example_panel(1), chapter.one_example_panel(0)
    for right, left in zip(one.curves, zero.curves, strict=True):
        np.testing.assert_allclose(right.y, np.asarray(left.y)[::-1], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(one.curves[0].y, -np.log(one.curves[0].x), rtol=1e-4)


def descend(start: float, squared: bool, steps: int, rate: float) -> np.ndarray:
    """The same descent in plain NumPy, with the slopes p - t and 2 (p - t) p (1 - p)."""
    x = np.array([-3, -2.5, -2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2, 2.5, 3])
    t = np.array([0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1])
    w, b, way = start, 0.0, [start]
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(w * x + b)))
        slope = 2 * (p - t) * p * (1 - p) if squared else p - t
        w, b = w - rate * np.mean(slope * x), b - rate * np.mean(slope)
        way.append(w)
    return np.array(way)


@pytest.mark.parametrize("squared", [False, True])
def test_the_descents_are_those_of_the_formulas(chapter: ModuleType, squared: bool) -> None:
    run = chapter.descend(chapter.Config(), squared)
    got = run.params["layer_0"]["weights"][:, 0, 0]
    np.testing.assert_allclose(got, descend(-8.0, squared, 300, 1.0), rtol=1e-4, atol=1e-4)


def test_squared_error_stalls_where_cross_entropy_does_not(shown: Shown) -> None:
    entropy, error = shown.numbers["bad_start"]
    assert entropy["right way round after"] == 5
    assert entropy["weight at the end"] == pytest.approx(1.7533, abs=1e-3)
    assert error["right way round after"] == "never"
    assert error["weight at the end"] == pytest.approx(-7.98, abs=0.01)
    assert entropy["first step"] > 20_000 * error["first step"]


def test_the_best_weight_is_the_lowest_point_of_the_cost(chapter: ModuleType, shown: Shown) -> None:
    grid = jnp.linspace(-10, 6, 16001)
    costs = jax.vmap(lambda w: chapter.cost(w, False))(grid)
    assert float(grid[costs.argmin()]) == pytest.approx(
        shown.numbers["bad_start"][0]["weight at the end"], abs=0.02
    )
    x, t = chapter.one_input().inputs[:, 0].astype(float), chapter.one_input().targets
    for w in (-8.0, 0.5):
        p = 1 / (1 + np.exp(-w * x))
        by_hand = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
        assert float(chapter.cost(jnp.float32(w), False)) == pytest.approx(by_hand, rel=1e-5)
        assert float(chapter.cost(jnp.float32(w), True)) == pytest.approx(np.mean((p - t) ** 2), rel=1e-5)


def test_the_softmax_of_three_logits(shown: Shown) -> None:
    powers = np.exp([2.0, 1.0, -1.0])
    np.testing.assert_allclose(shown.numbers["softmax_of_logits"], powers / powers.sum(), rtol=1e-5)
    assert shown.numbers["softmax_loss"] == pytest.approx(-np.log(powers[0] / powers.sum()), rel=1e-5)
    assert [text.get_text() for text in shown.pictures["softmax"].image.axes[2].texts] == [
        "−0.295",
        "0.259",
        "0.0351",
    ]


def test_iris(shown: Shown) -> None:
    assert shown.numbers["iris_accuracy"] > 0.9
    assert 0 < shown.numbers["iris_cost"] < 0.3
    cheap, middle, dear = shown.numbers["iris"]
    assert cheap["loss"] < middle["loss"] < dear["loss"]
    for row in (cheap, middle, dear):
        assert row["loss"] == pytest.approx(-np.log(row[f"p({row['true class']})"]), rel=1e-4)


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["one-example", "one-input", "bad-start", "softmax"]
    assert [axis.get_xlabel() for axis in shown.pictures["one-input"].image.axes][:2] == [
        "w = −0.5, cost 1.2",
        "w = 0.5, cost 0.409",
    ]
