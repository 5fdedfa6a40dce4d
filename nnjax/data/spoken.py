"""A folder of spoken words: WAV files named `{label}_{speaker}_{n}.wav`, as sets of spoken digits are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from nnjax.data.labels import encode
from nnjax.data.mel import log_mel
from nnjax.data.padding import pad
from nnjax.data.splits import split
from nnjax.data.wav import read_wav
from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset, Sequences, Splits

MAX_SECONDS = 30.0
BLOCK = 64


class Spoken(NamedTuple):
    """Spoken words.

    Attributes:
        dataset: Inputs `Sequences` of samples float32 [N, T]; targets int32 [N], the labels.
        speakers: Who says each, int32 [N].
        names: What the speakers are called.
        rate: Samples in a second.
    """

    dataset: Dataset
    speakers: np.ndarray
    names: tuple[str, ...]
    rate: int


def read_spoken(folder: str | os.PathLike, rate: int = 8000) -> Spoken:
    """Reads every WAV file of a folder, in the order of their names.

    Args:
        folder: The folder; a name is `{label}_{speaker}_{n}.wav`, the label up to the first underscore.
        rate: Samples in a second that all are brought to.

    Raises:
        DataError: If there are no such files, one has another name, or lasts longer than 30 seconds; the
            message names it.
        DamagedError: As `read_wav`.
    """
    folder = Path(folder).expanduser()
    files = wav_files(folder)
    if not files:
        raise DataError(f"{folder}: no WAV files; wanted names such as seven_anna_0.wav")
    sounds, labels, speakers = [], [], []
    for path in files:
        parts = path.stem.split("_")
        if len(parts) != 3 or not all(parts):
            raise DataError(f"{path}: wanted a name such as seven_anna_0.wav (label, speaker, number)")
        sounds.append(read_wav(path, rate).samples)
        if len(sounds[-1]) > MAX_SECONDS * rate:
            raise DataError(f"{path}: {len(sounds[-1]) / rate:.0f} s; a word lasts {MAX_SECONDS:g} s at most")
        labels.append(parts[0])
        speakers.append(parts[1])
    targets, classes = encode(labels)
    numbers, names = encode(speakers)
    return Spoken(Dataset(pad(sounds), targets, folder.name, classes), numbers, names, rate)


def wav_files(folder: Path) -> list[Path]:
    """The WAV files that lie in a folder, however their ending is written, in the order of their names."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() == ".wav" and path.is_file())


def split_spoken(
    spoken: Spoken, valid: float = 0.1, test: float = 0.2, by: str = "file", seed: int = 0
) -> Splits:
    """Training, validation and test parts.

    Args:
        spoken: N words.
        valid, test: How much of the files, or of the speakers, is in each part: a fraction or a count.
        by: "file" draws files, label by label; "speaker" keeps all words of a speaker in one part, so
            that the test is of voices that were never heard.
        seed: The draw.

    Raises:
        ConfigError: If `by` is something else, or a part would be empty.
    """
    if by == "file":
        return split(spoken.dataset, valid, test, seed)
    if by != "speaker":
        raise ConfigError(f"wanted by='file' or by='speaker', got {by!r}")
    everyone = np.arange(len(spoken.names))
    drawn = split(Dataset(everyone[:, None], everyone[:, None].astype(np.float32)), valid, test, seed)
    parts = [
        None if part is None else spoken.dataset.take(np.isin(spoken.speakers, part.inputs[:, 0]))
        for part in drawn[:3]
    ]
    if parts[0] is None:
        raise ConfigError("no speaker is left for training")
    return Splits(parts[0], parts[1], parts[2])


def spoken_features(dataset: Dataset, rate: int, **options) -> Dataset:
    """The words as log-mel spectrograms instead of samples.

    Args:
        dataset: Inputs `Sequences` of samples [N, T].
        rate: Samples in a second.
        **options: As for `log_mel`.

    Returns:
        Inputs `Sequences` of float32 [N, F, D], zeros in the padding.
    """
    compute = jax.jit(lambda waves: log_mel(waves, rate, **options))
    blocks = []
    count = len(dataset)
    for start in range(0, count, BLOCK):
        rows = np.minimum(np.arange(start, start + BLOCK), count - 1)
        waves = Sequences(dataset.inputs.values[rows], dataset.inputs.lengths[rows])
        features = compute(waves)
        blocks.append((np.asarray(features.values), np.asarray(features.lengths, np.int32)))
    values = np.concatenate([block for block, _ in blocks])[:count]
    lengths = np.concatenate([block for _, block in blocks])[:count]
    values[np.arange(values.shape[1]) >= lengths[:, None]] = 0.0
    return Dataset(Sequences(values, lengths), dataset.targets, dataset.name, dataset.classes)


def spoken_dataset(folder: str | os.PathLike, rate: int = 8000, mels: int = 40) -> Dataset:
    """A folder of spoken words as log-mel spectrograms: `read_spoken` and `spoken_features` in one.

    Raises:
        DataError, DamagedError: As `read_spoken`.
    """
    return spoken_features(read_spoken(folder, rate).dataset, rate, mels=mels)
