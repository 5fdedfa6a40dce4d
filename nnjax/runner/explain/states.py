"""The states of a training that can be looked at: its start, its checkpoints, and replays between them.

A run keeps few checkpoints. But a training is a function of its seed, so any step can be had again: from
the checkpoint before it, or from the start, by the same compiled program. Where a replay passes a checkpoint
the two are compared bit by bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError, DamagedError
from nnjax.runner.experiment_module import Experiment
from nnjax.runner.saved import kept_experiment, read_config
from nnjax.training.checkpoint import Checkpoints, state_digest
from nnjax.training.engine import place
from nnjax.training.evaluate import part_of
from nnjax.training.member import Data, Member, new_member
from nnjax.training.stepwise import compile_steps
from nnjax.training.train import compile_with, start
from nnjax.types import Params, Plan, Splits, Task

START, CHECKPOINT, BEST, REPLAYED = (
    "the start, drawn from the seed",
    "a checkpoint",
    "the best, in a checkpoint",
    "trained again from",
)


class Training(NamedTuple):
    """A run from its folder, ready to be looked at.

    Attributes:
        folder: The run folder.
        described: Its config.json.
        experiment: The copy of the experiment that it kept.
        config: Its settings.
        task: What was learned.
        plan: How, on the devices that are here.
        splits: Its data, loaded again.
        first: The member before its first step.
        saved: Step to the member that a checkpoint holds.
    """

    folder: Path
    described: dict[str, Any]
    experiment: Experiment
    config: Any
    task: Task
    plan: Plan
    splits: Splits
    first: Member
    saved: dict[int, Member]

    @property
    def repeatable(self) -> bool:
        """Whether it can be trained again from its seed: not on the rows of a fold."""
        return not (self.described.get("population") or {}).get("folds")

    @property
    def last(self) -> int:
        """The last step that was saved."""
        return max(self.saved)


class State(NamedTuple):
    """The parameters at one step.

    Attributes:
        step: Optimiser steps done.
        params: NumPy arrays.
        source: Where they come from, in words.
    """

    step: int
    params: Params
    source: str


class Replay(NamedTuple):
    """What replaying found.

    Attributes:
        states: Step to state, for each step that was asked for.
        apart: Step to the largest difference between the replayed parameters and the checkpoint's; 0
            where they are equal bit for bit.
    """

    states: dict[int, State]
    apart: dict[int, float]


def open_training(folder: Path) -> Training:
    """Opens a run folder, its data and all its checkpoints.

    Raises:
        ConfigError: It is no run folder, has no checkpoint, or is no training of one network.
        DamagedError: A file of it is damaged.
    """
    described = read_config(folder)
    if "plan" not in described or "data" not in described:
        raise ConfigError(f"{folder} is a chapter's run: it has no training of its own to explain")
    experiment, config = kept_experiment(folder, described)
    hyper = {name: np.float32(value) for name, value in experiment.hyper(config).items()}
    recipe = experiment.recipe(config)
    like = jax.eval_shape(lambda: new_member(recipe, jnp.uint32(0), hyper))
    saved = read_checkpoints(folder / "checkpoints", like)
    known = {field.name for field in dataclasses.fields(Plan)}
    plan = Plan(**{name: value for name, value in described["plan"].items() if name in known})
    if plan.devices > jax.local_device_count():
        plan = dataclasses.replace(plan, layout="one", devices=1)
    if described.get("population"):
        saved = one_of_population(saved, described["data"]["valid"] > 0)
    kept = saved[max(saved)]  # of a population, one member: its start is that of its own seed and settings
    own = {name: float(value) for name, value in kept.hyper.items()}
    first = start(recipe, plan, int(kept.seed), own, int(kept.fold))
    splits = experiment.data(config)
    task = recipe(kept.hyper)
    return Training(folder, described, experiment, config, task, plan, splits, first, saved)


def read_checkpoints(folder: Path, like: Any) -> dict[int, Member]:
    """Every checkpoint that is whole, the best one among them, by its step.

    Raises:
        ConfigError: There is none.
        DamagedError: There are some, and none is whole.
    """
    saved, damage = {}, []
    with Checkpoints(folder) as checkpoints:
        for place_of in (checkpoints, checkpoints.best):
            for step in place_of.steps():
                try:
                    saved[step] = place_of.restore(step, like).state
                except DamagedError as error:
                    damage.append(str(error))
    if not saved and damage:
        raise DamagedError(f"no checkpoint in {folder} is whole: {' '.join(damage)}")
    if not saved:
        raise ConfigError(f"{folder} has no checkpoint: the run ended before it saved anything")
    return saved


def one_of_population(saved: dict[int, Member], validated: bool) -> dict[int, Member]:
    """The best member of a population, under the step that its parameters are of.

    Of a member only one set of parameters is kept: the best where there is a validation part, else the last.
    """
    member = saved[max(saved)]
    step = member.best_step if validated else member.step
    return {int(step): member._replace(step=step, best_step=step)}


def known_states(training: Training) -> dict[int, State]:
    """The states that need no replay: the start, those of the checkpoints, and the best ones in them."""
    states = {0: State(0, host(training.first.params), START)}
    for member in training.saved.values():
        if int(member.best_step) > 0:
            states[int(member.best_step)] = State(int(member.best_step), host(member.best_params), BEST)
    for step, member in training.saved.items():
        states[step] = State(step, host(member.params), CHECKPOINT)
    return states


def replay(training: Training, wanted: Iterable[int]) -> Replay:
    """The states at the steps that are `wanted`, trained again where nothing has kept them.

    The training goes on from the last checkpoint before the first step that is missing, or from the start, in
    the same compiled program as the run. A step inside a segment is reached by single steps, which is another
    program where the run's steps are a loop, and then it agrees with the run up to rounding.

    Args:
        training: The run.
        wanted: Steps in 0..last.

    Raises:
        ConfigError: If the run has no such step.
    """
    states, apart = known_states(training), dict[int, float]()
    wanted = sorted(set(wanted))
    for step in wanted:
        if not 0 <= step <= training.last:
            raise ConfigError(f"--step wants one of this run's steps, 0 to {training.last}, got {step}")
    missing = [step for step in wanted if step not in states]
    if missing and not training.repeatable:
        raise ConfigError(f"step {missing[0]} was not saved, and a training on a fold is not run again here")
    if missing:
        member = _member_before(training, missing[0])
        origin = f"the checkpoint of step {int(member.step)}" if int(member.step) else "the start"
        checked = {step for step in states if step <= wanted[-1]}
        for step, params in _train_again(training, member, sorted({*missing, *checked})):
            if step in states and states[step].source == CHECKPOINT:
                apart[step] = distance(params, states[step].params)
            elif step in missing:
                states[step] = State(step, params, f"{REPLAYED} {origin}")
    lost = [step for step in wanted if step not in states]
    if lost:
        raise ConfigError(f"step {lost[0]} of {training.folder} cannot be trained again: it ends before")
    return Replay({step: states[step] for step in wanted}, apart)


def distance(found: Params, saved: Params) -> float:
    """The largest absolute difference, 0 only where the two are equal bit for bit."""
    if state_digest(found) == state_digest(saved):
        return 0.0
    each = jax.tree.map(lambda a, b: float(np.abs(a - b).max(initial=0)), found, saved)
    return max(float(np.finfo(np.float32).tiny), *jax.tree.leaves(each))


def host(params: Params) -> Params:
    """A copy of the parameters as NumPy arrays, so that the originals may be donated."""
    return jax.tree.map(lambda leaf: np.array(leaf), params)


def _member_before(training: Training, step: int) -> Member:
    """The last saved member at or before `step`, or the start."""
    # The optimiser's state of a population's member is not kept.
    before = [saved for saved in training.saved if saved <= step and not training.described.get("population")]
    return jax.tree.map(jnp.array, training.saved[max(before)] if before else training.first)


def _train_again(training: Training, member: Member, stops: Iterable[int]) -> Iterable[tuple[int, Params]]:
    """Trains on from `member`, and gives the parameters at each of the rising steps `stops` behind it."""
    plan, recipe = training.plan, training.experiment.recipe(training.config)
    valid = None if training.splits.valid is None else part_of(training.splits.valid)
    data = place(plan, Data(part_of(training.splits.train), valid))
    member = place(plan, member)
    compiled: Any = None
    for stop in stops:
        here = int(member.step)
        if stop < here:
            continue
        segments, steps = divmod(stop - here, plan.segment_steps)
        if segments:
            compiled = compiled or compile_with(recipe, data, member, plan)
            member, _, _ = compiled(data, member, jnp.int32(segments))
        if int(member.step) + steps != stop:  # it stopped early, or diverged, where the run did
            return
        yield stop, host(_steps(recipe, plan, data, member, steps).params if steps else member.params)


def _steps(recipe: Any, plan: Plan, data: Data, member: Member, steps: int) -> Member:
    """`steps` single steps, each called by itself: each is a segment of its own, whatever the plan's are."""
    single = dataclasses.replace(
        plan,
        segments=plan.segments * plan.segment_steps,
        segment_steps=1,
        patience=None,
        monitor="train_loss",
        maximize=False,
    )
    data = Data(data.train)
    member = jax.tree.map(jnp.array, member)  # the original goes on from here
    return compile_steps(recipe, single, data, member)(data, member, jnp.int32(steps))[0]
