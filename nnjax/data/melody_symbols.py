"""Melodies as symbols that a net predicts, and as what it hears before each of them.

Two symbols make a note: first how long it sounds, then how high it is. A pitch is counted in semitones from
the tonic of the key's signature (of a minor key from its relative major's), so that a melody and its
transpositions are one and the same to a net and to an n-gram model.

Before each symbol a net hears where in the bar it is, the last two notes, and what stood one, two, four and
eight bars before, as in Waite, "Generating long-term structure in songs and stories" (2016),
https://magenta.tensorflow.org/2016/07/15/lookback-rnn-attention-rnn
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnjax.data.melody import PROFILES, REST, Key, Melody, notes_and_rests
from nnjax.errors import DataError

DURATIONS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)  # in sixteenths
LOWEST, HIGHEST = -14, 26  # semitones from the tonic
PITCHES = HIGHEST - LOWEST + 2  # a rest is the first one
SYMBOLS = len(DURATIONS) + PITCHES
REST_SYMBOL = len(DURATIONS)
BARS_BACK = (1, 2, 4, 8)
LONGEST_BAR = 32
METRES = (6, 8, 12, 16)  # sixteenths in a bar; any other is the fifth kind
LONGEST_MATCH = 4
FIRST_NOTES = 8  # those that decide the octave
SURER = 0.5  # sixteenths a bar by which an upbeat must fit better than none

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
LAST_IS_TONIC = 0.2  # what that is worth, as a correlation

_NOTE = (1 + len(DURATIONS), 1 + PITCHES)  # 0 is no note
_BACK = (*_NOTE, 1 + LONGEST_MATCH) * len(BARS_BACK)
FIELDS = (2, *_NOTE, *_NOTE, 1 + len(DURATIONS), LONGEST_BAR, 1 + len(METRES), 8, 2, *_BACK)
OFFSETS = np.cumsum((0, *FIELDS[:-1])).astype(np.int32)
HEARD = sum(FIELDS)  # how many things can be heard


class Frame(NamedTuple):
    """What the symbols of a melody are counted from.

    Attributes:
        key: Its key.
        tonic: The pitch that is 0.
        bar: Sixteenths in a bar.
        start: Where in the bar the first note starts, in sixteenths; 0 without an upbeat.
    """

    key: Key
    tonic: int
    bar: int
    start: int

    @property
    def minor(self) -> bool:
        """Whether the key is a minor one."""
        return self.key.mode == "minor"


def frame_of(tune: Melody, upbeat: int | None = None) -> Frame:
    """The frame of a melody: its own key, or the one that fits it best, in the octave of its first notes.

    Args:
        tune: The melody.
        upbeat: Sixteenths before the first full bar; None looks for what fits (`find_upbeat`).

    Raises:
        DataError: If the melody has no notes.
    """
    if not len(tune.pitches):
        raise DataError("a melody without notes cannot be answered")
    key = tune.key or likely_key(tune)
    home = key.tonic + 3 * (key.mode == "minor")
    middle = float(np.mean(tune.pitches[:FIRST_NOTES])) - 5
    tonic = home + 12 * round((middle - home) / 12)
    upbeat = find_upbeat(tune) if upbeat is None else upbeat
    return Frame(key, int(tonic), tune.bar, -upbeat % tune.bar)


def scale_of(key: Key) -> set[int]:
    """The pitch classes of a key; of a minor one the natural ones.

    >>> sorted(scale_of(Key(7)))
    [0, 2, 4, 6, 7, 9, 11]
    """
    return {(key.tonic + step) % 12 for step in SCALES[key.mode]}


def likely_key(tune: Melody) -> Key:
    """The key of a short melody: of those that have most of its notes, the one whose profile fits best.

    Profiles alone, as in `find_key`, take C D E F G A G for G major; here no key wins that lacks more of the
    notes than another one, and the last note speaks for its own key.

    >>> str(likely_key(Melody(np.array([60, 62, 64, 65, 67, 69, 67]), np.arange(7), np.ones(7, int))))
    'C major'
    """
    sounding = np.bincount(tune.pitches % 12, tune.durations, 12) + 1e-9 * np.arange(12)
    last = int(tune.pitches[-1]) % 12

    def fit(key: Key) -> tuple[float, float]:
        share = sum(sounding[one] for one in scale_of(key)) / sounding.sum()
        correlation = float(np.corrcoef(np.roll(PROFILES[key.mode], key.tonic), sounding)[0, 1])
        return round(share, 6), correlation + LAST_IS_TONIC * (key.tonic == last)

    return max((Key(tonic, mode) for mode in PROFILES for tonic in range(12)), key=fit)


def find_upbeat(tune: Melody) -> int:
    """How many sixteenths stand before the first full bar, as far as the notes tell.

    Bars start with long notes, and few notes are held across a bar line. A melody whose first note is late,
    as of a MIDI file that starts with a rest, says it itself.

    >>> find_upbeat(Melody(np.array([60, 65, 65, 65]), np.array([0, 4, 10, 12]), np.array([4, 6, 2, 4])))
    4
    """
    onsets, durations, bar = np.asarray(tune.onsets), np.asarray(tune.durations), tune.bar
    if len(onsets) and onsets[0]:
        return int(-onsets[0] % bar)
    scores = []
    for upbeat in range(bar):
        place = (onsets - upbeat) % bar
        on_line = np.where(place == 0, np.minimum(durations, bar), 0)
        across = np.where(place > 0, np.maximum(place + durations - bar, 0), 0)
        # Half a bar is the one upbeat that fits wherever both halves of a bar are alike: it is left out.
        scores.append(-np.inf if 2 * upbeat == bar else float(on_line.sum() - across.sum()))
    best = int(np.argmax(scores))
    return best if scores[best] > scores[0] + SURER * tune.length / bar else 0


def duration_symbol(duration: int) -> int:
    """The symbol of a duration: of the longest known one that is not longer.

    >>> duration_symbol(4), duration_symbol(9)
    (3, 7)
    """
    return int(np.searchsorted(DURATIONS, duration, side="right")) - 1


def pitch_symbol(frame: Frame, pitch: int) -> int:
    """The symbol of a MIDI pitch, or of `REST`; what is out of reach is moved by octaves.

    >>> pitch_symbol(Frame(Key(0), 60, 16, 0), 60)
    30
    """
    if pitch == REST:
        return REST_SYMBOL
    semitones = pitch - frame.tonic
    if semitones > HIGHEST:
        semitones = HIGHEST - 11 + (semitones - HIGHEST - 1) % 12
    elif semitones < LOWEST:
        semitones = LOWEST + (semitones - LOWEST) % 12
    return REST_SYMBOL + 1 + semitones - LOWEST


def pitch_of(frame: Frame, symbol: int) -> int:
    """The MIDI pitch of a symbol, or `REST`; within 0 to 127."""
    if symbol == REST_SYMBOL:
        return REST
    pitch = frame.tonic + symbol - REST_SYMBOL - 1 + LOWEST
    while not 0 <= pitch <= 127:
        pitch += 12 if pitch < 0 else -12
    return pitch


class Listener:
    """What has been heard of a melody so far, and how a net hears it."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.now = frame.start
        self.at: dict[int, tuple[int, int]] = {}
        self.last: list[tuple[int, int]] = [(0, 0), (0, 0)]
        self.matched = [0] * len(BARS_BACK)

    def ask(self, duration: int | None = None) -> np.ndarray:
        """What is heard before a symbol: int32 [F], a number for each of `FIELDS`, offsets added.

        Args:
            duration: The symbol of the duration where the pitch is asked for; None asks for the duration.
        """
        bar = self.frame.bar
        metre = METRES.index(bar) if bar in METRES else len(METRES)
        heard = [int(duration is not None), *self.last[-1], *self.last[-2]]
        heard += [0 if duration is None else 1 + duration, min(self.now % bar, LONGEST_BAR - 1), metre]
        heard += [self.now // bar % 8, int(self.frame.minor)]
        for back, matched in zip(BARS_BACK, self.matched, strict=True):
            heard += [*self.at.get(self.now - back * bar, (0, 0)), matched]
        return OFFSETS + np.array(heard, np.int32)

    def hear(self, pitch: int, duration: int, sixteenths: int | None = None) -> None:
        """Goes on by a note: the symbols of its pitch and duration, and how long it really sounds."""
        note = (1 + duration, 1 + pitch - len(DURATIONS))
        for place, back in enumerate(BARS_BACK):
            same = self.at.get(self.now - back * self.frame.bar) == note
            self.matched[place] = min(self.matched[place] + 1, LONGEST_MATCH) if same else 0
        self.at[self.now] = note
        self.last = [self.last[-1], note]
        self.now += DURATIONS[duration] if sixteenths is None else sixteenths


def encode(tune: Melody, frame: Frame | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A melody as a net learns it.

    Args:
        tune: N notes and rests.
        frame: What its symbols are counted from; None finds that out.

    Returns:
        What is heard before each symbol, int16 [2N, F], and the symbols, uint8 [2N]: duration, pitch, and
        so on.

    Raises:
        DataError: If the melody has no notes.
    """
    frame = frame or frame_of(tune)
    listener, heard, symbols = Listener(frame), [], []
    for pitch, sixteenths in sounding(tune):
        duration, tone = duration_symbol(sixteenths), pitch_symbol(frame, pitch)
        heard += [listener.ask(), listener.ask(duration)]
        symbols += [duration, tone]
        listener.hear(tone, duration, sixteenths)
    return np.array(heard, np.int16), np.array(symbols, np.uint8)


def sounding(tune: Melody) -> list[tuple[int, int]]:
    """Pitches and durations of notes and rests, from the first note on."""
    pairs = [(int(p), int(d)) for p, d in zip(*notes_and_rests(tune), strict=True)]
    return pairs[1:] if pairs and pairs[0][0] == REST else pairs
