"""Populations that draw their own examples, against single trainings on the same draws."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest

from nnjax import Dataset, Task, accuracy, cross_entropy, fit, mlp, per_example
from nnjax.data.splits import split
from nnjax.errors import ConfigError
from nnjax.training.few_examples import by_setting, drawn_rows, fit_few
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.sweep import grid

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(120, 4)).astype(np.float32)
LABELS = (INPUTS[:, 0] * INPUTS[:, 1] > 0).astype(np.int32)
SPLITS = split(Dataset(INPUTS, LABELS, classes=("no", "yes")), valid=30, test=30)
NET = mlp((4, 8, 2))


def recipe(hyper):
    metrics = {"accuracy": per_example(accuracy)}
    return Task(NET, per_example(cross_entropy), optax.adam(hyper["learning_rate"]), metrics=metrics)


def few(**options) -> FittedPopulation:
    given = {"settings": grid(learning_rate=[0.01, 0.1]), "seeds": 3, "epochs": 6, "batch_size": 8}
    return fit_few(recipe, SPLITS, 20, **given | options)


@pytest.fixture(scope="module")
def last() -> FittedPopulation:
    return few(keep_last=True)


def test_samples_have_each_class_in_its_proportion_and_no_row_twice() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    rows = drawn_rows(Dataset(np.zeros((100, 1)), labels), examples=20, draws=50)
    assert rows.shape == (50, 20)
    assert rows.dtype == np.int32
    assert all(np.bincount(labels[sample]).tolist() == [12, 6, 2] for sample in rows)
    assert all(len(set(sample)) == 20 for sample in rows)
    assert len(np.unique(rows)) == 100  # fifty draws reach every row
    assert (drawn_rows(Dataset(np.zeros((100, 1)), labels), 20, 2, seed=7) == drawn_rows(
        Dataset(np.zeros((100, 1)), labels), 20, 9
    )[7:]).all()  # fmt: skip


def test_a_member_is_the_training_on_its_own_sample(last: FittedPopulation) -> None:
    seed, place = 2, 5  # the third seed at the second learning rate
    own = SPLITS.train.take(drawn_rows(SPLITS.train, 20, 3)[seed])
    solo = fit(
        NET, SPLITS._replace(train=own), optimizer=optax.adam(0.1), epochs=6, batch_size=8, seed=seed,
        progress=False,
    )  # fmt: skip
    for name in ("train_loss", "valid_loss", "valid_accuracy"):
        found = last.results.history[name][place]
        np.testing.assert_allclose(found, [row[name] for row in solo.rows], rtol=1e-4)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    jax.tree.map(close, last.params(place), jax.device_get(solo.member.params))


def test_the_best_and_the_last_parameters_differ(last: FittedPopulation) -> None:
    best = few()
    np.testing.assert_array_equal(last.results.history["valid_loss"], best.results.history["valid_loss"])
    assert (best.results.best_step < last.results.best_step).any()
    assert (last.results.best_step == last.plan.segments * last.plan.segment_steps).all()
    scores = best.evaluate(SPLITS.valid)["loss"]
    np.testing.assert_allclose(scores, best.results.history["valid_loss"].min(axis=1), rtol=1e-5)


def test_by_setting_has_the_seeds_of_a_setting_in_one_row(last: FittedPopulation) -> None:
    rates = by_setting(last.entrants.hyper["learning_rate"], last)
    np.testing.assert_array_equal(rates, np.float32([[0.01] * 3, [0.1] * 3]))
    np.testing.assert_array_equal(by_setting(last.entrants.seeds, last), [[0, 1, 2]] * 2)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="examples wants from 1 to the 60 there are, got 61"):
        fit_few(recipe, SPLITS, 61)
    with pytest.raises(ConfigError, match="draws wants an integer of at least 1, got 0"):
        drawn_rows(SPLITS.train, 10, 0)
    with pytest.raises(ConfigError, match="patience 3 goes back to the best parameters"):
        few(patience=3, keep_last=True)
