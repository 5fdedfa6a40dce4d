"""A melody: one note after another, with its key and metre.

Times are counted in sixteenths of a whole note, so that a crotchet lasts 4. A note's onset and duration are
whole sixteenths; where nothing sounds there is a rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnjax.errors import DataError

SIXTEENTHS = 16  # in a whole note
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
# How long each pitch class sounds in pieces of a key, from the tonic up (Krumhansl and Kessler, 1982).
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
REST = -1


class Key(NamedTuple):
    """A key.

    Attributes:
        tonic: The pitch class of its first degree, 0 for C to 11 for B.
        mode: "major" or "minor".
    """

    tonic: int
    mode: str = "major"

    def __str__(self) -> str:
        return f"{NAMES[self.tonic]} {self.mode}"


class Melody(NamedTuple):
    """Notes in the order of their onsets, one at a time.

    Attributes:
        pitches: MIDI pitches int32 [N], 60 for middle C.
        onsets: When each starts, in sixteenths from the start, int32 [N].
        durations: How long each sounds, in sixteenths, int32 [N], each at least 1.
        key: The key, or None where it is not known.
        metre: Beats in a bar, and what a beat is: (3, 4), (6, 8).
        tempo: Crotchets in a minute.
        title: What it is called.
    """

    pitches: np.ndarray
    onsets: np.ndarray
    durations: np.ndarray
    key: Key | None = None
    metre: tuple[int, int] = (4, 4)
    tempo: float = 100.0
    title: str = ""

    @property
    def length(self) -> int:
        """When the last note ends, in sixteenths."""
        return int((self.onsets + self.durations).max(initial=0))

    @property
    def bar(self) -> int:
        """How many sixteenths a bar has."""
        return max(1, self.metre[0] * SIXTEENTHS // self.metre[1])


def melody(
    pitches,
    durations,
    key: Key | None = None,
    metre: tuple[int, int] = (4, 4),
    tempo: float = 100.0,
    title: str = "",
) -> Melody:
    """A melody from notes and rests, one after another.

    Args:
        pitches: N pitches; `REST` (-1) is a rest.
        durations: N durations in sixteenths.
        key, metre, tempo, title: As in `Melody`.

    Raises:
        DataError: If a pitch is not from 0 to 127 or a duration not at least 1; the message names the note.

    >>> melody([60, -1, 64], [4, 2, 4]).onsets
    array([0, 6], dtype=int32)
    """
    pitches, durations = np.asarray(pitches, np.int32), np.asarray(durations, np.int32)
    if pitches.shape != durations.shape or pitches.ndim != 1:
        raise DataError(f"wanted as many pitches as durations, got {pitches.shape} and {durations.shape}")
    for name, wrong in (("pitch", (pitches < REST) | (pitches > 127)), ("duration", durations < 1)):
        if wrong.any():
            place = int(wrong.argmax())
            value = pitches[place] if name == "pitch" else durations[place]
            raise DataError(f"note {place}: {name} {value}; pitches are 0 to 127, durations at least 1")
    onsets = np.cumsum(durations, dtype=np.int32) - durations
    sounds = pitches != REST
    return Melody(pitches[sounds], onsets[sounds], durations[sounds], key, metre, tempo, title)


def notes_and_rests(tune: Melody) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `melody`: pitches and durations int32, with a `REST` wherever nothing sounds.

    >>> [values.tolist() for values in notes_and_rests(melody([60, -1, 64], [4, 2, 4]))]
    [[60, -1, 64], [4, 2, 4]]
    """
    pitches, durations, now = [], [], 0
    for pitch, onset, duration in zip(tune.pitches, tune.onsets, tune.durations, strict=True):
        if onset > now:
            pitches.append(REST)
            durations.append(onset - now)
        pitches.append(pitch)
        durations.append(duration)
        now = onset + duration
    return np.array(pitches, np.int32), np.array(durations, np.int32)


def transpose(tune: Melody, semitones: int) -> Melody:
    """The melody, higher by so many semitones, its key with it."""
    key = None if tune.key is None else Key((tune.key.tonic + semitones) % 12, tune.key.mode)
    return tune._replace(pitches=tune.pitches + np.int32(semitones), key=key)


def find_key(tune: Melody) -> Key:
    """The key whose profile correlates best with how long each pitch class sounds.

    Krumhansl and Schmuckler's method, in Krumhansl, "Cognitive foundations of musical pitch" (1990).

    Raises:
        DataError: If the melody has no notes.

    >>> str(find_key(melody([67, 69, 71, 72, 74, 76, 78, 79], [4] * 8)))
    'G major'
    """
    if not len(tune.pitches):
        raise DataError("a melody without notes has no key")
    sounding = np.bincount(tune.pitches % 12, tune.durations, 12)
    scores = {
        Key(tonic, mode): np.corrcoef(np.roll(profile, tonic), sounding + 1e-9 * np.arange(12))[0, 1]
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    return max(scores, key=lambda key: scores[key])
