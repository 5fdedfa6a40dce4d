"""Bach's chorales: 382 of them in four voices, as piano rolls or as the line of one voice.

The notes are those of Allan and Williams, "Harmonising chorales by probabilistic inference" (2004), in the
parts of Boulanger-Lewandowski, Bengio and Vincent (2012, https://arxiv.org/abs/1206.6392), at sixteenths, by
Huang and others (https://github.com/czhuang/JSB-Chorales-dataset). They stand in the keys in which they were
written; the rolls of 2012 were moved to one key, and `common_key` does that.
"""

from __future__ import annotations

import os

import numpy as np

from nnjax.data import search
from nnjax.data.object_arrays import read_object_arrays
from nnjax.data.padding import pad
from nnjax.data.piano_rolls import PARTS, next_frames, piano_roll
from nnjax.data.search import RemoteFile
from nnjax.errors import ConfigError, DamagedError, DataError
from nnjax.types import Dataset

FILE = RemoteFile(
    "Jsb16thSeparated.npz",
    "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/master/Jsb16thSeparated.npz",
    "2adcdf0d57880c3763f104555072285fe7f9e3d6049fcc4b9830557b8d4a7820",
    "2adcdf0d57880c3763f104555072285fe7f9e3d6049fcc4b9830557b8d4a7820",
)
VOICES = ("soprano", "alto", "tenor", "bass")
SIXTEENTHS_A_QUARTER = 4
SILENT = 0


def jsb_chorales(
    part: str = "train", path: str | os.PathLike | None = None, common_key: bool = False
) -> Dataset:
    """The chorales as piano rolls at quarter notes; the next frame is to be predicted.

    Args:
        part: "train" (229 chorales), "valid" (76) or "test" (77).
        path: A folder with Jsb16thSeparated.npz.
        common_key: Whether each chorale is moved so that it ends on a C in the bass, by at most half an
            octave. That is known only when it has ended, so a score in the common key is another score.

    Returns:
        Inputs and targets `Sequences` of uint8 [N, 159, 88]: at step t the frames t and t + 1.

    Raises:
        ConfigError: For another part.
        DataError: If the file is nowhere.
        DamagedError: If it is not the published one.
    """
    rolls = {
        name: [piano_roll(one[::SIXTEENTHS_A_QUARTER]) for one in chorales]
        for name, chorales in _read(part, path, common_key).items()
    }
    longest = max(len(roll) for one in rolls.values() for roll in one) - 1
    return next_frames(rolls[part], longest, "jsb_chorales")


def jsb_voice(
    part: str = "train",
    path: str | os.PathLike | None = None,
    voice: str = "soprano",
    common_key: bool = False,
) -> Dataset:
    """One voice of the chorales at sixteenths; the next sixteenth is to be predicted.

    A note that is held and one that is struck again look alike, which is how the published set is.

    Args:
        part, path, common_key: As for `jsb_chorales`.
        voice: "soprano", "alto", "tenor" or "bass".

    Returns:
        Inputs and targets `Sequences` of uint8 [N, 639]: at step t the symbols of the sixteenths t and t + 1.
        The classes are what the symbols mean: "rest", then the MIDI pitches that the voice has anywhere.

    Raises:
        ConfigError: For another part or voice.
        DataError, DamagedError: As `jsb_chorales`.
    """
    if voice not in VOICES:
        raise ConfigError(f"wanted one of {', '.join(VOICES)}; got {voice!r}")
    lines = {
        name: [_line(one[:, VOICES.index(voice)]) for one in chorales]
        for name, chorales in _read(part, path, common_key).items()
    }
    everything = [line for one in lines.values() for line in one]
    vocabulary = np.unique(np.concatenate([[SILENT], *everything]))
    longest = max(map(len, everything)) - 1
    codes = [np.searchsorted(vocabulary, line).astype(np.uint8) for line in lines[part]]
    inputs, targets = pad([line[:-1] for line in codes], longest), pad([line[1:] for line in codes], longest)
    classes = ("rest", *(str(pitch) for pitch in vocabulary[1:]))
    return Dataset(inputs, targets, f"jsb_{voice}", classes)


def read_chorales(path: str | os.PathLike | None = None) -> dict[str, list[np.ndarray]]:
    """Part to its chorales, each float32 [T, 4]: MIDI pitches of soprano to bass at sixteenths, NaN silent.

    Args:
        path: A folder with Jsb16thSeparated.npz; without it the file is looked for and compared.

    Raises:
        DataError, DamagedError: As `jsb_chorales`.
    """
    where = search.find("jsb_chorales", [FILE], path)[0]
    if path is None:
        search.read_checked(where, FILE.content_sha256)
    parts = read_object_arrays(where)
    for name, chorales in parts.items():
        for place, one in enumerate(chorales):
            good = one.ndim == 2 and one.shape[1] == len(VOICES) and len(one) > SIXTEENTHS_A_QUARTER
            if not good or (one.dtype.kind == "f" and np.isinf(one).any()):
                raise DamagedError(
                    f"{where}: {name}, chorale {place}: wanted pitches [T, 4], got {one.shape}"
                )
    if set(parts) != set(PARTS):
        raise DataError(f"{where}: wanted the parts {', '.join(PARTS)}; got {', '.join(parts)}")
    return {name: [one.astype(np.float32) for one in chorales] for name, chorales in parts.items()}


def _line(pitches: np.ndarray) -> np.ndarray:
    return np.nan_to_num(pitches, nan=SILENT).astype(np.int32)


def _read(part: str, path: str | os.PathLike | None, common_key: bool) -> dict[str, list[np.ndarray]]:
    if part not in PARTS:
        raise ConfigError(f"wanted the part {', '.join(PARTS)}; got {part!r}")
    parts = read_chorales(path)
    if not common_key:
        return parts
    return {name: [one + _to_c(one) for one in chorales] for name, chorales in parts.items()}


def _to_c(chorale: np.ndarray) -> int:
    """How many semitones, from -6 to 5, move the last note of the bass to a C."""
    bass = chorale[:, -1]
    last = bass[np.isfinite(bass)][-1:]
    return int((6 - last[0]) % 12 - 6) if len(last) else 0
