"""Notes as one types them: `C4 D4 E4:2 R:1 F#4:1/2`.

A note is a letter, any accidentals (# or b), and the octave (C4 is middle C, MIDI pitch 60); after a colon
its length in crotchets, 1 if it is left out: a number, a fraction or a decimal. R is a rest; a bar line | is
passed over.
"""

from __future__ import annotations

import re
from fractions import Fraction

from nnjax.data.melody import LETTERS, NAMES, REST, SIXTEENTHS, Melody, melody, notes_and_rests
from nnjax.errors import DataError

NOTE = re.compile(r"(?:([A-Ga-g])([#b♯♭]*)(-?\d+)|[Rr])(?::(\d+(?:/\d+|\.\d+)?))?", re.ASCII)
MAX_NOTES = 100_000
CROTCHET = SIXTEENTHS // 4


def parse_notes(text: str, **about) -> Melody:
    """The melody that `text` spells.

    Args:
        text: Notes with spaces between them.
        **about: Key, metre, tempo and title, as for `melody`.

    Raises:
        DataError: If a word is no note, or its length is not whole sixteenths; the message has the word.

    >>> parse_notes("C4 D4 E4:2 R:1 F#4:1/2").pitches
    array([60, 62, 64, 66], dtype=int32)
    """
    words = text.replace("|", " ").replace(",", " ").split()
    if not words or len(words) > MAX_NOTES:
        raise DataError(f"wanted from 1 to {MAX_NOTES:,} notes such as C4 D4 E4:2, got {len(words):,}")
    pitches, durations = zip(*(_note(place, word) for place, word in enumerate(words, 1)), strict=True)
    return melody(pitches, durations, **about)


def spell_notes(tune: Melody) -> str:
    """A melody as `parse_notes` reads it.

    >>> spell_notes(parse_notes("Eb4:2 r:1/2 C5"))
    'Eb4:2 R:1/2 C5'
    """
    words = []
    for pitch, duration in zip(*notes_and_rests(tune), strict=True):
        length = Fraction(int(duration), CROTCHET)
        name = "R" if pitch == REST else f"{NAMES[pitch % 12]}{pitch // 12 - 1}"
        words.append(name if length == 1 else f"{name}:{length}")
    return " ".join(words)


def _note(place: int, word: str) -> tuple[int, int]:
    found = NOTE.fullmatch(word)
    if not found:
        raise DataError(
            f"note {place}: {word[:20]!r} is no note; write C4, F#4:2 (two crotchets), R:1/2 (a rest)"
        )
    letter, accidentals, octave, length = found.groups()
    try:
        sixteenths = Fraction(length or 1) * CROTCHET
    except ZeroDivisionError:
        sixteenths = Fraction(0)
    if sixteenths.denominator != 1 or not 1 <= sixteenths <= 1024:
        raise DataError(
            f"note {place}: {word[:20]!r} lasts {length} crotchets; wanted quarters of one, at least 1/4"
        )
    if letter is None:
        return REST, int(sixteenths)
    raised = sum(1 if sign in "#♯" else -1 for sign in accidentals)
    pitch = 12 * (int(octave) + 1) + LETTERS[letter.upper()] + raised
    if not 0 <= pitch <= 127:
        raise DataError(f"note {place}: {word[:20]!r} is out of reach; wanted C-1 to G9")
    return pitch, int(sixteenths)
