"""`nnjax verify`: the last stretch of a run is trained again, and has to give the same bits."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnjax.errors import ConfigError, DamagedError, StorageError
from nnjax.runner.configure import configure
from nnjax.runner.population_verify import verify_population
from nnjax.runner.resume import member_like, on_cpu, reopen
from nnjax.runner.run_folder import find_run, read_lines
from nnjax.runner.sameness import environment_differences, unequal_leaves
from nnjax.runner.saved import read_config
from nnjax.runner.training_run import Job
from nnjax.training.checkpoint import Checkpoint, state_digest
from nnjax.training.engine import place
from nnjax.training.evaluate import part_of
from nnjax.training.member import Data, Member
from nnjax.training.run_lock import lock_run
from nnjax.training.train import start, train


class Replay(NamedTuple):
    """A stretch that was trained again.

    Attributes:
        member: The state at its end.
        rows: Its rows.
    """

    member: Member
    rows: list[dict[str, Any]]


def verify(run: str | Path, out: str | Path = "runs") -> None:
    """Checks every checkpoint of a run, trains from the last but one (or the start) to the last again,
    compares states and rows, and prints what it checked; of a population see `population_verify`.

    Args:
        run: A run folder, or an experiment's name for its last run.
        out: Where runs are looked for.

    Raises:
        ConfigError: There is nothing to check, or data or plan are not those of the run.
        DamagedError: A checkpoint is damaged, or what was trained again differs.
        LockedError: The run is under way.
    """
    folder = find_run(str(run), str(out))
    described = read_config(folder)
    if "plan" not in described:
        raise ConfigError(f"{folder} is a chapter's run, which has no training that could be done again")
    configure(cores=len(described["devices"]) if on_cpu(described["devices"]) else None)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(StorageError):  # a folder that cannot be written can still be checked
            stack.enter_context(lock_run(folder))
        check = verify_population if "population" in described else verify_training
        told = check(folder, described)
    if told:
        other = environment_differences(described)
        reason = f"; {'; '.join(other)}" if other else ""
        raise DamagedError(f"{folder}: trained again, {'; '.join(told)}{reason}")


def verify_training(folder: Path, described: dict[str, Any]) -> list[str]:
    """Trains the last stretch of one training again; returns what differs, and says what is equal."""
    job = reopen(folder, described)
    first, last = newest_pair(job)
    replay = train_again(job, first, last)
    told = differences(folder, replay, first, last)
    if not told:
        rows, begin = len(replay.rows), f"the checkpoint of step {first.step}" if first else "the start"
        print(f"every checkpoint of {folder} is whole")
        print(f"trained again from {begin} to step {last.step}: {rows} rows and the state are equal")
        print(f"digest of the state: {state_digest(last.state)}")
    return told


def newest_pair(job: Job) -> tuple[Checkpoint | None, Checkpoint]:
    """The last two checkpoints, after all have been read; the start is None.

    Raises:
        ConfigError: There is none, or only one of the start.
        DamagedError: One is not whole.
    """
    like = member_like(job)
    with job.checkpoints() as checkpoints:
        found = [checkpoints.restore(step, like) for step in checkpoints.steps()]
    if not found or found[-1].step == 0:
        raise ConfigError(f"{job.folder} has no checkpoint that could be trained to again")
    return (found[-2] if len(found) > 1 else None), found[-1]


def train_again(job: Job, first: Checkpoint | None, last: Checkpoint) -> Replay:
    """Trains from `first`, or from the start, to the step of `last`."""
    plan, recipe, splits = job.plan, job.experiment.recipe(job.config), job.splits
    if first is None:
        seed = getattr(job.config, "seed", 0)
        member, taken = start(recipe, plan, seed, job.experiment.hyper(job.config)), []
    else:
        member, taken = place(plan, first.state), first.meta["remedies"]
    valid = None if splits.valid is None else part_of(splits.valid)
    data = place(plan, Data(part_of(splits.train), valid))
    rows: list[dict[str, Any]] = []
    member = train(
        recipe,
        plan,
        data,
        member,
        lambda chunk: rows.extend(chunk.rows),
        on_diverged=job.remedies(taken),
        until=last.step // plan.segment_steps,
    )
    return Replay(member, rows)


def differences(folder: Path, replay: Replay, first: Checkpoint | None, last: Checkpoint) -> list[str]:
    """What differs between a stretch that was trained again and what was kept of it, in words."""
    told = []
    if state_digest(replay.member) != state_digest(last.state):
        names = ", ".join(unequal_leaves(replay.member, last.state))
        told.append(f"the state of step {last.step} differs in {names}")
    before = first.meta["rows"] if first else 0
    kept = read_lines(folder / "metrics.jsonl")[before : last.meta["rows"]]
    odd = [row["step"] for row, old in zip(replay.rows, kept, strict=False) if not equal(row, old)]
    if odd or len(kept) != len(replay.rows):
        where = f"at step {odd[0]}" if odd else f"in number: {len(kept)} were {len(replay.rows)}"
        told.append(f"the rows of metrics.jsonl differ {where}")
    return told


def equal(row: dict[str, Any], kept: dict[str, Any]) -> bool:
    """Whether a row is one that was kept, in which what is not finite is None."""
    return {name: value if np.isfinite(value) else None for name, value in row.items()} == kept
