"""The chapter on optimisers: each walks as its formula says, written a second time in NumPy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown
from nnjax.training.gradient_check import finite_difference

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/optimizers.py")
MODULE = CHAPTER.show.__globals__
CONFIG = CHAPTER.Config(steps=25, epochs=2, rates=9)
NAMES = ["gradient descent", "momentum", "Nesterov", "RMSProp", "Adam", "AdamW"]


def slope(point: np.ndarray) -> np.ndarray:
    x, y = point
    return np.array([-2 * (1 - x) - 40 * x * (y - x**2), 20 * (y - x**2)])


def walk(name: str, rate: float, steps: int) -> np.ndarray:
    """The formulas of the papers, in NumPy."""
    w, m, v, ways = np.array(MODULE["START"]), np.zeros(2), np.zeros(2), []
    ways.append(w)
    for t in range(1, steps + 1):
        g = slope(w)
        if name == "gradient descent":
            w = w - rate * g
        elif name in ("momentum", "Nesterov"):
            m = 0.9 * m + g
            w = w - rate * (m if name == "momentum" else 0.9 * m + g)
        elif name == "RMSProp":
            v = 0.9 * v + 0.1 * g**2
            w = w - rate * g / np.sqrt(v + 1e-8)
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            move = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            w = w - rate * (move + (CONFIG.weight_decay * w if name == "AdamW" else 0))
        ways.append(w)
    return np.array(ways)


def test_the_slope_of_the_valley() -> None:
    point = np.array([-1.3, 1.6])
    with jax.enable_x64(True):
        grad = jax.grad(MODULE["valley"])(jnp.asarray(point))
    np.testing.assert_allclose(slope(point), grad, rtol=1e-12)
    np.testing.assert_allclose(slope(point), finite_difference(MODULE["valley"], point), rtol=1e-7)
    assert MODULE["valley"](np.array([1.0, 1.0])) == 0


@pytest.mark.parametrize("name", NAMES)
def test_each_walks_as_its_formula_says(name: str) -> None:
    config = dataclasses.replace(CONFIG, steps=12)
    points, heights = MODULE["on_surface"](config, MODULE["optimizers"](config)[name])
    rates = MODULE["learning_rates"](config)
    np.testing.assert_allclose(rates[[0, 4, 8]], [1e-4, 1e-3, 1e-2], rtol=1e-6)
    for index in (0, 4, 8):
        by_hand = walk(name, float(rates[index]), config.steps)
        np.testing.assert_allclose(points[index], by_hand, atol=2e-4)
    np.testing.assert_allclose(heights, MODULE["valley"](points.astype(float)))


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CHAPTER.Config(epochs=2))


@pytest.mark.slow
def test_what_the_chapter_tells(shown: Shown) -> None:
    rows = {row["optimiser"]: row for row in shown.numbers["optimisers"]}
    assert list(rows) == NAMES
    height = {name: row["height_reached"] for name, row in rows.items()}
    assert max(height[name] for name in ("momentum", "Nesterov", "Adam")) < 1e-4
    assert min(height["gradient descent"], height["RMSProp"]) > 1e-2
    assert 1e-4 < height["AdamW"] < 1e-2
    for row in rows.values():
        assert row["valid_accuracy"] > 0.85
        assert row["train_loss"] < 0.6
    rates = {name: row["learning_rate_on_the_digits"] for name, row in rows.items()}
    assert max(rates["RMSProp"], rates["Adam"], rates["AdamW"]) < min(
        rates["gradient descent"], rates["momentum"]
    )
    assert list(shown.pictures) == ["surface", "race", "fall", "digits"]
