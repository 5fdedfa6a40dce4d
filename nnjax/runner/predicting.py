"""`nnjax predict` and `nnjax evaluate`: a trained network on new files, and on its own parts again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnjax.data.files import npz_inputs, read_image
from nnjax.errors import DataError
from nnjax.runner.answers import answers
from nnjax.runner.configure import configure
from nnjax.runner.saved import SavedRun, open_run
from nnjax.training.evaluate import evaluate, predict
from nnjax.types import Dataset

TOP = 3  # how many classes a line shows
Row = Sequence[str]


class Example(NamedTuple):
    """One thing to be classified: where it came from, and its inputs as the data set has them."""

    name: str
    inputs: np.ndarray


def predict_files(folder: Path, files: Sequence[str], invert: bool = False) -> None:
    """Prints a table: the class of every image and of every row of the .npz files, with probabilities.

    Args:
        folder: The run folder.
        files: Images, and .npz files with an array `inputs` [N, ...].
        invert: Whether images have dark ink on white where the training data have bright ink on black.

    Raises:
        DataError: A file does not fit the network; the message names it.
    """
    configure()
    run = open_run(folder)
    examples = [example for file in files for example in read_examples(run, file, invert)]
    inputs = np.stack([example.inputs for example in examples])
    outputs = predict(run.task.net, run.params, inputs if run.scaler is None else run.scaler(inputs))
    said = answers(outputs, len(run.data["classes"])) if run.data["classes"] else None
    if said is None:
        numbers = np.asarray(outputs).reshape(len(examples), -1)
        rows = [[e.name, " ".join(f"{x:.6g}" for x in row)] for e, row in zip(examples, numbers, strict=True)]
        print_table(("file", "output"), rows)
        return
    rows = [
        [example.name, *described(chances, run.data["classes"])]
        for example, chances in zip(examples, said.probabilities, strict=True)
    ]
    print_table(("file", "class", "probability", "next"), rows)


def read_examples(run: SavedRun, file: str, invert: bool = False) -> list[Example]:
    """The examples of one file, in the shape and type of the training data."""
    shape, dtype = tuple(run.data["shape"]), np.dtype(run.data["dtype"])
    if Path(file).suffix.lower() == ".npz":
        inputs = npz_inputs(file)
        if inputs.shape[1:] != shape:
            raise DataError(
                f"{file}: inputs want the shape {['N', *shape]}, got {list(inputs.shape)}".replace("'", "")
            )
        return [Example(f"{file}[{row}]", example) for row, example in enumerate(inputs)]
    if len(shape) not in (2, 3):
        raise DataError(
            f"{file}: this network reads arrays of shape {list(shape)}, not images; give an .npz file"
        )
    low, high = run.data["value_range"] or (0.0, 255.0)
    return [Example(file, read_image(file, shape, (low, high), dtype, invert=invert))]


def described(chances: np.ndarray, classes: Sequence[str]) -> Row:
    """The likeliest class, its probability, and the ones that come next.

    >>> described(np.array([0.1, 0.7, 0.2]), ("cat", "dog", "bird"))
    ['dog', '0.700', 'bird 0.200, cat 0.100']
    """
    first, *others = (int(label) for label in np.argsort(-chances, kind="stable")[:TOP])
    after = ", ".join(f"{classes[label]} {chances[label]:.3f}" for label in others)
    return [classes[first], f"{chances[first]:.3f}", after]


def evaluate_run(folder: Path) -> None:
    """Loads the run's data again and prints the loss and metrics of every part."""
    configure()
    run = open_run(folder)
    splits = run.experiment.data(run.config)
    scores: dict[str, dict[str, float]] = {
        name: evaluate(run.task, run.params, part)
        for name, part in splits._asdict().items()
        if isinstance(part, Dataset)
    }
    names = sorted(next(iter(scores.values())), key=lambda name: (name != "loss", name))
    rows = [
        [part, str(len(getattr(splits, part))), *(f"{found[name]:.4f}" for name in names)]
        for part, found in scores.items()
    ]
    print_table(("part", "examples", *names), rows)


def print_table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    """A table: with Rich on a terminal, columns set apart by two spaces elsewhere."""
    if sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table: Any = Table(*columns, box=box.SIMPLE_HEAD)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    lines = [list(columns), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
