"""A chapter's run: what it shows, written into a run folder as pictures, captions and numbers."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.errors import ConfigError, StorageError
from nnjax.runner.description import describe
from nnjax.runner.experiment_module import Experiment
from nnjax.runner.report import write_report
from nnjax.runner.report.numbers import measured
from nnjax.runner.run_folder import JsonLines, new_folder, write_json
from nnjax.runner.shown import Picture, Shown
from nnjax.training.run_lock import lock_run

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")  # of a picture: it becomes a file's name
GIF = b"GIF8"  # how a GIF begins


def run_chapter(experiment: Experiment, config: Any, out: Path) -> Path:
    """Runs a chapter and writes its run folder, `out/NAME/TIMESTAMP/`.

    Returns:
        The run folder: config.json, numbers.json, figures/NAME.png or .gif, figures/captions.json,
        timing.jsonl, experiment.py and report.html.

    Raises:
        ConfigError: What it shows is no picture or no number.
    """
    started = datetime.datetime.now().astimezone()
    folder = new_folder(out, experiment.name, started)
    with lock_run(folder):
        shutil.copyfile(experiment.path, folder / "experiment.py")
        write_json(folder / "config.json", describe(experiment, config, None, None, started))
        began = time.perf_counter()
        shown = experiment.show(config) if experiment.show else Shown({}, {})
        write_shown(shown, folder)
        took = time.perf_counter() - began
        JsonLines(folder / "timing.jsonl").add({"event": "show", "seconds": round(took, 6)})
        report = write_report(folder)
    print(said(experiment.name, shown))
    print(f"report: {report}")
    return folder


def write_shown(shown: Shown, folder: Path) -> None:
    """Writes figures/NAME.png or NAME.gif, captions.json (in the order of the story) and numbers.json.

    Args:
        shown: What the chapter showed.
        folder: The run folder; captions that it has already stay.

    Raises:
        ConfigError: A picture or a number is not what `Shown` says.
        StorageError: A file cannot be written.
    """
    numbers = {str(name): plain(value, str(name)) for name, value in shown.numbers.items()}
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for name, picture in shown.pictures.items():
        write_picture(figures, name, picture)
    captions = figures / "captions.json"
    before = json.loads(captions.read_text(encoding="utf-8")) if captions.is_file() else {}
    write_json(captions, before | {name: picture.caption for name, picture in shown.pictures.items()})
    write_json(folder / "numbers.json", numbers)


def write_picture(figures: Path, name: str, picture: Picture) -> Path:
    """Writes one picture into the folder `figures`, and returns its file."""
    from matplotlib.figure import Figure

    from nnjax.runner import plots

    if not NAME.fullmatch(name):
        raise ConfigError(f"a picture's name wants lower-case letters, digits, - and _, got {name!r}")
    if isinstance(picture.image, Figure):
        return plots.save(picture.image, figures / f"{name}.png")
    if not (isinstance(picture.image, bytes) and picture.image.startswith(GIF)):
        kind = type(picture.image).__name__
        raise ConfigError(f"the picture {name} wants a matplotlib Figure or the bytes of a GIF, got {kind}")
    path = figures / f"{name}.gif"
    try:
        path.write_bytes(picture.image)
    except OSError as error:
        raise StorageError(f"cannot write the figure {path}: {error.strerror or error}") from error
    return path


def plain(value: Any, name: str) -> Any:
    """A number as JSON has it: NumPy's and JAX's scalars and arrays become Python's, tuples lists.

    Raises:
        ConfigError: It is something else, or not finite.

    >>> plain([{"share": np.float32(0.5), "size": np.int64(3)}], "table")
    [{'share': 0.5, 'size': 3}]
    """
    if isinstance(value, dict):
        return {str(key): plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, name) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ConfigError(f"the number {name} wants numbers, texts or a table, got {type(value).__name__}")
    if not np.isfinite(array).all():
        raise ConfigError(f"the number {name} wants finite numbers, got {value}")
    return _python(array)


def _python(array: np.ndarray) -> Any:
    if array.ndim:
        return [_python(item) for item in array]
    # The shortest text that reads back to the same float32, and not its digits in double precision.
    return float(str(array)) if array.dtype.kind == "f" else array.item()


def said(name: str, shown: Shown) -> str:
    """The result in a few lines: how much there is to see, and the numbers that are no table."""
    numbers = {key.replace("_", " "): plain(value, key) for key, value in shown.numbers.items()}
    few = [
        f"  {key}: {measured(value)}"
        for key, value in numbers.items()
        if isinstance(value, str | int | float)
    ]
    return "\n".join([f"{name}: {len(shown.pictures)} pictures, {len(shown.numbers)} numbers", *few])
