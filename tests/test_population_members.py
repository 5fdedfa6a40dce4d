"""One member out of a population: its parameters, and the step and the score that are theirs."""

from __future__ import annotations

from pathlib import Path

import chex
import jax
import numpy as np
import optax
import pytest

from nnjax import Dataset, Splits, Task, accuracy, cross_entropy, evaluate, mlp, per_example
from nnjax.errors import ConfigError
from nnjax.runner.population_members import (
    keep_members,
    member_fitted,
    member_scores,
    one_member,
    read_ended,
    read_members,
)
from nnjax.training.fit_population import FittedPopulation, fit_population
from nnjax.training.population import Population

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(24, 2)).astype(np.float32)
DATA = Dataset(INPUTS, (INPUTS[:, 0] > 0).astype(np.int32))


def recipe(hyper):
    metrics = {"accuracy": per_example(accuracy)}
    return Task(
        mlp((2, 4, 2)), per_example(cross_entropy), optax.sgd(hyper["learning_rate"]), metrics=metrics
    )


def trained(data: Dataset | Splits, monitor: str | None = None) -> FittedPopulation:
    """Rates so high that the last epoch is not the best one."""
    settings = {"learning_rate": [3.0, 10.0]}
    return fit_population(
        recipe, data, settings=settings, seeds=2, epochs=5, batch_size=4, monitor=monitor, progress=False
    )


@pytest.mark.parametrize("monitor", ["train_loss", "train_accuracy"])
def test_without_validation_the_step_is_the_last_as_the_parameters_are(monitor: str) -> None:
    fitted = trained(DATA, monitor)
    assert (fitted.results.best_step < 30).any()
    for i in range(4):
        member = one_member(fitted, i)
        assert int(member.best_step) == int(member.step) == 30
        sign = -1 if monitor == "train_accuracy" else 1
        assert float(member.best_score) == sign * fitted.results.history[monitor][i, -1]
        chex.assert_trees_all_equal(member.best_params, fitted.params(i))
        assert member_scores(fitted, i, 24)["step"] == 30


def test_with_validation_the_step_is_that_of_the_best_parameters() -> None:
    fitted = trained(Splits(DATA, DATA))
    assert (fitted.results.best_step < 30).any()
    for i in range(4):
        member = one_member(fitted, i)
        assert int(member.best_step) == fitted.results.best_step[i]
        assert float(member.best_score) == fitted.results.best_score[i]
        row = member_scores(fitted, i, 24)
        assert row["step"] == fitted.results.best_step[i]
        task = recipe({"learning_rate": 1.0})
        assert evaluate(task, fitted.params(i), DATA)["loss"] == pytest.approx(row["valid_loss"], rel=1e-5)
        assert len(member_fitted(fitted, i, 24).rows) == 5


def test_members_are_read_back_as_they_were_kept(tmp_path: Path) -> None:
    fitted = trained(DATA)
    population = Population(fitted.recipe, fitted.plan, data_of(DATA), fitted.entrants)
    with pytest.raises(ConfigError, match="has no members yet: the population has not ended"):
        read_members(tmp_path, population)
    assert read_ended(tmp_path, population) is None
    keep_members(tmp_path, fitted.results)
    ended = read_ended(tmp_path, population)
    assert ended is not None
    chex.assert_trees_all_equal(ended.results, fitted.results)
    (record,) = tmp_path.glob("members/*/record.json")
    record.write_text("{}")
    assert read_ended(tmp_path, population) is None  # then the last state is gone on with


def data_of(dataset: Dataset):
    from nnjax.training.fit_population import unfolded

    return jax.device_put(unfolded(Splits(dataset)))
