"""A simple synthesiser: each note is a sum of sines that swells, falls and fades (additive synthesis).

y(t) = envelope(t) sum_k a_k sin(2 pi k f t),    f = 440 Hz 2^((pitch - 69) / 12)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnjax.data.melody import SIXTEENTHS, Melody
from nnjax.errors import ConfigError, DataError

RATE = 22_050
LOUDEST = 0.8
TAIL = 0.4  # seconds of silence after the last note
LONGEST = 30 * 60  # seconds


class Voice(NamedTuple):
    """How an instrument sounds.

    Attributes:
        partials: a_k, how loud each harmonic is, the fundamental first.
        attack: Seconds until a note is at its loudest.
        decay: Seconds in which it falls to 1/e of that.
        release: Seconds in which it ends.
    """

    partials: tuple[float, ...] = (1.0, 0.5, 0.25, 0.12, 0.06)
    attack: float = 0.01
    decay: float = 1.2
    release: float = 0.05


FLUTE = Voice((1.0, 0.25, 0.08, 0.02), attack=0.04, decay=6.0, release=0.07)
PLUCKED = Voice((1.0, 0.55, 0.4, 0.22, 0.15, 0.08), attack=0.004, decay=0.5, release=0.05)


def frequency(pitch: float) -> float:
    """Hertz of a MIDI pitch.

    >>> frequency(69), frequency(57)
    (440.0, 220.0)
    """
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def seconds_of(tune: Melody, sixteenths: float) -> float:
    """How long that many sixteenths last at the tune's tempo.

    >>> seconds_of(Melody(np.zeros(0), np.zeros(0), np.zeros(0), tempo=120.0), 4)
    0.5
    """
    return sixteenths * 60.0 / (tune.tempo * SIXTEENTHS / 4)


def synthesise(
    *melodies: Melody, voices: tuple[Voice, ...] = (FLUTE, PLUCKED), rate: int = RATE
) -> np.ndarray:
    """The sound of melodies together, float32 [T] from -1 to 1.

    Args:
        *melodies: At least one; the first says the tempo.
        voices: Who plays each; they take turns where there are more melodies.
        rate: Samples in a second.

    Raises:
        DataError: If there is nothing to play, or it lasts more than half an hour.
        ConfigError: If `rate` or `voices` will not do.
    """
    if not voices or not 4_000 <= rate <= 192_000:
        raise ConfigError(
            f"wanted a voice and 4,000 to 192,000 samples in a second, got {len(voices)}, {rate}"
        )
    longest = max((tune.length for tune in melodies), default=0)
    length = seconds_of(melodies[0], longest) if melodies else 0.0
    if not 0 < length <= LONGEST:
        raise DataError(f"wanted notes that last up to {LONGEST} seconds, got {length:.0f} seconds")
    sound = np.zeros(int((length + TAIL) * rate) + 1)
    for number, tune in enumerate(melodies):
        voice = voices[number % len(voices)]
        for pitch, onset, duration in zip(tune.pitches, tune.onsets, tune.durations, strict=True):
            note = tone(float(pitch), seconds_of(melodies[0], int(duration)), voice, rate)
            start = int(seconds_of(melodies[0], int(onset)) * rate)
            note = note[: len(sound) - start]
            sound[start : start + len(note)] += note
    return (sound * (LOUDEST / max(float(np.abs(sound).max()), 1e-9))).astype(np.float32)


def tone(pitch: float, seconds: float, voice: Voice, rate: int = RATE) -> np.ndarray:
    """One note with its envelope, float64 [T]; harmonics above half the rate are left out."""
    time = np.arange(int((seconds + voice.release) * rate)) / rate
    wave = np.zeros(len(time))
    for number, loudness in enumerate(voice.partials, 1):
        if number * frequency(pitch) < rate / 2:
            wave += loudness * np.sin(2 * np.pi * number * frequency(pitch) * time)
    rising = np.minimum(1.0, time / voice.attack)
    falling = np.exp(-np.maximum(time - voice.attack, 0) / voice.decay)
    ending = np.clip((seconds + voice.release - time) / voice.release, 0, 1)
    return wave * rising * falling * ending
