"""Arrays in a .npz file, read without pickle and without believing the archive.

A .npz file is a zip archive of .npy files. The sizes that it declares are checked before anything is
unpacked, and an array of Python objects, which only pickle could read, is refused.
"""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.data.labels import encode
from nnjax.data.limits import check_file, check_unpacked
from nnjax.errors import DamagedError, DataError
from nnjax.types import Dataset

# The names that such files use for inputs and targets; x and y are those of Keras.
PAIRS = (("inputs", "targets"), ("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target"))
PARTS = ("train", "test")
MAX_CLASSES = 10_000


def read_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads every array of a .npz file.

    Raises:
        DataError: If there is no such file, or an array holds Python objects; the message names it.
        DamagedError: If the file is damaged, names an array twice, or claims to unpack to too much.
    """
    path = check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            return {member.filename.removesuffix(".npy"): _array(path, archive, member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DamagedError(f"{path}: not a sound .npz file ({error})") from None


def npz_dataset(
    path: str | os.PathLike, part: str = "train", inputs: str | None = None, targets: str | None = None
) -> Dataset:
    """A data set from a .npz file.

    Args:
        path: The file. Its arrays may be called inputs and targets, x and y, images and labels, or data and
            target; a file with a test part says so in the name, as in x_train and x_test, or train_images.
            Two more are read where they are there: `classes`, the K names, and `value_range`.
        part: "train" or "test".
        inputs: The name of the inputs, if it is none of these.
        targets: The name of the targets, likewise.

    Returns:
        The data set. Whole-number targets [N] or [N, 1] are labels and become int32 [N]; text targets are
        numbered in sorted order; float targets become float32 [N, M].

    Raises:
        DataError: As `read_npz`, or if the arrays are not there; the message has the names that are.
        DamagedError: As `read_npz`.
    """
    arrays = read_npz(path)
    found = (inputs, targets) if inputs and targets else _names(arrays, part)
    if found is None or not set(found) <= arrays.keys():
        wanted = f"{inputs or 'inputs'} and {targets or 'targets'}" if part == "train" else f"a {part} part"
        raise DataError(f"{path}: wanted {wanted}; the arrays are {', '.join(arrays) or 'none'}")
    values, labels = _narrow(arrays[found[0]]), _targets(arrays[found[1]])
    classes = _classes(arrays, {found[1], *(names[1] for p in PARTS if (names := _names(arrays, p)))})
    if labels.dtype.kind in "US":
        labels = encode(labels.tolist(), classes)[0]
    value_range = (0.0, 255.0) if values.dtype == np.uint8 and values.ndim > 2 else None
    if "value_range" in arrays:
        low, high = arrays["value_range"].ravel()[:2].tolist()
        value_range = (float(low), float(high))
    return Dataset(values, labels, Path(path).stem, classes, value_range)


def npz_inputs(path: str | os.PathLike) -> np.ndarray:
    """The inputs alone, for a prediction: the array with a name that says so, or the only one there is.

    Raises:
        DataError, DamagedError: As `read_npz`; or if no array is recognised.
    """
    arrays = read_npz(path)
    known = [name for name, _ in PAIRS if name in arrays]
    if not known and len(arrays) != 1:
        raise DataError(f"{path}: wanted one array, or one called inputs; got {', '.join(arrays) or 'none'}")
    return _narrow(arrays[known[0] if known else next(iter(arrays))])


def has_test_part(path: str | os.PathLike) -> bool:
    """Whether a .npz file names a test part, as in x_test and y_test."""
    path = check_file(path)
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _names([name.removesuffix(".npy") for name in archive.namelist()], "test") is not None


def _names(present, part: str) -> tuple[str, str] | None:
    forms = ["{}_" + part, part + "_{}"] + (["{}"] if part == "train" else [])
    for form in forms:
        for inputs, targets in PAIRS:
            if form.format(inputs) in present and form.format(targets) in present:
                return form.format(inputs), form.format(targets)
    return None


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise DamagedError(f"{path}: holds two arrays of the same name")
    for member in members:
        if not member.filename.endswith(".npy"):
            raise DamagedError(f"{path}: {member.filename!r} in it is not an array (.npy)")
    check_unpacked(path, sum(member.file_size for member in members))


def _array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array; its header is compared with the size in the archive before memory is asked for."""
    name = member.filename.removesuffix(".npy")
    try:
        with archive.open(member) as stream:
            version = np.lib.format.read_magic(stream)
            read_header: Any = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(stream)
            content = member.file_size - stream.tell()
        if dtype.hasobject:
            raise DataError(f"{path}: array {name!r} holds Python objects, which are not read; save numbers")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != content:
            raise DamagedError(f"{path}: array {name!r} claims shape {list(shape)} in {content:,} bytes")
        with archive.open(member) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except (DataError, DamagedError):
        raise
    except ValueError as error:
        raise DamagedError(f"{path}: array {name!r} is damaged ({error})") from None


def _narrow(values: np.ndarray) -> np.ndarray:
    """float64 becomes float32; what does not fit becomes infinite, which the checks name by row."""
    if values.dtype != np.float64:
        return values
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _targets(values: np.ndarray) -> np.ndarray:
    """Labels as int32 [N] where they fit and text as it is; anything else as float32 [N, M]."""
    if values.ndim == 2 and values.shape[1] == 1 and values.dtype.kind in "iuUS":
        values = values[:, 0]
    if values.dtype.kind == "S":
        return values.astype(str)
    if values.dtype.kind in "iu":
        fits = values.size == 0 or (values.min() >= -(2**31) and values.max() < 2**31)
        return values.astype(np.int32) if fits else values
    return _narrow(values[:, None] if values.ndim == 1 and values.dtype.kind == "f" else values)


def _classes(arrays: dict[str, np.ndarray], labels: set[str]) -> tuple[str, ...]:
    """The names of the classes, the same for every part: as the file says, or as all its labels do."""
    if "classes" in arrays:
        return tuple(str(name) for name in arrays["classes"].ravel())
    values = [_targets(arrays[name]) for name in sorted(labels)]
    if any(part.ndim != 1 for part in values):
        return ()
    if all(part.dtype.kind == "U" for part in values):
        return encode(np.concatenate(values).tolist())[1]
    if all(part.dtype.kind in "iu" and part.size for part in values):
        last = max(int(part.max()) for part in values)
        return tuple(str(label) for label in range(last + 1)) if 0 <= last < MAX_CLASSES else ()
    return ()
