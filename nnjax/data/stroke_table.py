"""Drawings in a CSV file, a point a line: the columns drawing, stroke, x, y and, for classes, label."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

import numpy as np

from nnjax.data.labels import encode
from nnjax.data.limits import check_file
from nnjax.data.padding import pad
from nnjax.data.strokes import strokes_to_steps
from nnjax.errors import DataError
from nnjax.types import Dataset

COLUMNS = ("drawing", "stroke", "x", "y")
MAX_BYTES = 512 * 2**20
SIDE = 10.0


def stroke_table(path: str | os.PathLike) -> Dataset:
    """Reads drawings from a CSV file of points.

    The lines of a drawing lie together, in the order in which they are drawn; a new value of `stroke` says
    that the pen was lifted. Every drawing is scaled so that its longer side is 10.

    Args:
        path: The file, with a first line that names the columns.

    Returns:
        Inputs `Sequences` of float32 [N, T, 3], as `strokes_to_steps`; targets int32 [N], or zeros of the
        one class "drawing" where there is no label.

    Raises:
        DataError: If there is no such file, a column is missing, a coordinate is no finite number, or a
            drawing has two labels or comes back after another; the message names the line.
    """
    path = check_file(path, MAX_BYTES)
    drawings: dict[str, list[tuple[str, float, float]]] = {}
    labels: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            names = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in COLUMNS if name not in names]
            if missing:
                raise DataError(f"{path}, line 1: wanted {', '.join(COLUMNS)}; missing {missing[0]}")
            last = ""
            for cells in reader:
                if not cells:
                    continue
                where = f"{path}, line {reader.line_num}"
                if len(cells) != len(names):
                    raise DataError(f"{where}: {len(cells)} cells, and there are {len(names)} columns")
                row = dict(zip(names, (cell.strip() for cell in cells), strict=True))
                last = _add(where, row, drawings, labels, last)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text in UTF-8 (byte {error.start})") from None
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file ({error})") from None
    return _dataset(path, drawings, labels)


def _add(where: str, row: dict[str, str], drawings: dict, labels: dict, last: str) -> str:
    """Puts a point to its drawing; returns the drawing's name."""
    name, label = row["drawing"], row.get("label", "drawing")
    if name in drawings and name != last:
        raise DataError(f"{where}: drawing {name!r} comes back after {last!r}; its lines belong together")
    if not label or labels.setdefault(name, label) != label:
        raise DataError(f"{where}: drawing {name!r} has the labels {labels.get(name)!r} and {label!r}")
    try:
        x, y = float(row["x"]), float(row["y"])
    except ValueError:
        x = y = math.nan
    if not (abs(x) < 1e9 and abs(y) < 1e9):
        raise DataError(f"{where}: x {row['x']!r:.20} and y {row['y']!r:.20} are not two finite numbers")
    drawings.setdefault(name, []).append((row["stroke"], x, y))
    return name


def _dataset(path: Path, drawings: dict, labels: dict) -> Dataset:
    if not drawings:
        raise DataError(f"{path}: no points")
    steps = []
    for points in drawings.values():
        place = np.array([point[1:] for point in points])
        lifts = [row for row in range(1, len(points)) if points[row][0] != points[row - 1][0]]
        side = float(np.ptp(place, axis=0).max())
        steps.append(strokes_to_steps(np.split(place, lifts), (side or 1.0) / SIDE))
    targets, classes = encode(list(labels.values()))
    return Dataset(pad(steps), targets, path.stem, classes)
