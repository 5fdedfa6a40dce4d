"""The user's own files: which reader a path needs, and the names of all of them in one place."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

from nnjax.data import image_files, npz
from nnjax.data.image_files import image_folder, read_image
from nnjax.data.npz import npz_dataset, npz_inputs
from nnjax.data.piano_rolls import PARTS, mat_piano_rolls
from nnjax.data.spoken import spoken_dataset, wav_files
from nnjax.data.table import csv_dataset
from nnjax.data.ts_files import ts_dataset
from nnjax.errors import DataError
from nnjax.types import Dataset

__all__ = [
    "csv_dataset",
    "image_folder",
    "is_path",
    "mat_piano_rolls",
    "npz_dataset",
    "npz_inputs",
    "own_parts",
    "read_image",
    "reader",
    "ts_dataset",
]

READERS: dict[str, Callable[..., Dataset]] = {
    ".npz": npz_dataset,
    ".csv": csv_dataset,
    ".tsv": csv_dataset,
    ".txt": csv_dataset,
    ".ts": ts_dataset,
    ".mat": mat_piano_rolls,
}


def is_path(name: str | os.PathLike) -> bool:
    """Whether `name` means a file or a folder: it is there, has a known suffix or has a separator in it."""
    text = os.fspath(name)
    separated = os.sep in text or (os.altsep is not None and os.altsep in text)
    return separated or Path(text).suffix.lower() in READERS or Path(text).expanduser().exists()


def reader(path: str | os.PathLike) -> Callable[..., Dataset]:
    """The reader of `path`, which takes the options of its kind of file.

    Raises:
        DataError: If nothing is there, or no reader is known for its suffix.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return functools.partial(spoken_dataset if wav_files(path) else image_folder, path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.suffix.lower() not in READERS:
        raise DataError(
            f"{path}: wanted a folder of images or WAV files, or a file ending in {', '.join(READERS)}"
        )
    return functools.partial(READERS[path.suffix.lower()], path)


def own_parts(path: str | os.PathLike) -> tuple[str, ...]:
    """The parts beyond "train" that come with the user's data."""
    path = Path(path).expanduser()
    if path.is_dir():
        return ("test",) if image_files.has_test_part(path) else ()
    if path.suffix.lower() == ".mat":
        return PARTS[1:]
    return ("test",) if path.suffix.lower() == ".npz" and npz.has_test_part(path) else ()
