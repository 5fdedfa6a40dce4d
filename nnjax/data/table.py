"""A table in a text file (CSV): one example a row, one column with the label."""

from __future__ import annotations

import csv
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from nnjax.data.labels import encode
from nnjax.data.limits import check_file
from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset

BLOCK_ROWS = 1024
LARGE_BYTES = 2**20
LARGEST = float(np.finfo(np.float32).max)


def csv_dataset(
    path: str | os.PathLike,
    label: str | int = -1,
    regression: bool = False,
    drop: Sequence[str | int] = (),
    delimiter: str | None = None,
) -> Dataset:
    """Reads a CSV file of numbers with a label column.

    Args:
        path: The file, in UTF-8. A first row in which no input is a number names the columns.
        label: The column of the label: its name, or its number from 0 (-1 is the last).
        regression: Whether the label column is a quantity. If not, each distinct name or whole number in it
            is a class.
        drop: Columns that are left out, by name or number.
        delimiter: What separates the cells; None takes the commonest of comma, semicolon and tab in the
            first line.

    Returns:
        Inputs float32 [N, D]; targets int32 [N] with class names, or float32 [N, 1].

    Raises:
        ConfigError: If there is no such column.
        DataError: If there is no such file, a row has too few or too many cells, an input is not a finite
            number, or a label is missing or a fraction; the message names the line.
    """
    path = check_file(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            delimiter = delimiter or _delimiter(first)
            rows = _rows(path, csv.reader(stream, delimiter=delimiter))
            return _dataset(path, rows, delimiter, label, regression, drop)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text in UTF-8 (byte {error.start})") from None
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file ({error})") from None


def _dataset(path: Path, rows: Iterator, delimiter: str, label, regression: bool, drop) -> Dataset:
    line, cells = next(rows, (0, []))
    if len(cells) < 2:
        raise DataError(f"{path}: wanted at least one column of inputs and one of labels, got {cells}")
    target, dropped, named = _columns(path, cells, label, drop)
    columns = [column for column in range(len(cells)) if column != target and column not in dropped]
    names = cells if named else [str(column) for column in range(len(cells))]
    table = _plain(path, delimiter, named) if path.stat().st_size > LARGE_BYTES else None
    if table is not None and (regression or _whole(table[:, target])):
        labels = table[:, target].tolist() if regression else table[:, target].astype(int).tolist()
        return _finish(path, table[:, columns].astype(np.float32), labels, regression)
    blocks, labels = [], []
    block, lines = ([], []) if named else ([cells], [line])
    for line, cells in rows:
        block.append(cells)
        lines.append(line)
        if len(block) == BLOCK_ROWS:
            blocks.append(_numbers(path, block, lines, columns, names))
            labels += _labels(path, block, lines, target, names, regression)
            block, lines = [], []
    if block:
        blocks.append(_numbers(path, block, lines, columns, names))
        labels += _labels(path, block, lines, target, names, regression)
    if not labels:
        raise DataError(f"{path}: no examples")
    return _finish(path, np.concatenate(blocks), labels, regression)


def _finish(path: Path, inputs: np.ndarray, labels: list, regression: bool) -> Dataset:
    if regression:
        return Dataset(inputs, np.array(labels, np.float32).reshape(-1, 1), path.stem)
    targets, classes = encode(labels)
    return Dataset(inputs, targets, path.stem, classes)


def _plain(path: Path, delimiter: str, named: bool) -> np.ndarray | None:
    """A large table of nothing but finite numbers, read several times faster; None for any other.

    What is wrong with another one, and where, only the slow way can tell.
    """
    options: Any = {"skiprows": int(named), "comments": None, "encoding": "utf-8-sig", "ndmin": 2}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without rows; the slow way says so
            table = np.loadtxt(path, delimiter=delimiter, **options)
    except ValueError:
        return None
    return table if len(table) and np.abs(table).max() <= LARGEST else None


def _whole(values: np.ndarray) -> bool:
    return bool(np.all(values == np.floor(values)) and np.abs(values).max() < 2**53)


def _rows(path: Path, reader) -> Iterator[tuple[int, list[str]]]:
    """The rows with the number of their line, all of the same width; blank lines are passed over."""
    width = None
    for cells in reader:
        if not cells:
            continue
        width = len(cells) if width is None else width
        if len(cells) != width:
            raise DataError(
                f"{path}, line {reader.line_num}: {len(cells)} cells, and the first row has {width}"
            )
        yield reader.line_num, cells


def _columns(path: Path, cells: list[str], label, drop) -> tuple[int, set[int], bool]:
    """The column of the label, those that are dropped, and whether the first row names the columns."""
    names = [cell.strip() for cell in cells]

    def number(column: str | int) -> int:
        if isinstance(column, str) and column in names:
            return names.index(column)
        if isinstance(column, int) and -len(names) <= column < len(names):
            return column % len(names)
        raise ConfigError(f"{path}: no column {column!r}; the first row is {', '.join(names)}")

    target, dropped = number(label), {number(column) for column in drop}
    inputs = [name for column, name in enumerate(names) if column != target and column not in dropped]
    if not inputs:
        raise ConfigError(f"{path}: no column is left for the inputs")
    return target, dropped, not any(_is_number(name) for name in inputs)


def _numbers(path: Path, block, lines, columns: list[int], names: list[str]) -> np.ndarray:
    try:
        values = np.array([[cells[column] for column in columns] for cells in block], np.float64)
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
    except ValueError:
        values = None
    if values is None or not np.isfinite(values).all():
        _refuse(path, block, lines, columns, names)
    return values


def _labels(path: Path, block, lines, target: int, names: list[str], regression: bool) -> list:
    if regression:
        return _numbers(path, block, lines, [target], names).tolist()
    return [
        _label(f"{path}, line {line}, column {names[target]!r}", cells[target].strip())
        for line, cells in zip(lines, block, strict=True)
    ]


def _label(where: str, text: str) -> str:
    """The name of the class; 2 and 2.0 are the same one."""
    if not _is_number(text):
        if not text:
            raise DataError(f"{where}: no label")
        if not text.isprintable():
            raise DataError(f"{where}: {text!r} is no name of a class")
        return text
    value = float(text)
    if not math.isfinite(value):
        raise DataError(f"{where}: the label is {text!r}")
    if value != int(value):
        raise DataError(f"{where}: {text!r} is no class; if the column is a quantity, say regression=True")
    return str(int(value))


def _refuse(path: Path, block, lines, columns, names) -> NoReturn:
    """Names the first cell that is not a finite number of 32 bits."""
    for line, cells in zip(lines, block, strict=True):
        for column in columns:
            if not (_is_number(cells[column]) and abs(float(cells[column])) <= LARGEST):
                raise DataError(
                    f"{path}, line {line}, column {names[column]!r}: {cells[column]!r} is not a finite number"
                )
    raise DataError(f"{path}, lines {lines[0]} to {lines[-1]}: a cell is not a number")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _delimiter(first: str) -> str:
    return max(",;\t", key=first.count)
