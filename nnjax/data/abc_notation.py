"""Tunes in ABC notation: letters for notes, as most folk tunes are passed on.

The common part of the standard 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1) is read: the fields
X T M L Q K, notes with accidentals, octaves and lengths, rests, bars, ties, tuplets, broken rhythm, chords
(their highest note), repeats with first and second endings. Grace notes, ornaments, words and chord names are
passed over, and of several voices the first is read. Times are rounded to sixteenths.
"""

from __future__ import annotations

import os
import re
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from nnjax.data.abc_keys import ACCIDENTALS, Signature, parse_key
from nnjax.data.abc_repeats import played
from nnjax.data.limits import check_file
from nnjax.data.melody import LETTERS, REST, SIXTEENTHS, Melody
from nnjax.errors import DataError

MAX_BYTES = 64 * 2**20
MAX_WHOLE_NOTES = 64
TOKEN = re.compile(
    r"""(?P<tuplet>\((?P<p>[2-9])(?::(?P<q>\d*))?(?::(?P<r>\d*))?)
      |(?P<skip>"[^"]*"|!\w[^!|\s]*!|\+\w[^+|\s]*\+|\{[^}]*\}|[~.!+H-Wh-w]|[\s`\\()yX*$;@?#]|&.*)
      |(?P<inline>\[[A-Za-z]:[^\]]*\])
      |(?P<ending>(?P<before>[|:\]]*[|\[])\s?(?P<which>\d[\d,-]*))
      |(?P<chord>\[(?:[_^=]*[A-Ga-g][,']*[\d/]*-?\s*)+\])(?P<chordlength>[\d/]*)
      |(?P<bar>(?:[|:\]]|\[(?=[|\]]))+)
      |(?P<sharp>[_^=]*)(?P<note>[A-Ga-gzxZ])(?P<octave>[,']*)(?P<length>[\d/]*)
      |(?P<tie>-)
      |(?P<broken>[<>]+)""",
    re.VERBOSE,
)
NOTE = re.compile(r"(?P<sharp>[_^=]*)(?P<note>[A-Ga-g])(?P<octave>[,']*)(?P<length>[\d/]*)")


class Note(NamedTuple):
    """A note or rest as it is written: pitch or `REST`, its part of a whole note, tied to the next or not."""

    pitch: int
    length: Fraction
    tied: bool = False


def read_abc(path: str | os.PathLike, strict: bool = True) -> list[Melody]:
    """Reads every tune of an ABC file.

    Args:
        path: The file.
        strict: Whether a tune that cannot be read is an error, or left out.

    Raises:
        DataError: If there is no such file, no tune in it, or something that is no ABC; the message
            names the line.
    """
    path = check_file(path, MAX_BYTES)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return parse_abc(text, str(path), strict)


def parse_abc(text: str, where: str = "the tune", strict: bool = True) -> list[Melody]:
    """Every tune in a text.

    Args:
        text: The tunes; each starts with a field X, but for a single one.
        where: What the text is called in errors.
        strict: As for `read_abc`.

    Raises:
        DataError: As `read_abc`.

    >>> tune = parse_abc("X:1\\nM:3/4\\nL:1/8\\nK:G\\nG2 A>B c2|")[0]
    >>> tune.pitches.tolist(), tune.durations.tolist()
    ([67, 69, 71, 72], [4, 3, 1, 4])
    """
    blocks: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("X:"):
            blocks.append([])
        blocks[-1].append((number, line))
    tunes = []
    for block in blocks:
        try:
            tune = _Reader(where).read(block)
        except DataError:
            if strict:
                raise
            continue
        if tune is not None:
            tunes.append(tune)
    if not tunes:
        raise DataError(f"{where}: no tune in ABC; one has at least a field K: and notes after it")
    return tunes


