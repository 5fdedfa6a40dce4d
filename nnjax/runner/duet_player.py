"""A trained `melody_net` as a partner: it hears a question, and answers in its key and in its bars.

What it may not play is left out before each draw: notes outside the key and rests, unless the question has
them, notes over a bar line, notes far above or below the question, leaps of more than an octave, and what is
least likely; and the last note is a long one, on the tonic.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.data.melody import REST, Key, Melody, melody, notes_and_rests
from nnjax.data.melody_symbols import (
    DURATIONS,
    HEARD,
    PITCHES,
    REST_SYMBOL,
    SYMBOLS,
    Frame,
    Listener,
    duration_symbol,
    frame_of,
    pitch_of,
    pitch_symbol,
    scale_of,
    sounding,
)
from nnjax.errors import ConfigError
from nnjax.models.melody_net import melody_step
from nnjax.models.sequence_nets import sequence_start
from nnjax.types import Params

REACH = 5  # semitones beyond the question's range
LEAP = 12  # semitones from one note to the next, at most
LIKELY = 0.9  # the draws are among the likeliest that have this probability together
LONGEST_ANSWER = 64  # bars

_step = jax.jit(melody_step, static_argnums=1)


class Answer(NamedTuple):
    """What was answered.

    Attributes:
        question: The melody that was heard.
        melody: The answer; its first note starts with the answer's first bar, or its upbeat.
        after: Sixteenths from the question's first note to the answer's start.
        frame: Key, bar and upbeat of both.
        seconds: How long each note took.
    """

    question: Melody
    melody: Melody
    after: int
    frame: Frame
    seconds: np.ndarray

    def in_time(self) -> tuple[Melody, Melody]:
        """Question and answer on one clock, which starts with the question, both with their key."""
        onsets = self.question.onsets - self.question.onsets[0]
        question = self.question._replace(onsets=onsets, key=self.frame.key)
        return question, self.melody._replace(onsets=self.melody.onsets + np.int32(self.after))


def share_in_key(tune: Melody, key: Key) -> float:
    """The part of the notes that the key has."""
    return float(np.mean([int(pitch) % 12 in scale_of(key) for pitch in tune.pitches]))


def check_partner(params: Any, where: object) -> None:
    """Raises ConfigError if the params are not those of a net that goes on with melodies."""
    shortcut = params.get("shortcut") if isinstance(params, dict) else None
    if shortcut is None or np.shape(shortcut["weights"]) != (HEARD, SYMBOLS):
        raise ConfigError(f"{where}: its net plays no melodies; `nnjax run duet` trains one that does")


def answer(
    params: Params,
    question: Melody,
    bars: int | None = None,
    temperature: float = 0.8,
    seed: int = 0,
    upbeat: int | None = None,
) -> Answer:
    """Answers a melody.

    Args:
        params: Of a trained `melody_net`.
        question: At least one note; its key is found where it says none.
        bars: How many, up to 64; None for as many as the question has.
        temperature: Above 0: below 1 plays safe, above 1 dares more.
        seed: Decides every chance.
        upbeat: Sixteenths of the question before its first full bar; None looks for what fits.

    Raises:
        ConfigError: If a number is out of range.
        DataError: If the question has no notes.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise ConfigError(f"temperature wants a number above 0, got {temperature}")
    frame = frame_of(question, upbeat)
    player = _Player(params, frame, float(temperature), np.random.default_rng(seed))
    heard = sounding(question)
    for pitch, sixteenths in heard:
        player.hear(pitch, sixteenths)
    length = sum(sixteenths for _, sixteenths in heard)
    bars = min(max(1, round(length / frame.bar)), LONGEST_ANSWER) if bars is None else bars
    if not 1 <= bars <= LONGEST_ANSWER:
        raise ConfigError(f"bars wants 1 to {LONGEST_ANSWER}, got {bars}")
    gap = (frame.start - player.listener.now) % frame.bar  # until an upbeat like the question's
    while gap:
        rest = DURATIONS[duration_symbol(gap)]
        player.hear(REST, rest)
        gap, length = gap - rest, length + rest
    pairs, seconds = player.play(bars * frame.bar, _allowed(frame, question))
    pitches, lengths = zip(*pairs, strict=True)
    said = melody(pitches, lengths, frame.key, question.metre, question.tempo, "answer")
    return Answer(question, said, length, frame, np.array(seconds))


