"""One training as a run: from its start, or from where it was stopped, to its scores, figures and report."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnjax.errors import ConfigError, DivergedError
from nnjax.runner.chapter import write_shown
from nnjax.runner.experiment_module import Experiment
from nnjax.runner.figures import draw_figures
from nnjax.runner.recorder import Recorder
from nnjax.runner.report import write_report
from nnjax.runner.run_folder import mark_finished, write_json
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.cost import cost_summary, cost_table
from nnjax.training.divergence import POLICIES, Remedies
from nnjax.training.fit import Fitted, fit_task
from nnjax.training.member import Member
from nnjax.types import Plan, Splits

STATES = "checkpoints"  # the folder of a run's states


@dataclasses.dataclass(frozen=True)
class Keeping:
    """How a run is kept alive. It stands in config.json, under "keeping".

    Attributes:
        on_divergence: "raise", "skip" or "rollback", see `nnjax.training.divergence`.
        save_every: Segments between checkpoints that are kept for good; None keeps only the newest.
    """

    on_divergence: str = "raise"
    save_every: int | None = None

    def __post_init__(self) -> None:
        if self.on_divergence not in POLICIES:
            raise ConfigError(f"on_divergence wants one of {', '.join(POLICIES)}, got {self.on_divergence!r}")
        if self.save_every is not None and self.save_every < 1:
            raise ConfigError(f"save_every wants an integer of at least 1, got {self.save_every}")


USUAL = Keeping()


class Job(NamedTuple):
    """What a run trains, and where it writes.

    Attributes:
        experiment: The experiment.
        config: Its settings.
        plan: How it is trained, on which devices.
        splits: The data.
        folder: The run folder; this process holds its lock.
        keeping: How it is kept alive.
    """

    experiment: Experiment
    config: Any
    plan: Plan
    splits: Splits
    folder: Path
    keeping: Keeping

    def checkpoints(self) -> Checkpoints:
        """The run's states."""
        every = self.keeping.save_every
        steps = None if every is None else every * self.plan.segment_steps
        return Checkpoints(self.folder / STATES, keep_every=steps)

    def remedies(self, taken: Any = ()) -> Remedies:
        """What the training goes on with when it diverges; `taken` are those so far."""
        remedies = Remedies(self.keeping.on_divergence, self.experiment.recipe(self.config), self.plan, taken)
        remedies.check(self.experiment.hyper(self.config))
        return remedies


class Begun(NamedTuple):
    """A training to go on with.

    Attributes:
        member: Its state.
        rows: Its rows of metrics.jsonl so far.
        remedies: What it went on with when it diverged.
    """

    member: Member
    rows: list[dict[str, Any]]
    remedies: list[dict[str, Any]]


def carry_out(job: Job, asked: Callable[[], bool], begun: Begun | None = None) -> None:
    """Trains, scores, draws, and marks the run as finished.

    Args:
        job: What to do.
        asked: Says whether somebody asked the run to stop.
        begun: A training to go on with; None starts one.

    Raises:
        DivergedError: The training diverged; its last good state is in the folder.
        InterruptedRun: A signal came; what is needed to go on has been saved.
        StorageError: Something could not be written; the last good checkpoint is still there.
    """
    with job.checkpoints() as checkpoints:
        remedies = job.remedies(begun.remedies if begun else ())
        rows = len(begun.rows) if begun else 0
        sample = job.experiment.sample and partial(job.experiment.sample, job.config)
        recorder = Recorder(job.folder, checkpoints, asked, rows, remedies, job.keeping.save_every, sample)
        fitted = trained(job, recorder, begun)
        row = scored(job, recorder, fitted)
    summarise(job, fitted, row, remedies.taken)
    draw_figures(job.experiment, job.config, fitted, job.splits, job.folder)
    if job.experiment.show is not None:
        write_shown(job.experiment.show(job.config), job.folder)
    recorder.stop_if_asked("before its report")
    report = write_report(job.folder)
    mark_finished(job.folder)
    print(said(job.experiment.name, row))
    print(f"report: {report}")


def trained(job: Job, recorder: Recorder, begun: Begun | None) -> Fitted:
    """Trains to the end and saves the last state; when it diverges, the last good one."""
    try:
        fitted = fit_task(
            job.experiment.recipe(job.config),
            job.plan,
            job.splits,
            getattr(job.config, "seed", 0),
            job.experiment.hyper(job.config),
            layout="plan",
            on_chunk=recorder.on_chunk,
            on_compiled=recorder.on_compiled,
            begun=begun and (begun.member, begun.rows),
            on_diverged=recorder.remedy,
            every=recorder.seen_every,
        )
    except DivergedError as error:
        recorder.on_diverged(error)
        raise
    recorder.save(fitted.member)
    recorder.settle()
    recorder.stop_if_asked("before it was scored")
    return fitted


def scored(job: Job, recorder: Recorder, fitted: Fitted) -> dict[str, Any]:
    """Scores the test part once, with the parameters that are kept; the last row of metrics.jsonl."""
    member = fitted.member
    step = int(member.step if job.splits.valid is None else member.best_step)
    epoch = next((row["epoch"] for row in fitted.rows if row["step"] == step), 0)
    row: dict[str, Any] = {"step": step, "epoch": epoch}
    if job.splits.test is not None:
        began = time.perf_counter()
        scores = fitted.evaluate(job.splits.test)
        recorder.event("evaluate", time.perf_counter() - began, 0, len(job.splits.test))
        row |= {f"test_{name}": value for name, value in scores.items()}
        recorder.add([row])
    recorder.stop_if_asked("before its figures")
    return row


def summarise(job: Job, fitted: Fitted, row: dict[str, Any], remedies: list[dict[str, Any]]) -> None:
    """Writes summary.json: what the network costs, layer by layer, how well it did, and what it survived."""
    table = cost_table(fitted.task.net, fitted.params, job.splits.train.inputs)
    best = next((seen for seen in fitted.rows if seen["step"] == row["step"]), {})
    finite = {name: value for name, value in {**best, **row}.items() if np.isfinite(value)}
    survived = {"remedies": remedies} if remedies else {}
    write_json(job.folder / "summary.json", {**cost_summary(table), "scores": finite, **survived})


def said(name: str, row: dict[str, Any]) -> str:
    """The result in one line.

    >>> said("digits", {"step": 72, "epoch": 2, "test_loss": 0.1, "test_accuracy": 0.9805})
    'digits: test loss 0.1000, test accuracy 0.9805 with the parameters of epoch 2'
    """
    scores = [f"{key.replace('_', ' ')} {value:.4f}" for key, value in row.items() if key.startswith("test_")]
    return f"{name}: {', '.join(scores) or 'done'} with the parameters of epoch {row['epoch']}"
