"""Key signatures of ABC notation: which letters are raised or lowered, and what the tonic is."""

from __future__ import annotations

import re
from typing import NamedTuple

from nnjax.data.melody import LETTERS, Key
from nnjax.errors import DataError

SHARPS = "FCGDAEB"
# How many sharps fewer than the major key of the same tonic a mode has.
MODES = {
    "maj": 0,
    "ion": 0,
    "": 0,
    "mix": 1,
    "dor": 2,
    "m": 3,
    "min": 3,
    "aeo": 3,
    "phr": 4,
    "loc": 5,
    "lyd": -1,
}
MINOR = {"m", "min", "aeo", "dor", "phr", "loc"}
FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
ACCIDENTALS = {"^": 1, "_": -1, "=": 0}


class Signature(NamedTuple):
    """A key signature.

    Attributes:
        key: Tonic and mode (a church mode is major or minor as its third is), or None.
        raised: Letter to semitones up, of the letters that the signature changes.
    """

    key: Key | None
    raised: dict[str, int]


def parse_key(where: str, text: str) -> Signature | None:
    """The signature that a field K: says; None if it says only other things, such as a clef.

    Raises:
        DataError: If it cannot be read.

    >>> parse_key("K:", "Dmix").raised
    {'F': 1}
    """
    text = text.strip()
    if re.match(r"(HP|Hp)\b", text):
        return Signature(Key(9, "major"), {"F": 1, "C": 1})
    if not text or text.lower().startswith(
        ("none", "clef", "treble", "bass", "alto", "octave", "transpose", "=")
    ):
        return None if text.lower().startswith(("clef", "octave", "transpose")) else Signature(None, {})
    found = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)(.*)", text)
    if not found:
        raise DataError(f"{where}: wanted a key such as K:G, K:F#m or K:D dor, got {text!r:.20}")
    letter, accidental, word, rest = found.groups()
    mode = word.lower()[:3] if word else ""
    if mode not in MODES:
        if word.lower().startswith(("cle", "tre", "bas", "alt", "oct", "exp", "mid")):
            mode, rest = "", f"{word} {rest}"
        else:
            raise DataError(f"{where}: the mode {word!r:.20} of the key {text!r:.20}")
    sharpened = {"#": 1, "b": -1, "": 0}[accidental]
    tonic = (LETTERS[letter] + sharpened) % 12
    fifths = FIFTHS[letter] + 7 * sharpened - MODES[mode]
    raised = {} if "exp" in rest else _signature(where, text, fifths)
    for sign, changed in re.findall(r"(?:^|\s)([_^=])([A-Ga-g])(?=\s|$|[_^=])", rest):
        raised[changed.upper()] = ACCIDENTALS[sign]
    return Signature(Key(tonic, "minor" if mode in MINOR else "major"), raised)


def _signature(where: str, text: str, fifths: int) -> dict[str, int]:
    if not -7 <= fifths <= 7:
        raise DataError(f"{where}: the key {text!r:.20} has more than seven sharps or flats")
    letters = SHARPS[:fifths] if fifths >= 0 else SHARPS[::-1][:-fifths]
    return dict.fromkeys(letters, 1 if fifths > 0 else -1)
