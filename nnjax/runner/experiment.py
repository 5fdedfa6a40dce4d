"""`nnjax run`: an experiment's flags, one training, and the folder that it leaves."""

from __future__ import annotations

import datetime
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.data.checks import check_splits
from nnjax.errors import DivergedError
from nnjax.runner.chapter import run_chapter, write_shown
from nnjax.runner.configure import configure
from nnjax.runner.description import describe
from nnjax.runner.experiment_module import Experiment, load_experiment
from nnjax.runner.figures import draw_figures
from nnjax.runner.flags import parse
from nnjax.runner.interrupts import stop_requests
from nnjax.runner.recorder import Recorder
from nnjax.runner.report import write_report
from nnjax.runner.run_folder import new_folder, write_json
from nnjax.runner.settings import from_json
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.cost import cost_summary, cost_table
from nnjax.training.fit import Fitted, fit_task, with_layout
from nnjax.training.run_lock import lock_run
from nnjax.types import Plan, Splits


def run_experiment(
    path: str | Path, settings: Sequence[str] | Mapping[str, Any] = (), out: str | Path = "runs"
) -> Path:
    """Trains an experiment and writes its run folder, `out/NAME/TIMESTAMP/`; a chapter shows what it shows.

    Args:
        path: The experiment's file.
        settings: Its flags, such as `["--epochs", "3"]`, or its settings by name, such as `{"epochs": 3}`.
        out: Where runs go.

    Returns:
        The run folder: config.json, metrics.jsonl, timing.jsonl, summary.json, experiment.py, checkpoints/,
        figures/ and report.html; of a chapter numbers.json, and what a training leaves only if it has one.

    Raises:
        ConfigError: A flag is wrong, or the experiment is no experiment. Nothing has been written.
        DataError: The data cannot be trained on. Nothing has been written.
        DivergedError: The training diverged; its last good state is in the folder.
        InterruptedRun: A signal ended it after it had saved.
    """
    configure()
    experiment = load_experiment(Path(path))
    if isinstance(settings, Mapping):
        config = from_json(experiment.Config, settings)
    else:
        config = parse(experiment.Config, settings, f"nnjax run {experiment.name}", experiment.about)
    if not experiment.trains:
        return run_chapter(experiment, config, Path(out))
    splits = experiment.data(config)
    check_splits(splits)
    net = experiment.task(config, {name: np.float32(x) for name, x in experiment.hyper(config).items()}).net
    plan = with_layout(experiment.plan(config, splits), net, splits.train, "auto")
    started = datetime.datetime.now().astimezone()
    folder = new_folder(Path(out), experiment.name, started)
    shutil.copyfile(experiment.path, folder / "experiment.py")
    write_json(folder / "config.json", describe(experiment, config, plan, splits, started))
    if splits.scaler is not None:
        np.savez(folder / "scaler.npz", **splits.scaler._asdict())
    with lock_run(folder):
        fitted, row = train_and_score(experiment, config, plan, splits, folder)
        summarise(folder, fitted, splits, row)
        draw_figures(experiment, fitted, splits, folder)
        if experiment.show is not None:
            write_shown(experiment.show(config), folder)
        report = write_report(folder)
    print(said(experiment.name, row))
    print(f"report: {report}")
    return folder


def train_and_score(
    experiment: Experiment, config: Any, plan: Plan, splits: Splits, folder: Path
) -> tuple[Fitted, dict[str, Any]]:
    """Trains, saves the last state, scores the test part once, and returns that row of metrics.jsonl."""
    seed = getattr(config, "seed", 0)
    with stop_requests() as stop, Checkpoints(folder / "checkpoints") as checkpoints:
        recorder = Recorder(folder, checkpoints, stop)
        try:
            fitted = fit_task(
                experiment.recipe(config),
                plan,
                splits,
                seed,
                experiment.hyper(config),
                layout=plan.layout,
                on_chunk=recorder.on_chunk,
            )
        except DivergedError as error:
            recorder.on_diverged(error)
            raise
        recorder.event("compile", fitted.seconds["compile"])
        recorder.save(fitted.member)
        step = int(fitted.member.step if splits.valid is None else fitted.member.best_step)
        row: dict[str, Any] = {"step": step, "epoch": epoch_of(step, fitted)}
        if splits.test is not None:
            began = time.perf_counter()
            scores = fitted.evaluate(splits.test)
            recorder.event("evaluate", time.perf_counter() - began, 0, len(splits.test))
            row |= {f"test_{name}": value for name, value in scores.items()}
            recorder.metrics.add(row)
        recorder.settle()
    return fitted, row


def epoch_of(step: int, fitted: Fitted) -> float:
    """The epoch that a segment's row gives for a step."""
    return next((row["epoch"] for row in fitted.rows if row["step"] == step), 0)


def summarise(folder: Path, fitted: Fitted, splits: Splits, row: dict[str, Any]) -> None:
    """Writes summary.json: what the network costs, layer by layer, and how well it did."""
    table = cost_table(fitted.task.net, fitted.params, splits.train.inputs)
    best = next((seen for seen in fitted.rows if seen["step"] == row["step"]), {})
    write_json(folder / "summary.json", {**cost_summary(table), "scores": {**best, **row}})


def said(name: str, row: dict[str, Any]) -> str:
    """The result in one line.

    >>> said("digits", {"step": 72, "epoch": 2, "test_loss": 0.1, "test_accuracy": 0.9805})
    'digits: test loss 0.1000, test accuracy 0.9805 with the parameters of epoch 2'
    """
    scores = [f"{key.replace('_', ' ')} {value:.4f}" for key, value in row.items() if key.startswith("test_")]
    return f"{name}: {', '.join(scores) or 'done'} with the parameters of epoch {row['epoch']}"
