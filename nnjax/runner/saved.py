"""A run that has ended, opened again: its experiment, its settings and the parameters that were kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError, DamagedError, StorageError
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
    experiment, config = kept_experiment(folder, described)
    hyper = {name: np.float32(value) for name, value in experiment.hyper(config).items()}
    recipe = experiment.recipe(config)
    like = jax.eval_shape(lambda: new_member(recipe, jnp.uint32(0), hyper))
    with Checkpoints(folder / "checkpoints") as checkpoints:
        found = checkpoints.latest(like)
    if found is None:
        raise ConfigError(f"{folder} has no checkpoint: the run ended before it saved anything")
    state = found.state
    task = recipe(state.hyper)  # the state's own: a sweep or a rollback may have changed them
    judged = described["data"]["valid"] != 0
    params = state.best_params if judged else task.scored(state.params, state.opt_state)
    return SavedRun(
        folder, experiment, config, described["data"], task, params, read_scaler(folder), found.step
    )


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a run, with everything in it of the type that a run writes.

    Raises:
        ConfigError: There is none.
        DamagedError: It is not what a run writes.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ConfigError(f"{folder} is no run folder: it has no {CONFIG}")
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    if not isinstance(described, dict):
        raise DamagedError(f"{path} is damaged: it is no object")
    wanted = {"name", "config"} if described.get("chapter") else {"name", "config", "data", "plan"}
    missing = wanted - set(described)
    if missing:
        raise DamagedError(f"{path} is damaged: it has no {' and no '.join(sorted(missing))}")
    for name, (fits, what) in FIELDS.items():
        if name in described and not fits(described[name]):
            raise DamagedError(f"{path} is damaged: {name} wants {what}")
    if "data" in described:
        check_described_data(path, described["data"])
    return described


def check_described_data(path: Path, data: Mapping[str, Any]) -> None:
    """Raises DamagedError where what config.json says of the data is not what a run writes."""
    for name, (fits, what) in DATA_FIELDS.items():
        if name not in data or not fits(data[name]):
            raise DamagedError(f"{path} is damaged: data.{name} wants {what}")


def is_texts(value: Any) -> bool:
    """Whether it is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_numbers(value: Any) -> bool:
    """Whether it is a list of finite numbers."""
    return isinstance(value, list) and all(
        isinstance(item, int | float) and not isinstance(item, bool) and abs(item) < float("inf")
        for item in value
    )


def is_count(value: Any) -> bool:
    """Whether it is an integer of at least 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_name(value: Any) -> bool:
    """Whether it is the name of a file in a folder, and leads nowhere else."""
    return isinstance(value, str) and Path(value).name == value and value.isprintable() and len(value) < 256


def is_numeric(value: Any) -> bool:
    """Whether it is the name of a dtype of numbers."""
    try:
        return isinstance(value, str) and (jnp.issubdtype(jnp.dtype(value), np.number) or value == "bool")
    except TypeError:
        return False


AN_OBJECT = (lambda value: isinstance(value, dict), "an object")
TEXTS = (is_texts, "a list of texts")
COUNT = (is_count, "an integer of at least 0")
FIELDS = {
    "name": (is_name, "the name of an experiment"),
    "config": AN_OBJECT,
    "data": AN_OBJECT,
    "plan": AN_OBJECT,
    "versions": AN_OBJECT,
    "keeping": AN_OBJECT,
    "population": AN_OBJECT,
    "devices": TEXTS,
}
DATA_FIELDS = {
    "train": COUNT,
    "valid": COUNT,
    "test": COUNT,
    "classes": TEXTS,
    "shape": (lambda value: isinstance(value, list) and all(map(is_count, value)), "a list of counts"),
    "dtype": (is_numeric, "a type of numbers"),
    "value_range": (lambda value: value is None or (is_numbers(value) and len(value) == 2), "two numbers"),
}


def kept_experiment(folder: Path, described: Mapping[str, Any]) -> tuple[Experiment, Any]:
    """The experiment that a run kept a copy of, and the settings that it ran with.

    The copy is a program, and is run: open only what you trust.

    Raises:
        DamagedError: The copy is no experiment, or the settings are not its own.
    """
    path = folder / "experiment.py"
    try:
        experiment = load_experiment(path, described["name"])
    except ConfigError as error:
        raise DamagedError(f"{path} is damaged: {error}") from error
    try:
        return experiment, from_json(experiment.Config, described["config"])
    except ConfigError as error:
        raise DamagedError(f"{folder / CONFIG} is damaged: {error}") from error


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
