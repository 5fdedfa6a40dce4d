"""Piano rolls: which of the 88 keys sound, frame by frame, and what sounds in the next one.

The benchmarks of polyphonic music are MATLAB files with three cell arrays, traindata, validdata and testdata,
of rolls [T, 88] (Boulanger-Lewandowski, Bengio and Vincent, "Modeling temporal dependencies in
high-dimensional sequences", 2012, https://arxiv.org/abs/1206.6392). A model is scored by the cost of each
next frame, summed over the keys: every frame but the first of a piece is predicted from the frames before it.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.data.limits import check_file
from nnjax.data.padding import pad
from nnjax.errors import ConfigError, DamagedError, DataError
from nnjax.types import Dataset

KEYS = 88
LOWEST = 21  # the MIDI pitch of the lowest key, A0
PARTS = ("train", "valid", "test")
MAX_BYTES = 512 * 2**20
HEADER_BYTES = 128
COMPRESSED = 15  # the type of a packed element in MATLAB's level 5 format


def piano_roll(pitches: np.ndarray) -> np.ndarray:
    """The roll of some voices.

    Args:
        pitches: MIDI pitches [T, V] of V voices; NaN, or anything below 1, is a voice that is silent.

    Returns:
        uint8 [T, 88], 1 where a key sounds; column 0 is A0, MIDI pitch 21.

    Raises:
        DataError: If a pitch is not on the piano; the message names the frame.

    >>> np.flatnonzero(piano_roll(np.array([[60.0, np.nan]]))) + 21
    array([60])
    """
    sounding = np.nan_to_num(np.asarray(pitches, np.float64)).astype(int)
    frames, voices = np.nonzero(sounding > 0)
    keys = sounding[frames, voices] - LOWEST
    outside = np.flatnonzero((keys < 0) | (keys >= KEYS))
    if len(outside):
        raise DataError(
            f"frame {frames[outside[0]]}: pitch {keys[outside[0]] + LOWEST} is not one of 21 to 108"
        )
    roll = np.zeros((len(sounding), KEYS), np.uint8)
    roll[frames, keys] = 1
    return roll


def next_frames(rolls: Sequence[np.ndarray], longest: int | None = None, name: str = "") -> Dataset:
    """Rolls as something to learn from: each frame is an input, and the frame after it its target.

    Args:
        rolls: N rolls [T_n, 88], of at least two frames each.
        longest: The number of frames to pad to, without the last one (static); None for the longest roll's.

    Returns:
        Inputs and targets `Sequences` of uint8 [N, T - 1, 88].

    Raises:
        DataError: If a roll has fewer than two frames; the message names the row.
    """
    for row, roll in enumerate(rolls):
        if len(roll) < 2:
            raise DataError(f"row {row}: a roll of {len(roll)} frames has no next one")
    inputs, targets = pad([roll[:-1] for roll in rolls], longest), pad([roll[1:] for roll in rolls], longest)
    return Dataset(inputs, targets, name)


def mat_piano_rolls(path: str | os.PathLike, part: str = "train") -> Dataset:
    """One part of a MATLAB file of piano rolls.

    Args:
        path: The file, of MATLAB's level 5 format, with cell arrays traindata, validdata and testdata.
        part: "train", "valid" or "test".

    Returns:
        As `next_frames`, padded to the longest piece of all parts.

    Raises:
        ConfigError: For another part.
        DataError: If there is no such file, or no rolls of zeros and ones in it; the message names the piece.
        DamagedError: If the file is damaged, or claims to unpack to too much.
    """
    if part not in PARTS:
        raise ConfigError(f"{path}: wanted the part {', '.join(PARTS)}; got {part!r}")
    rolls = read_mat_rolls(path)
    longest = max(len(roll) for one in rolls.values() for roll in one) - 1
    return next_frames(rolls[part], longest, Path(path).stem)


def read_mat_rolls(path: str | os.PathLike) -> dict[str, list[np.ndarray]]:
    """Part to its rolls, uint8 [T, 88] each, of a MATLAB file.

    Raises:
        DataError, DamagedError: As `mat_piano_rolls`.
    """
    from scipy.io import loadmat

    path = check_file(path)
    _check_packed(path)
    names = {part: f"{part}data" for part in PARTS}
    try:
        cells: Any = loadmat(path, variable_names=list(names.values()))
    except NotImplementedError:
        raise DataError(f"{path}: MATLAB 7.3 files are HDF5, and not read; save with -v7") from None
    except Exception as error:  # scipy raises many kinds, even TypeError, on damaged files
        raise DamagedError(f"{path}: not a sound MATLAB file ({error})") from None
    missing = [name for name in names.values() if name not in cells]
    if missing:
        raise DataError(
            f"{path}: wanted cell arrays {', '.join(names.values())}; missing {', '.join(missing)}"
        )
    return {
        part: [
            _roll(f"{path}, {name}, piece {place}", cell) for place, cell in enumerate(cells[name].ravel(), 1)
        ]
        for part, name in names.items()
    }


def _roll(where: str, cell: Any) -> np.ndarray:
    roll = np.asarray(cell)
    if roll.ndim != 2 or roll.shape[1] != KEYS or roll.dtype.kind not in "biuf":
        raise DataError(f"{where}: wanted numbers [T, 88], got {roll.dtype} {list(roll.shape)}")
    if not np.isin(roll, (0, 1)).all():
        raise DataError(f"{where}: wanted zeros and ones")
    return roll.astype(np.uint8)


def _check_packed(path: Path) -> None:
    """Unpacks each packed element a little at a time and counts, because scipy would unpack it whole."""
    total = 0
    with open(path, "rb") as stream:
        order = "<" if stream.read(HEADER_BYTES)[-2:] == b"IM" else ">"
        while len(tag := stream.read(8)) == 8:
            kind, size = struct.unpack(f"{order}2I", tag)
            if kind != COMPRESSED:
                stream.seek(size, os.SEEK_CUR)
                continue
            unpacker = zlib.decompressobj()
            packed = stream.read(size)
            try:
                while packed and total <= MAX_BYTES:
                    total += len(unpacker.decompress(packed, 2**20))
                    packed = unpacker.unconsumed_tail
            except zlib.error as error:
                raise DamagedError(f"{path}: not a sound MATLAB file ({error})") from None
            if total > MAX_BYTES:
                raise DamagedError(f"{path}: unpacks to more than {MAX_BYTES:,} bytes")