class _Reader:
    """What is in force while one tune is read."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.title = ""
        self.metre = (4, 4)
        self.unit: Fraction | None = None
        self.tempo = 100.0
        self.signature: Signature | None = None
        self.items: list[Note | str] = []
        self.bar: dict[tuple[str, int], int] = {}
        self.tuplet = (Fraction(1), 0)
        self.broken: Fraction | None = None
        self.voice: str | None = None
        self.heard = True

    def read(self, lines: list[tuple[int, str]]) -> Melody | None:
        """The tune of some lines with their numbers; None if there is none in them."""
        first_key = None
        for number, line in lines:
            line = line.split("%", 1)[0].rstrip()
            where = f"{self.where}, line {number}"
            if not line:
                continue
            if re.match(r"[A-Za-z+]:", line) and not line.startswith(("|:", "::")):
                self.field(where, line[0], line[2:].strip())
                first_key = first_key or self.signature
            elif self.signature is not None and self.heard:
                self.music(where, line)
        if self.signature is None or not any(isinstance(item, Note) for item in self.items):
            return None
        key = None if first_key is None else first_key.key
        return _melody(played(self.items), key=key, metre=self.metre, tempo=self.tempo, title=self.title)

    def field(self, where: str, letter: str, value: str) -> None:
        """A line, or a word in brackets, that says something about the tune."""
        if letter == "T":
            self.title = self.title or value
        elif letter == "K":
            self.signature = parse_key(where, value) or self.signature or Signature(None, {})
        elif letter == "L":
            self.unit = _fraction(where, value)
        elif letter == "M":
            self.set_metre(where, value)
        elif letter == "Q":
            self.set_tempo(value)
        elif letter == "V":
            name = value.split()[0] if value else ""
            self.voice = self.voice or name
            self.heard = name == self.voice

    def set_metre(self, where: str, value: str) -> None:
        """M: a fraction, or C and C| for common time; anything else leaves the metre as it is."""
        named = {"C": (4, 4), "C|": (2, 2)}
        found = re.match(r"\(?([\d+]+)\)?/(\d+)", value)
        if value.strip() in named:
            self.metre = named[value.strip()]
        elif found:
            beats, beat = sum(int(part or 0) for part in found[1].split("+")), int(found[2])
            if not (1 <= beats <= 64 and beat in (1, 2, 4, 8, 16)):
                raise DataError(f"{where}: the metre {value!r:.20}")
            self.metre = (beats, beat)

    def set_tempo(self, value: str) -> None:
        """Q: such as 1/4=120, or 120 alone; what is neither says nothing."""
        found = re.search(
            r"(?:(\d+)/(\d+)\s*=\s*)?(\d+)\s*$", value.split('"')[-1] if '"' in value else value
        )
        if found and 0 < int(found[3]) < 1000 and int(found[2] or 4):
            self.tempo = float(int(found[3]) * Fraction(int(found[1] or 1), int(found[2] or 4)) * 4) or 100.0

    def music(self, where: str, line: str) -> None:
        """A line of notes."""
        place = 0
        while place < len(line):
            token = TOKEN.match(line, place)
            if token is None or token.end() == place:
                raise DataError(f"{where}: {line[place : place + 12]!r} is no ABC that is read here")
            place = token.end()
            if token["inline"]:
                self.field(where, token["inline"][1], token["inline"][3:-1].strip())
            elif token["tuplet"]:
                self.start_tuplet(token)
            elif token["ending"] or token["bar"]:
                bar = (
                    token["ending"].removesuffix(token["which"]).strip() if token["ending"] else token["bar"]
                )
                self.items.append(bar)
                self.bar = {}
                if token["ending"]:
                    self.items.append("1" if "1" in token["which"] else "2")
            elif token["chord"]:
                notes = [self.pitched(where, found) for found in NOTE.finditer(token["chord"])]
                highest = max(notes, key=lambda note: note.pitch)
                self.add(highest.pitch, highest.length * _length(where, token["chordlength"]))
            elif token["note"]:
                self.add(*self.pitched(where, token)[:2])
            elif token["tie"] and self.items and isinstance(self.items[-1], Note):
                self.items[-1] = self.items[-1]._replace(tied=True)
            elif token["broken"] and self.items and isinstance(self.items[-1], Note):
                self.break_rhythm(token["broken"])

    def start_tuplet(self, token: re.Match) -> None:
        """(p:q:r, p notes in the time of q, for r notes."""
        p = int(token["p"])
        usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p, 3 if self.metre[0] % 3 == 0 else 2)
        self.tuplet = (Fraction(int(token["q"] or usual) or usual, p), int(token["r"] or p))

    def break_rhythm(self, signs: str) -> None:
        """a>b makes a half as long again and b half as long; a<b the other way round."""
        short = Fraction(1, 2 ** min(len(signs), 4))
        before, after = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        note = self.items[-1]
        if isinstance(note, Note):
            self.items[-1] = note._replace(length=note.length * before)
            self.broken = after

    def pitched(self, where: str, found: re.Match) -> Note:
        """A note as its letters say, in the key and with the accidentals of the bar."""
        letter, length = found["note"], _length(where, found["length"])
        unit = self.unit or Fraction(1, 16 if Fraction(*self.metre) < Fraction(3, 4) else 8)
        if letter in "zx":
            return Note(REST, length * unit)
        if letter == "Z":
            return Note(REST, length * Fraction(*self.metre))
        octave = 5 + letter.islower() + found["octave"].count("'") - found["octave"].count(",")
        place = (letter.upper(), octave)
        if found["sharp"]:
            self.bar[place] = sum(ACCIDENTALS[sign] for sign in found["sharp"])
        signature = self.signature.raised if self.signature else {}
        raised = self.bar.get(place, signature.get(letter.upper(), 0))
        pitch = 12 * octave + LETTERS[letter.upper()] + raised
        if not 0 <= pitch <= 127:
            raise DataError(f"{where}: {found[0]!r:.20} is out of reach")
        return Note(pitch, length * unit)

    def add(self, pitch: int, length: Fraction) -> None:
        """Puts a note down, within its tuplet and its broken rhythm."""
        factor, left = self.tuplet
        if left:
            length *= factor
            self.tuplet = (factor, left - 1)
        if self.broken is not None:
            length, self.broken = length * self.broken, None
        self.items.append(Note(pitch, length))


def _length(where: str, text: str) -> Fraction:
    """3, /, //, /4 or 3/2, times the unit."""
    if not text:
        return Fraction(1)
    over, slashes, under = re.findall(r"(\d*)(/*)([\d/]*)", text)[0]
    if "/" in under or (slashes and under and len(slashes) > 1):
        raise DataError(f"{where}: the length {text!r:.20}")
    divisor = int(under) if under else 2 ** len(slashes)
    if not divisor or len(text) > 9 or not int(over or 1):
        raise DataError(f"{where}: the length {text!r:.20}")
    return Fraction(int(over or 1), divisor)


def _fraction(where: str, text: str) -> Fraction:
    found = re.match(r"(\d{1,3})\s*/\s*([1-9]\d{0,3})\b", text) or re.match(r"([1-9])()\b", text)
    if not found or not int(found[1]):
        raise DataError(f"{where}: wanted a length such as L:1/8, got {text!r:.20}")
    return Fraction(int(found[1]), int(found[2] or 1))


def _melody(notes: list[Note], **about) -> Melody:
    """Ties are joined and times rounded to sixteenths; what is shorter than half of one is left out."""
    pitches, onsets, ends, now, tied = [], [], [], Fraction(0), False
    for note in notes:
        until = now + min(note.length, MAX_WHOLE_NOTES)
        if note.pitch != REST and tied and pitches and pitches[-1] == note.pitch:
            ends[-1] = until
        elif note.pitch != REST:
            pitches.append(note.pitch)
            onsets.append(now)
            ends.append(until)
        now, tied = until, note.tied
    grid = lambda times: np.array([int(time * SIXTEENTHS + Fraction(1, 2)) for time in times], np.int32)
    starts, stops = grid(onsets), grid(ends)
    kept = stops > starts
    return Melody(np.array(pitches, np.int32)[kept], starts[kept], (stops - starts)[kept], **about)
