"""`nnjax run EXPERIMENT --seeds 32 --sweep ...`: many trainings as one program, and the folder they leave."""

from __future__ import annotations

import datetime
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnjax.data.checks import check_splits
from nnjax.data.splits import k_folds
from nnjax.errors import ConfigError, DamagedError, DivergedError, InterruptedRun
from nnjax.runner.description import describe
from nnjax.runner.experiment_module import Experiment
from nnjax.runner.interrupts import stop_requests
from nnjax.runner.population_figures import draw_population
from nnjax.runner.population_files import said, setting_rows, summary, write_members
from nnjax.runner.population_members import (
    keep_members,
    member_fitted,
    member_scores,
    one_member,
    read_ended,
)
from nnjax.runner.population_state import forget_states, saved_state, train_members
from nnjax.runner.report import write_report
from nnjax.runner.run_folder import CONFIG, JsonLines, mark_finished, new_folder, write_json
from nnjax.runner.sameness import data_digest, training_differences
from nnjax.runner.saved import kept_experiment, read_config
from nnjax.runner.settings import from_json
from nnjax.runner.sweep_flags import Asked, read_flags, take_flags
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.comparison import Comparison, compare
from nnjax.training.cost import cost_summary, cost_table
from nnjax.training.fit import with_buckets
from nnjax.training.fit_population import (
    FittedPopulation,
    folded,
    segments_trained,
    unfolded,
    with_lanes,
)
from nnjax.training.halving import Halving, check_halving
from nnjax.training.population import Entrants, Population, State
from nnjax.training.run_lock import lock_run
from nnjax.training.sweep import cross, grid
from nnjax.types import Plan, Splits


class Trials(NamedTuple):
    """What a population trains, and on what.

    Attributes:
        experiment: The experiment.
        config: Its settings; a sweep replaces some of them.
        asked: The population that was asked for.
        splits: The data.
        population: The program.
        halving: Its rungs, or None.
    """

    experiment: Experiment
    config: Any
    asked: Asked
    splits: Splits
    population: Population
    halving: Halving | None

    @property
    def swept(self) -> tuple[str, ...]:
        """The names of the swept settings."""
        return tuple(self.asked.sweep)


def run_population(experiment: Experiment, config: Any, asked: Asked, out: Path) -> Path:
    """Trains every setting with every seed and fold, and writes the run folder, `out/NAME/TIMESTAMP/`.

    Returns:
        The run folder: that of one training, with the parameters of the best member; metrics.jsonl and
        summary.json tell of all members, and so do members.csv and members/.

    Raises:
        ConfigError: The population does not fit the experiment. Nothing has been written.
        DataError: The data cannot be trained on. Nothing has been written.
        DivergedError: Every member diverged in its first segment.
        InterruptedRun: A signal ended it after it had saved.
    """
    trials = prepare(experiment, config, asked)
    started = datetime.datetime.now().astimezone()
    with stop_requests() as stop:
        folder = new_folder(out, experiment.name, started)
        with lock_run(folder):
            shutil.copyfile(experiment.path, folder / "experiment.py")
            if trials.splits.scaler is not None:
                np.savez(folder / "scaler.npz", **trials.splits.scaler._asdict())
            write_json(folder / CONFIG, describe_population(trials, started))  # last: it makes it a run
            state = trials.population.start()
            carry_out(trials, folder, stop, state)
    return folder


def resume_population(folder: Path, described: dict[str, Any]) -> Path:
    """Goes on with a population that was interrupted, from its last saved state; where all its members had
    ended, with what comes after. This process holds its lock.

    Raises:
        ConfigError: It is no population's run, or it would go on otherwise than it began.
        DamagedError: No saved state of it is whole.
    """
    trials = reopen_as_begun(folder, described)
    with stop_requests() as stop:
        ended = read_ended(folder, trials.population)
        if ended is not None:
            print(f"going on with {folder}: its members have ended")
            finish(trials, folder, stop, ended)
            return folder
        state = saved_state(trials.population, folder)
        done = segments_trained(trials.population, state)
        print(f"going on with {folder} after {done} segments of all members together")
        carry_out(trials, folder, stop, state)
    return folder


def carry_out(trials: Trials, folder: Path, stop: Callable[[], bool], state: State) -> None:
    """Trains all members to their end, keeps them, and finishes the run."""
    fitted = train_members(trials.population, state, trials.halving, folder, stop)
    began = time.perf_counter()
    keep_members(folder, fitted.results)
    JsonLines(folder / "timing.jsonl").add(event("save", time.perf_counter() - began))
    finish(trials, folder, stop, fitted)


def reopen_as_begun(folder: Path, described: dict[str, Any]) -> Trials:
    """`reopen`, where plan and data are those that the run began with.

    Raises:
        ConfigError: They are not; it says what is not.
    """
    trials = reopen(folder)
    try:
        saved = from_json(Plan, described["plan"])
    except ConfigError as error:
        raise DamagedError(f"{folder / CONFIG} is damaged: {error}") from error
    changed = training_differences(described, saved, trials.population.plan, trials.splits)
    if changed:
        raise ConfigError(f"{folder} cannot go on as it began: {'; '.join(changed)}")
    return trials


def reopen(folder: Path) -> Trials:
    """What a population's run folder says that it trains.

    Raises:
        ConfigError: It is no population's run.
        DamagedError: A file of it is damaged.
    """
    described = read_config(folder)
    if "population" not in described:
        raise ConfigError(f"{folder} is the run of one training, not of a population")
    experiment, config = kept_experiment(folder, described)
    flags = described["population"].get("flags")
    try:
        given, others = take_flags(experiment.Config, shlex.split(str(flags)))
        asked = read_flags(config, given)
    except (ConfigError, ValueError) as error:
        raise DamagedError(f"{folder / CONFIG} is damaged: population.flags: {error}") from error
    if asked is None or others:
        raise DamagedError(f"{folder / CONFIG} is damaged: population.flags wants flags, got {flags!r}")
    return prepare(experiment, config, asked)


