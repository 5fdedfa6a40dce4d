"""Time series in the text form `.ts` of the UCR and UEA archives.

Lines that start with "#" are remarks and lines that start with "@" settings. After "@data" each line is one
example: its channels with a colon between them, each channel its numbers with commas, and the class last.
The archive describes it at https://www.timeseriesclassification.com.
"""

from __future__ import annotations

import os

import numpy as np

from nnjax.data.labels import encode
from nnjax.data.limits import check_file
from nnjax.data.padding import pad
from nnjax.errors import DataError
from nnjax.types import Dataset

MAX_BYTES = 512 * 2**20


def ts_dataset(path: str | os.PathLike) -> Dataset:
    """A data set from a .ts file.

    Args:
        path: The file. Times of its own and missing numbers are not read.

    Returns:
        Inputs `Sequences` of float32 [N, T, D], D channels; targets int32 [N] with class names in the order
        in which the file declares them, or sorted where it does not.

    Raises:
        DataError: If there is no such file or it is not of this form; the message names the line.
    """
    path = check_file(path, MAX_BYTES)
    series, labels, classes = parse_ts(str(path), path.read_bytes())
    targets, classes = encode(labels, classes or None)
    return Dataset(pad(series), targets, path.stem, classes)


def parse_ts(where: str, content: bytes) -> tuple[list[np.ndarray], list[str], tuple[str, ...]]:
    """The series [T_n, D] of a .ts file, their labels, and the classes that it declares.

    Args:
        where: The name of the file, for errors.
        content: What is in it.

    Raises:
        DataError: If it is not of this form; the message names the line.
    """
    series, labels, classes, started = [], [], (), False
    text = content.decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if started:
            one, label = _example(f"{where}, line {number}", line)
            if series and one.shape[1] != series[0].shape[1]:
                raise DataError(
                    f"{where}, line {number}: {one.shape[1]} channels, and the first has {series[0].shape[1]}"
                )
            series.append(one)
            labels.append(label)
            continue
        setting, *words = line.split()
        classes = _setting(f"{where}, line {number}", setting.lower(), words, classes)
        started = setting.lower() == "@data"
    if not series:
        raise DataError(f"{where}: no examples; a .ts file has them after a line @data")
    return series, labels, classes


def _setting(where: str, setting: str, words: list[str], classes: tuple[str, ...]) -> tuple[str, ...]:
    """Looks at one line before the data; what it says of classes is returned."""
    if not setting.startswith("@"):
        raise DataError(f"{where}: {setting[:40]!r} is neither a remark (#) nor a setting (@), before @data")
    if setting == "@timestamps" and words[:1] == ["true"]:
        raise DataError(f"{where}: series with times of their own are not read")
    if setting == "@classlabel":
        if words[:1] != ["true"]:
            raise DataError(f"{where}: wanted a file with class labels")
        return tuple(words[1:])
    return classes


def _example(where: str, line: str) -> tuple[np.ndarray, str]:
    *channels, label = line.split(":")
    if not channels:
        raise DataError(f"{where}: wanted channels and a class with colons between them")
    try:
        columns = [np.array(channel.split(","), np.float32) for channel in channels]
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    if len({len(column) for column in columns}) > 1:
        raise DataError(f"{where}: its channels differ in length: {[len(column) for column in columns]}")
    if not np.isfinite(columns).all():
        raise DataError(f"{where}: a number is not finite")
    return np.stack(columns, 1), label.strip()
