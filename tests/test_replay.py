"""Replaying a member alone: it agrees, another one does not, and nobody asks for more than can be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.runner import cli, replay
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.population_members import read_members
from nnjax.runner.population_run import prepare, reopen
from nnjax.runner.replay import Course, agreement, first_above, growth, params_difference, relative
from nnjax.runner.sweep_flags import parse_all
from nnjax.training.fit_population import FittedPopulation, run_to_end
from nnjax.training.member import FINISHED

BITS = "in lanes of its population's program it is equal bit for bit"


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "configure", lambda: None)


@pytest.fixture
def alone_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training in lanes takes a compilation, and is not what these tests are about."""
    monkeypatch.setattr(replay, "equal_in_lanes", lambda *arguments: False)


@pytest.fixture(scope="module")
def opened(tiny_population: Path) -> tuple[FittedPopulation, Any]:
    population = reopen(tiny_population).population
    results = read_members(tiny_population, population)
    return FittedPopulation(population.recipe, population.plan, population.entrants, results, {}), population


def test_a_member_agrees_by_the_command(tiny_population: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(tiny_population), "--member", "4"]) == 0
    first, heading, *rows, last = capsys.readouterr().out.splitlines()
    assert first == "tiny, member 4 (learning rate 0.01, seed 1): trained alone for 4 segments"
    assert heading.split() == ["largest", "difference", "at", "segment"]
    names = [row.split()[0] for row in rows]
    assert names == ["train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "parameters"]
    assert max(float(row.split()[1]) for row in rows) < 1e-4
    assert last == f"It agrees: losses and parameters are within 0.001, and {BITS}."


def test_what_is_not_that_member_differs_from_the_first_segment(
    opened: tuple[FittedPopulation, Any], alone_only: None
) -> None:
    fitted, population = opened
    history = {name: np.roll(values, 1, axis=0) for name, values in fitted.results.history.items()}
    wrong = fitted._replace(results=fitted.results._replace(history=history))
    found = agreement(wrong, population.data, 1)
    assert (found.compared, found.parted, found.exact, found.agrees) == (4, 1, False, False)
    assert "It DIFFERS: in segment 1" in replay.verdict(found, 1e-3)


def test_wrong_parameters_differ_where_they_were_kept(
    opened: tuple[FittedPopulation, Any], alone_only: None
) -> None:
    fitted, population = opened
    params = {name: {k: v + 0.5 for k, v in layer.items()} for name, layer in fitted.results.params.items()}
    wrong = fitted._replace(results=fitted.results._replace(params=params))
    found = agreement(wrong, population.data, 1)
    assert found.params is not None
    assert found.params > 0.1
    assert found.parted == int(fitted.results.best_step[1]) // fitted.plan.segment_steps


def test_a_difference_ends_the_command_with_1(
    tiny_population: Path, tmp_path: Path, alone_only: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(tiny_population, folder)
    experiment = folder / "experiment.py"
    experiment.write_text(experiment.read_text().replace("optax.adam(", "optax.sgd("))
    # The optimiser's state is none of what is compared, so only the numbers show it.
    assert cli.main(["replay", str(folder), "--member", "0"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("It DIFFERS: in segment 1")


def test_who_cannot_be_replayed(tiny_population: Path, tiny_run: Path) -> None:
    for folder, member, tolerance, message in [
        (tiny_population, 9, 1e-3, "--member wants one of 0 to 8, got 9"),
        (tiny_population, 0, 0.0, "--tolerance wants a number above 0, got 0"),
        (tiny_run, 0, 1e-3, "is the run of one training, not of a population"),
    ]:
        with pytest.raises(ConfigError, match=message):
            replay.replay_member(folder, member, tolerance)


def test_differences_are_relative_to_what_is_large() -> None:
    assert relative(np.array([1.0, 20.0]), np.array([1.5, 10.0, 3.0])).tolist() == [0.5 / 1.5, 1.0]
    assert relative(np.array([np.nan]), np.array([np.inf])).tolist() == [0.0]
    assert params_difference({"a": np.array([1.0, 9.0])}, {"a": np.array([1.0, 10.0])}) == 0.1


def test_the_first_difference_above_its_limit() -> None:
    rows = {"train_loss": np.array([0.0, 0.2, 0.5])}
    limit = np.full(4, 0.1)
    assert first_above(rows, None, 3, limit, True) == 2
    assert first_above(rows, None, 3, np.array([0.1, 0.3, 0.6, 0.6]), True) is None
    assert first_above(rows, 0.7, 3, np.array([0.1, 0.3, 0.6, 0.6]), True) == 3
    assert first_above(rows, None, 3, np.full(4, 1.0), False) == 4  # one diverged, the other did not
    assert first_above(rows, None, 3, np.full(5, 1.0), True) == 4  # one has a segment more


def test_metrics_that_jump_are_shown_and_not_judged() -> None:
    rows = {"valid_loss": np.array([0.0, 0.0]), "valid_accuracy": np.array([0.5, 0.5])}
    assert first_above(rows, None, 2, np.full(3, 0.1), True) is None


def test_a_copy_moves_as_much_as_it_has_until_then() -> None:
    course = Course({"valid_loss": np.array([1.0, 1.0, 1.0])}, {"w": np.array([0.0])}, FINISHED)
    copy = Course({"valid_loss": np.array([1.0, 1.5, 1.25])}, {"w": np.array([0.75])}, FINISHED)
    assert growth(copy, course, 3, 4).tolist() == [0, 0.5, 0.75, 0.75]
    short = Course({"valid_loss": np.array([1.0])}, None, FINISHED)
    assert growth(short, course, 3, 4).tolist() == [0, np.inf, np.inf, np.inf]


@pytest.fixture(scope="module")
def wild(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[FittedPopulation, Any]:
    """Members that no one can predict for long: rates far too high, and one that differs from the first by
    a hundredth."""
    out = tmp_path_factory.mktemp("wild")
    path = out / "wild.py"
    path.write_text(
        tiny.read_text().replace("hidden: tuple[Count, ...] = (8,)", "hidden: tuple = (16, 16, 16)")
    )
    loaded = load_experiment(path)
    words = ["--sweep", "learning_rate=0.3,0.303", "--seeds", "2", "--epochs", "8"]
    config, asked = parse_all(loaded.Config, words, "wild", "")
    population = prepare(loaded, config, asked).population
    results = run_to_end(population, population.start())[0].results
    return FittedPopulation(population.recipe, population.plan, population.entrants, results, {}), population


def as_another(fitted: FittedPopulation, i: int, other: int) -> FittedPopulation:
    """The population with what is known of member `other` in the place of member `i`."""
    results = jax.tree.map(np.copy, fitted.results._replace(computed=np.zeros(len(fitted.results.step))))
    jax.tree.map(lambda leaf: leaf.__setitem__(i, leaf[other]), results)
    return fitted._replace(results=results)


def test_unpredictable_members_agree_all_the_same(wild: tuple[FittedPopulation, Any]) -> None:
    fitted, population = wild
    unlike = agreement(fitted, population.data, 0)
    assert unlike.agrees
    assert unlike.exact
    assert unlike.compared < 8
    assert unlike.params is not None
    assert unlike.params > 1e-3  # which would be a difference in a training that is predictable
    told = replay.verdict(unlike, 1e-3)
    assert told.startswith(f"It agrees: {BITS}; alone, losses and parameters are within 0.001 in the first ")
    unsure = unlike._replace(exact=False)  # as another machine may have it
    assert not unsure.agrees
    assert replay.verdict(unsure, 1e-3).startswith("It CANNOT BE TOLD: ")


def test_a_learning_rate_that_differs_by_a_hundredth_never_passes(wild: tuple[FittedPopulation, Any]) -> None:
    fitted, population = wild
    assert np.diff(fitted.entrants.hyper["learning_rate"][[0, 2]]) == pytest.approx(0.003, rel=1e-4)
    found = agreement(as_another(fitted, 0, 2), population.data, 0)
    assert (found.agrees, found.exact) == (False, False)