def prepare(experiment: Experiment, config: Any, asked: Asked) -> Trials:
    """The program of a population; nothing is trained or written yet."""
    if not experiment.trains:
        raise ConfigError(f"{experiment.name} has no training of its own that could be run many times")
    splits = experiment.data(config)
    check_splits(splits)
    part, data = splits, unfolded(splits)
    if asked.folds:
        data = folded(splits.train, asked.folds)
        longest = max((rows for rows, _ in k_folds(splits.train, asked.folds)), key=len)
        part = splits._replace(train=splits.train.take(longest), valid=splits.train)
    usual = {name: (value,) for name, value in experiment.hyper(config).items() if name not in asked.sweep}
    hyper, seeds, folds = cross(grid(**asked.sweep, **usual), asked.seeds, asked.folds or 1)
    entrants, recipe = Entrants(seeds, folds, hyper), experiment.recipe(config)
    plan = with_buckets(with_lanes(recipe, experiment.plan(config, part), entrants, asked.lanes), data.train)
    population = Population(recipe, plan, data, entrants)
    if plan.monitor not in population.names:
        raise ConfigError(f"monitor wants one of {', '.join(population.names)}, got {plan.monitor!r}")
    halving = Halving(asked.halving) if asked.halving else None
    if halving is not None:
        check_halving(halving, population)
    return Trials(experiment, config, asked, splits, population, halving)


def describe_population(trials: Trials, started: datetime.datetime) -> dict[str, Any]:
    """What config.json says: what it says of one training, and who takes part."""
    asked, plan = trials.asked, trials.population.plan
    described = describe(trials.experiment, trials.config, plan, trials.splits, started)
    described["command"] += f" {shlex.join(asked.words)}"
    described |= {"seed": None, "data_digest": data_digest(trials.splits)}
    described["population"] = {
        "members": len(trials.population.entrants.seeds),
        "seeds": list(asked.seeds),
        "sweep": {name: list(values) for name, values in asked.sweep.items()},
        "folds": asked.folds,
        "halving": list(asked.halving),
        "flags": shlex.join(asked.words),  # `reopen` reads them again
    }
    return described


def finish(trials: Trials, folder: Path, stop: Callable[[], bool], fitted: FittedPopulation) -> None:
    """Writes what a population that has ended leaves: tables, the best member, figures, the report.

    All of it follows from the members that are kept, and is written anew where it was cut short.

    Raises:
        DivergedError: Every member diverged in its first segment.
        InterruptedRun: A signal came; what is needed to go on has been saved.
    """

    def stop_if_asked(where: str) -> None:
        if stop():
            raise InterruptedRun(f"stopped before its {where}, as asked; `nnjax resume {folder}` goes on")

    stop_if_asked("scores")
    timing, splits = JsonLines(folder / "timing.jsonl"), trials.splits
    scores: dict[str, Any] = {}
    if splits.test is not None:
        began = time.perf_counter()
        found = fitted.evaluate(splits.test)
        scores = {f"test_{name}": found[name] for name in sorted(found, key=lambda name: name != "loss")}
        examples = len(splits.test) * len(fitted.entrants.seeds)
        timing.add(event("evaluate", time.perf_counter() - began, examples))
    compared = compare(fitted, scores)
    write_tables(trials, folder, fitted, compared)
    began = time.perf_counter()
    if compared.best_member is not None:
        member = one_member(fitted, compared.best_member)
        with Checkpoints(folder / "checkpoints") as checkpoints:
            checkpoints.save(int(member.best_step), member, {"member": compared.best_member})
    timing.add(event("save", time.perf_counter() - began))
    stop_if_asked("figures")
    size = trials.population.data.train.size
    settings = trials.experiment, trials.config
    draw_population(*settings, fitted, compared, trials.asked.sweep, splits, size, folder)
    stop_if_asked("report")
    report = write_report(folder)
    mark_finished(folder)
    forget_states(folder)
    if compared.best_member is None:
        raise DivergedError(f"all {len(fitted.entrants.seeds)} members diverged in their first segment")
    print(said(trials.experiment.name, fitted, compared, trials.swept))
    print(f"report: {report}")


def write_tables(trials: Trials, folder: Path, fitted: FittedPopulation, compared: Comparison) -> None:
    """Writes members.csv, metrics.jsonl and summary.json."""
    size, best = trials.population.data.train.size, compared.best_member
    write_members(folder / "members.csv", fitted, compared, trials.swept)
    rows = JsonLines(folder / "metrics.jsonl")
    rows.cut(0)  # a run that was killed while it wrote them, and is resumed
    rows.add(*setting_rows(fitted, compared, size))
    task = member_fitted(fitted, best or 0, size).task
    table = cost_table(task.net, fitted.params(0), trials.splits.train.inputs)
    scores = {} if best is None else member_scores(fitted, best, size)
    told = {"scores": scores, "population": summary(fitted, compared, trials.swept)}
    write_json(folder / "summary.json", {**cost_summary(table), **told})


def event(name: str, seconds: float, examples: int = 0) -> dict[str, Any]:
    """A row of timing.jsonl."""
    return {"event": name, "seconds": round(seconds, 6), "steps": 0, "examples": examples}
