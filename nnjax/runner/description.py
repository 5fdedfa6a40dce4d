"""What config.json says of a run: all that decides what it computes, and what it ran on."""

from __future__ import annotations

import dataclasses
import datetime
import platform
import shlex
from typing import Any

import jax
import numpy as np

from nnjax.runner import machine
from nnjax.runner.experiment_module import Experiment
from nnjax.runner.flags import flag
from nnjax.runner.settings import to_json
from nnjax.types import Dataset, Plan, Splits


def describe(
    experiment: Experiment,
    config: Any,
    plan: Plan | None,
    splits: Splits | None,
    started: datetime.datetime,
) -> dict[str, Any]:
    """What config.json holds; a chapter, which trains nothing by itself, has no plan and no data."""
    trains = {} if plan is None else {"plan": dataclasses.asdict(plan)}
    reads = {} if splits is None else {"data": describe_data(splits)}
    return {
        "name": experiment.name,
        "purpose": experiment.purpose,
        "experiment": str(experiment.path),
        "chapter": experiment.show is not None,
        "command": command(experiment, config),
        "config": to_json(config),
        **trains,
        **reads,
        "versions": machine.versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": machine.processor(),
        "devices": [f"{device.platform}:{device.id} {device.device_kind}" for device in jax.local_devices()],
        "git_commit": machine.git_commit(experiment.path.resolve().parent),
        "started": started.isoformat(timespec="seconds"),
        "seed": getattr(config, "seed", 0 if experiment.trains else None),
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
        "value_range": value_range(splits),
    }


def value_range(splits: Splits) -> list[float] | None:
    """The smallest and largest value of an input before any standardisation; None where it is not known."""
    if splits.train.value_range is not None:
        return [float(end) for end in splits.train.value_range]
    if splits.scaler is None or not isinstance(splits.train.inputs, np.ndarray):
        return None
    inputs = splits.train.inputs
    low, high = (
        end * splits.scaler.std + splits.scaler.mean for end in (inputs.min(axis=0), inputs.max(axis=0))
    )
    return [round(float(np.min(low)), 4), round(float(np.max(high)), 4)]
