"""A run that has ended, opened again: its experiment, its settings and the parameters that were kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError, DamagedError
from nnjax.runner.experiment_module import Experiment, load_experiment
from nnjax.runner.run_folder import CONFIG
from nnjax.runner.settings import from_json
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.member import new_member
from nnjax.types import Params, Standardizer, Task


class SavedRun(NamedTuple):
    """A run from its folder.

    Attributes:
        folder: The run folder.
        experiment: The copy of the experiment that the run kept.
        config: Its settings.
        data: What config.json says of the data: name, classes, shape, dtype and value_range.
        task: What was learned.
        params: The parameters at the best segment end.
        scaler: The standardisation of the inputs, or None.
        step: The step of the checkpoint.
    """

    folder: Path
    experiment: Experiment
    config: Any
    data: dict[str, Any]
    task: Task
    params: Params
    scaler: Standardizer | None
    step: int


def open_run(folder: Path) -> SavedRun:
    """Opens a run folder; the data are not loaded.

    Raises:
        ConfigError: It is no run folder, has no checkpoint yet, or is that of a chapter without a network.
        DamagedError: A file of it is damaged.
    """
    described = read_config(folder)
    if "data" not in described:
        raise ConfigError(f"{folder} is a chapter's run: it has no network of its own")
    experiment = load_experiment(folder / "experiment.py", described["name"])
    config = from_json(experiment.Config, described["config"])
    hyper = {name: np.float32(value) for name, value in experiment.hyper(config).items()}
    recipe = experiment.recipe(config)
    like = jax.eval_shape(lambda: new_member(recipe, jnp.uint32(0), hyper))
    with Checkpoints(folder / "checkpoints") as checkpoints:
        found = checkpoints.latest(like)
    if found is None:
        raise ConfigError(f"{folder} has no checkpoint: the run ended before it saved anything")
    params = found.state.params if described["data"]["valid"] == 0 else found.state.best_params
    task = recipe(hyper)
    return SavedRun(
        folder, experiment, config, described["data"], task, params, read_scaler(folder), found.step
    )


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a run.

    Raises:
        ConfigError: There is none.
        DamagedError: It is not what a run writes.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ConfigError(f"{folder} is no run folder: it has no {CONFIG}")
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        wanted = {"name", "config"} if described.get("chapter") else {"name", "config", "data"}
        missing = wanted - set(described)
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from error
    if missing:
        raise DamagedError(f"{path} is damaged: it has no {' and no '.join(sorted(missing))}")
    return described


def read_scaler(folder: Path) -> Standardizer | None:
    """The standardisation that the run's inputs went through, or None."""
    path = folder / "scaler.npz"
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Standardizer(arrays["mean"], arrays["std"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from error
