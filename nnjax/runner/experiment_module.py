"""An experiment's module, checked as soon as it is loaded.

An experiment has a frozen `Config`, `data(config) -> Splits`, `task(config, hyper) -> Task` and
`plan(config, splits) -> Plan`; where it helps also `figures(config, fitted, splits, folder)`, which draws
more than the runner does and returns name to caption, and `sample(config, params) -> text`, what a net that
writes has to say at the end of each segment. A chapter has `show(config) -> Shown`, with those or without.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nnjax.errors import ConfigError
from nnjax.runner.settings import hyper_fields
from nnjax.runner.shown import Shown
from nnjax.types import Hyper, Params, Plan, Splits, Task

TRAINING = ("data", "task", "plan")


class Experiment(NamedTuple):
    """One experiment.

    Attributes:
        name: The name of its file.
        path: Its file.
        purpose: The first line of its docstring.
        about: The whole docstring.
        Config: Its settings, a frozen dataclass.
        data: `data(config) -> Splits`.
        task: `task(config, hyper) -> Task`, called inside the trace.
        plan: `plan(config, splits) -> Plan`.
        figures: `figures(config, fitted, splits, folder) -> {name: caption}`, or None.
        sample: `sample(config, params) -> text`, or None.
        show: `show(config) -> Shown` of a chapter, or None.
        trains: Whether it has data, task and plan; where it has not, calling one raises ConfigError.
    """

    name: str
    path: Path
    purpose: str
    about: str
    Config: type
    data: Callable[[Any], Splits]
    task: Callable[[Any, Hyper], Task]
    plan: Callable[[Any, Splits], Plan]
    figures: Callable[..., Mapping[str, str] | None] | None
    sample: Callable[[Any, Params], str] | None = None
    show: Callable[[Any], Shown] | None = None
    trains: bool = True

    def hyper(self, config: Any) -> dict[str, float]:
        """The settings that only scale, name to number: what the compiled program takes as arguments."""
        return {name: float(getattr(config, name)) for name in hyper_fields(self.Config)}

    def recipe(self, config: Any) -> Callable[[Hyper], Task]:
        """`hyper -> Task` for one configuration."""
        return lambda hyper: self.task(config, hyper)


def load_experiment(path: Path, name: str = "") -> Experiment:
    """Imports an experiment's file and takes its parts.

    Args:
        path: The file.
        name: What the experiment is called; the name of the file where it is empty.

    Raises:
        ConfigError: The file cannot be read or parsed, or a part is missing or not what it should be.
    """
    module = _import(path)
    about = (module.__doc__ or "").strip()
    config_type = getattr(module, "Config", None)
    frozen = dataclasses.is_dataclass(config_type) and config_type.__dataclass_params__.frozen  # type: ignore
    if not (isinstance(config_type, type) and frozen):
        raise ConfigError(f"{path} wants a frozen dataclass Config, got {config_type!r}")
    bare = [field.name for field in dataclasses.fields(config_type) if _without_default(field)]
    if bare:
        raise ConfigError(f"{path}: every setting of Config wants a default, got none for {', '.join(bare)}")
    show: Callable[[Any], Shown] | None = getattr(module, "show", None)
    missing = [part for part in TRAINING if not callable(getattr(module, part, None))]
    if missing and not (show and len(missing) == len(TRAINING)):
        wanted = "the functions data, task and plan, or show alone"
        raise ConfigError(f"{path} wants {wanted}, got no {' and no '.join(missing)}")
    parts = {part: getattr(module, part, _without_training(path.stem)) for part in TRAINING}
    return Experiment(
        name=name or path.stem,
        path=path,
        purpose=about.partition("\n")[0],
        about=about,
        Config=config_type,
        **parts,
        figures=getattr(module, "figures", None),
        sample=getattr(module, "sample", None),
        show=show,
        trains=not missing,
    )


def _import(path: Path) -> Any:
    """The module at `path`, known under a name of its own so that dataclasses find their annotations."""
    try:
        ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise ConfigError(f"{path}, line {error.lineno}: {error.msg}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    specification = importlib.util.spec_from_file_location(f"nnjax_experiment_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise ConfigError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def _without_training(name: str) -> Callable[..., Any]:
    """What stands for data, task and plan in a chapter that has none."""

    def refuse(*arguments: Any) -> Any:
        raise ConfigError(f"{name} is a chapter that shows things: it has no training of its own")

    return refuse


def _without_default(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