def _allowed(frame: Frame, question: Melody) -> np.ndarray:
    """Which symbols of pitches may come, bool [PITCHES], the rest first."""
    classes = scale_of(frame.key) | {int(pitch) % 12 for pitch in question.pitches}
    symbols = [pitch_symbol(frame, int(pitch)) for pitch in question.pitches]
    low = min(symbols) - REACH
    high = max(max(symbols) + REACH, low + 14)  # an octave at least, so that the tonic is in it
    may = [
        low <= symbol <= high and pitch_of(frame, symbol) % 12 in classes
        for symbol in range(REST_SYMBOL + 1, SYMBOLS)
    ]
    return np.array([REST in notes_and_rests(question)[0][1:], *may])


class _Player:
    """What was heard, the states of the net, and its dice."""

    def __init__(self, params: Params, frame: Frame, temperature: float, dice: np.random.Generator) -> None:
        self.listener = Listener(frame)
        self.frame, self.temperature, self.dice = frame, temperature, dice
        self.step = partial(_step, params, len(DURATIONS))
        self.states = sequence_start(params, 1)

    def ask(self, duration: int | None = None) -> np.ndarray:
        """The logits of the symbol that comes."""
        self.states, logits = self.step(self.states, jnp.asarray(self.listener.ask(duration)[None]))
        return np.asarray(logits[0], np.float64)

    def hear(self, pitch: int, sixteenths: int) -> None:
        """Goes on by a note of the question."""
        duration = duration_symbol(sixteenths)
        self.ask()
        self.ask(duration)
        self.listener.hear(pitch_symbol(self.frame, pitch), duration, sixteenths)

    def play(self, length: int, allowed: np.ndarray) -> tuple[list[tuple[int, int]], list[float]]:
        """Notes (pitch, sixteenths) that fill `length`, and how long each took."""
        end, notes, seconds = self.listener.now + length, [], []
        while self.listener.now < end:
            began = time.perf_counter()
            duration = self.draw(self.ask()[: len(DURATIONS)], self.fitting(end))
            last = self.listener.now + DURATIONS[duration] == end
            may = self.closing(allowed) if last else self.near(allowed, first=not notes)
            pitch = REST_SYMBOL + self.draw(self.ask(duration)[len(DURATIONS) :], may)
            self.listener.hear(pitch, duration)
            notes.append((pitch_of(self.frame, pitch), DURATIONS[duration]))
            seconds.append(time.perf_counter() - began)
        return notes, seconds

    def fitting(self, end: int) -> np.ndarray:
        """Which durations do not reach over a bar line, and leave room for a long last note."""
        bar, now = self.frame.bar, self.listener.now
        room = min(bar - now % bar, end - now)
        last_bar = end % bar or bar
        long = DURATIONS[duration_symbol(min(max(bar // 2, 1), last_bar))]
        lengths = np.array(DURATIONS)
        left = end - now - lengths
        return (lengths <= room) & ((left >= long) | ((left == 0) & (lengths >= min(long, room))))

    def near(self, allowed: np.ndarray, first: bool) -> np.ndarray:
        """Of the pitches that may come, those within a leap of the last one; no rest at first."""
        places = np.arange(PITCHES)
        last = self.listener.last[-1][1] - 1  # -1 before any note, 0 after a rest
        within = (np.abs(places - last) <= LEAP) | (places == 0) if last > 0 else np.ones(PITCHES, bool)
        return allowed & within & ((places > 0) | (not first))

    def closing(self, allowed: np.ndarray) -> np.ndarray:
        """Of the pitches that may come, those of the tonic."""
        tonics = [pitch_of(self.frame, symbol) % 12 for symbol in range(REST_SYMBOL + 1, SYMBOLS)]
        may = allowed & np.array([False, *(tonic == self.frame.key.tonic for tonic in tonics)])
        near = may & self.near(allowed, first=True)
        return near if near.any() else may

    def draw(self, logits: np.ndarray, may: np.ndarray) -> int:
        """One of those that may come, by its probability."""
        scores = np.where(may, logits / self.temperature, -np.inf)
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        order = np.argsort(-chances, kind="stable")
        before = np.cumsum(chances[order]) - chances[order]
        chances[order[before >= LIKELY]] = 0
        return int(self.dice.choice(len(chances), p=chances / chances.sum()))
