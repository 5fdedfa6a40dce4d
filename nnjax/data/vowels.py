"""Japanese vowels: 640 times the vowels /ae/, spoken by nine men; who speaks is to be told.

Kudo, Toyama and Shimbo, "Multidimensional curve classification using passing-through regions" (1999),
https://archive.ics.uci.edu/dataset/128/japanese+vowels. Each utterance is 7 to 29 frames of 12 cepstrum
coefficients (25.6 ms a frame, one every 6.4 ms). Two forms of the files are read: the publisher's `ae.train`
and `ae.test`, and the `.ts` files of the time series archives.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nnjax.data import search
from nnjax.data.padding import pad
from nnjax.data.search import RemoteFile
from nnjax.data.ts_files import parse_ts
from nnjax.data.wheels import Wheel
from nnjax.errors import ConfigError, DamagedError, DataError
from nnjax.types import Dataset

LONGEST = 29
CHANNELS = 12
CLASSES = tuple(str(speaker) for speaker in range(1, 10))
FILES = {
    "train": RemoteFile(
        "JapaneseVowels_TRAIN.ts", "", "", "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd"
    ),
    "test": RemoteFile(
        "JapaneseVowels_TEST.ts", "", "", "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"
    ),
}
WHEEL = Wheel(
    "aeon",
    "1.6.0",
    "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
    {file.name: f"aeon/datasets/data/JapaneseVowels/{file.name}" for file in FILES.values()},
)
# How many utterances each speaker has in the publisher's files, which do not say so themselves.
UTTERANCES = {"train": [30] * 9, "test": [31, 35, 88, 44, 29, 24, 40, 50, 29]}


def japanese_vowels(part: str = "train", path: str | os.PathLike | None = None) -> Dataset:
    """One part of the Japanese vowels.

    Args:
        part: "train" (270 utterances, 30 of each speaker) or "test" (370).
        path: A folder with both .ts files, or with the publisher's ae.train and ae.test; no checksum
            is compared there.

    Returns:
        Inputs `Sequences` of float32 [N, 29, 12] with their true lengths, zeros in the padding; targets
        int32 [N], the speaker, classes "1" to "9".

    Raises:
        ConfigError: For another part.
        DataError: If the files are nowhere, or are not of this form.
        DamagedError: If a file that a name promises is not the published one.
    """
    if part not in FILES:
        raise ConfigError(f"japanese_vowels: wanted the part 'train' or 'test', got {part!r}")
    if path is not None and (Path(path).expanduser() / f"ae.{part}").is_file():
        return _publishers(Path(path).expanduser() / f"ae.{part}", part)
    found = search.find("japanese_vowels", list(FILES.values()), path, wheel=WHEEL)
    where = dict(zip(FILES, found, strict=True))[part]
    content = search.read_checked(where, None if path else FILES[part].content_sha256)
    series, labels, _ = parse_ts(str(where), content)
    if any(one.shape[1] != CHANNELS or len(one) > LONGEST for one in series) or not set(labels) <= {*CLASSES}:
        raise DataError(f"{where}: wanted 12 channels, at most 29 frames and speakers 1 to 9")
    targets = np.array([int(label) - 1 for label in labels], np.int32)
    return Dataset(pad(series, LONGEST), targets, "japanese_vowels", CLASSES)


def _publishers(path: Path, part: str) -> Dataset:
    """Blocks of lines, one line a frame and one block an utterance, with a blank line between them."""
    text = search.read_checked(path, None).decode("ascii", "replace")
    series = []
    try:
        for block in text.replace("\r", "").strip().split("\n\n"):
            rows = [line.split() for line in block.strip().splitlines()]
            series.append(np.array(rows, np.float32).reshape(len(rows), CHANNELS))
    except ValueError:
        raise DamagedError(f"{path}: utterance {len(series)} is not lines of {CHANNELS} numbers") from None
    wanted = sum(UTTERANCES[part])
    if len(series) != wanted or max(map(len, series)) > LONGEST:
        raise DamagedError(
            f"{path}: wanted {wanted} utterances of at most {LONGEST} frames, got {len(series)}"
        )
    targets = np.repeat(np.arange(9, dtype=np.int32), UTTERANCES[part])
    return Dataset(pad(series, LONGEST), targets, "japanese_vowels", CLASSES)
