"""`nnjax run`: an experiment's flags, one training, and the folder that it leaves."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.data.checks import check_splits
from nnjax.errors import ConfigError
from nnjax.runner.chapter import run_chapter
from nnjax.runner.configure import configure
from nnjax.runner.description import describe
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.flags import flag
from nnjax.runner.interrupts import stop_requests
from nnjax.runner.population_run import run_population
from nnjax.runner.run_folder import CONFIG, new_folder, write_json
from nnjax.runner.sameness import data_digest
from nnjax.runner.settings import from_json
from nnjax.runner.sweep_flags import parse_all
from nnjax.runner.training_run import USUAL, Job, Keeping, carry_out
from nnjax.training.divergence import Remedies
from nnjax.training.fit import with_layout
from nnjax.training.run_lock import lock_run


def run_experiment(
    path: str | Path,
    settings: Sequence[str] | Mapping[str, Any] = (),
    out: str | Path = "runs",
    keeping: Keeping = USUAL,
) -> Path:
    """Trains an experiment and writes its run folder, `out/NAME/TIMESTAMP/`; a chapter shows what it shows.

    Args:
        path: The experiment's file.
        settings: Its flags, such as `["--epochs", "3"]`, or its settings by name, such as `{"epochs": 3}`.
            Flags such as `["--seeds", "32"]` make many trainings of it (`nnjax.runner.sweep_flags`).
        out: Where runs go.
        keeping: What one training does when it diverges, and which of its checkpoints it keeps.

    Returns:
        The run folder: config.json, metrics.jsonl, timing.jsonl, summary.json, experiment.py, checkpoints/,
        figures/ and report.html; of a chapter numbers.json, and what a training leaves only if it has one.

    Raises:
        ConfigError: A flag is wrong, or the experiment is no experiment. Nothing has been written.
        DataError: The data cannot be trained on. Nothing has been written.
        DivergedError: The training diverged; its last good state is in the folder.
        InterruptedRun: A signal ended it after it had saved; `nnjax.runner.resume` goes on.
        OutOfMemoryError: It does not fit in memory.
    """
    configure()
    experiment = load_experiment(Path(path))
    asked = None
    if isinstance(settings, Mapping):
        config = from_json(experiment.Config, settings)
    else:
        program = f"nnjax run {experiment.name}"
        config, asked = parse_all(experiment.Config, settings, program, experiment.about)
    if keeping != USUAL and (asked is not None or not experiment.trains):
        raise ConfigError("on_divergence and save_every are for runs of one training")
    if asked is not None:
        return run_population(experiment, config, asked, Path(out))
    if not experiment.trains:
        return run_chapter(experiment, config, Path(out))
    splits = experiment.data(config)
    check_splits(splits)
    net = experiment.task(config, {name: np.float32(x) for name, x in experiment.hyper(config).items()}).net
    plan = with_layout(experiment.plan(config, splits), net, splits.train, "auto")
    Remedies(keeping.on_divergence, experiment.recipe(config), plan).check(experiment.hyper(config))
    started = datetime.datetime.now().astimezone()
    with stop_requests() as asked_to_stop:
        folder = new_folder(Path(out), experiment.name, started)
        with lock_run(folder):
            job = Job(experiment, config, plan, splits, folder, keeping)
            begin(job, started)
            carry_out(job, asked_to_stop)
    return folder


def begin(job: Job, started: datetime.datetime) -> None:
    """Writes down what the run is; config.json last, since it is what makes a folder a run."""
    shutil.copyfile(job.experiment.path, job.folder / "experiment.py")
    if job.splits.scaler is not None:
        np.savez(job.folder / "scaler.npz", **job.splits.scaler._asdict())
    described = describe(job.experiment, job.config, job.plan, job.splits, started)
    for name, value in dataclasses.asdict(job.keeping).items():
        if value != getattr(USUAL, name):
            described["command"] += f" {flag(name)} {value}"
    described |= {"keeping": dataclasses.asdict(job.keeping), "data_digest": data_digest(job.splits)}
    write_json(job.folder / CONFIG, described)
