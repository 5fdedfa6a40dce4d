"""The chapter on memory: what its two tasks are, and the slopes that it draws against differences."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment

PATH = Path(__file__).resolve().parent.parent / "experiments/rnn_memory.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    experiment = load_experiment(PATH)
    assert experiment.show is not None
    return sys.modules[experiment.show.__module__]


def test_what_is_added_and_what_the_best_constant_costs(chapter: ModuleType) -> None:
    dataset = chapter.adding(4000, 9, np.random.default_rng(0))
    numbers, marks = dataset.inputs.values[..., 0], dataset.inputs.values[..., 1]
    assert (marks[:, :4].sum(axis=1) == 1).all()
    assert (marks[:, 4:].sum(axis=1) == 1).all()
    np.testing.assert_allclose((numbers * marks).sum(axis=1), dataset.targets[:, 0], rtol=1e-6)
    # A mean of 4000 squares; its deviation is below 0.004.
    assert np.mean((dataset.targets - 1) ** 2) == pytest.approx(chapter.VARIANCE, abs=0.012)


def test_only_the_first_step_knows_the_symbol(chapter: ModuleType) -> None:
    dataset = chapter.recalling(50, 6, np.random.default_rng(0))
    np.testing.assert_array_equal(dataset.inputs.values[:, 0].argmax(1), dataset.targets.argmax(1))
    assert np.abs(dataset.inputs.values[:, 1:]).max() < 0.6


def test_the_slope_of_a_linear_rnn_falls_by_its_weight(chapter: ModuleType) -> None:
    """h = tanh(w h) near 0 is w h, so that each step back multiplies the slope by w."""
    layer = {"input": jnp.zeros((8, 1)), "recurrent": jnp.array([[0.5]]), "bias": jnp.zeros(1)}
    output = {"weights": jnp.ones((1, 8)), "bias": jnp.zeros(8)}
    params = {
        "recurrent": {"layer_0": layer},
        "output": {**output, "weights": output["weights"].at[0, 0].set(2)},
    }
    norms = chapter.gradient_norms(params, "rnn", chapter.recalling(3, 6, np.random.default_rng(0)))
    np.testing.assert_allclose(norms[1:] / norms[:-1], 0.5, rtol=1e-5)


def test_the_slope_of_a_cell_falls_by_its_forget_gate(chapter: ModuleType) -> None:
    """With update gates shut and nothing but a bias in it, c' = sigmoid(b) c."""
    bias = jnp.array([-30.0, 2.0, 0.0, 0.0])
    layer = {"input": jnp.zeros((8, 4)), "recurrent": jnp.zeros((1, 4)), "bias": bias}
    output = {"weights": jnp.arange(8.0)[None], "bias": jnp.zeros(8)}
    params = {"recurrent": {"layer_0": layer}, "output": output}
    norms = chapter.gradient_norms(params, "lstm", chapter.recalling(3, 6, np.random.default_rng(0)))
    np.testing.assert_allclose(norms[1:] / norms[:-1], float(jax.nn.sigmoid(2.0)), rtol=1e-4)


def test_what_is_shown(chapter: ModuleType) -> None:
    config = chapter.Config(lengths=(3, 5), hidden=6, examples=80, epochs=4, seeds=1, back=5)
    shown = chapter.show(config)
    rows = {(row["net"], row["task"], row["steps"]): row["score"] for row in shown.numbers["scores"]}
    assert len(rows) == 8
    assert all(0 <= rows[net, "recalling", 3] <= 1 for net in ("rnn", "lstm"))
    assert set(shown.pictures) == {"gradients", "learning"}
