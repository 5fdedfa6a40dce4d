"""`nnjax run`: an experiment's flags, one training, and the folder that it leaves."""

from __future__ import annotations

import dataclasses
import datetime
import platform
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nnjax.data.checks import check_splits
from nnjax.errors import DivergedError
from nnjax.runner import machine
from nnjax.runner.configure import configure
from nnjax.runner.experiment_module import Experiment, load_experiment
from nnjax.runner.figures import draw_figures
from nnjax.runner.flags import flag, parse
from nnjax.runner.interrupts import stop_requests
from nnjax.runner.recorder import Recorder
from nnjax.runner.report import write_report
from nnjax.runner.run_folder import new_folder, write_json
from nnjax.runner.settings import from_json, to_json
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.cost import cost_summary, cost_table
from nnjax.training.fit import Fitted, fit_task, with_layout
from nnjax.training.run_lock import lock_run
from nnjax.types import Dataset, Plan, Splits


def run_experiment(
    path: str | Path, settings: Sequence[str] | Mapping[str, Any] = (), out: str | Path = "runs"
) -> Path:
    """Trains an experiment and writes its run folder, `out/NAME/TIMESTAMP/`.

    Args:
        path: The experiment's file.
        settings: Its flags, such as `["--epochs", "3"]`, or its settings by name, such as `{"epochs": 3}`.
        out: Where runs go.

    Returns:
        The run folder: config.json, metrics.jsonl, timing.jsonl, summary.json, experiment.py, checkpoints/,
        figures/ and report.html.

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


def describe(
    experiment: Experiment, config: Any, plan: Plan, splits: Splits, started: datetime.datetime
) -> dict[str, Any]:
    """What config.json holds: all that decides what a run computes, and what it ran on."""
    return {
        "name": experiment.name,
        "purpose": experiment.purpose,
        "experiment": str(experiment.path),
        "command": command(experiment, config),
        "config": to_json(config),
        "plan": dataclasses.asdict(plan),
        "data": describe_data(splits),
        "versions": machine.versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": machine.processor(),
        "devices": [f"{device.platform}:{device.id} {device.device_kind}" for device in jax.local_devices()],
        "git_commit": machine.git_commit(experiment.path.resolve().parent),
        "started": started.isoformat(timespec="seconds"),
        "seed": getattr(config, "seed", 0),
    }


def command(experiment: Experiment, config: Any) -> str:
    """The command that runs this configuration again: the settings that are not the experiment's own."""
    words = ["nnjax", "run", str(experiment.path)]
    given, usual = to_json(config), to_json(experiment.Config())
    for name, value in given.items():
        if value == usual[name]:
            continue
        if isinstance(value, bool):
            words.append(flag(name if value else f"no_{name}"))
        else:
            words += [flag(name), *map(str, value if isinstance(value, list) else [value])]
    return shlex.join(words)


def describe_data(splits: Splits) -> dict[str, Any]:
    """The data in numbers: what a file has to be like so that the trained network can read it."""

    def one(part: Dataset | None) -> int:
        return 0 if part is None else len(part)

    leaves = jax.tree.leaves(splits.train.inputs)
    return {
        "name": splits.train.name,
        "train": one(splits.train),
        "valid": one(splits.valid),
        "test": one(splits.test),
        "classes": list(splits.train.classes),
        "shape": list(leaves[0].shape[1:]),
        "dtype": str(leaves[0].dtype),
        "value_range": splits.train.value_range and [float(end) for end in splits.train.value_range],
    }


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
