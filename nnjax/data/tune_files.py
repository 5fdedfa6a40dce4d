"""Tunes wherever they come from: a collection by name, an ABC or MIDI file, a folder of some, or words."""

from __future__ import annotations

import os
from pathlib import Path

from nnjax.data.abc_notation import parse_abc, read_abc
from nnjax.data.melody import Melody
from nnjax.data.midi import read_midi
from nnjax.data.notes import parse_notes
from nnjax.data.tunes import BOOKS, load_tunes
from nnjax.errors import DataError

MIDI, ABC = (".mid", ".midi"), (".abc",)
LONGEST_NAME = 255


def read_tunes(name: str | os.PathLike) -> list[Melody]:
    """A collection of tunes.

    Args:
        name: One that `load_tunes` knows; the path of an ABC or MIDI file; or a folder with any of these.

    Raises:
        DataError, DamagedError: As `load_tunes` and `read_midi`; or if a folder has no tunes.
    """
    path = Path(name).expanduser()
    if str(name) == "tunes" or str(name) in BOOKS or not path.exists():
        return load_tunes(name)
    if not path.is_dir():
        return [read_midi(path)] if path.suffix.lower() in MIDI else read_abc(path)
    files = sorted(one for one in path.rglob("*") if one.suffix.lower() in MIDI + ABC)
    if not files:
        raise DataError(f"{path}: a folder without .abc, .mid or .midi files")
    return [tune for one in files for tune in read_tunes(one)]


def read_melody(said: str, **about) -> Melody:
    """One melody.

    Args:
        said: The path of a MIDI or ABC file (of several tunes, the first), or of a text of notes; a tune in
            ABC itself; or notes as `parse_notes` reads them.
        **about: Key, metre and tempo, where they are to be others than the melody's own.

    Raises:
        DataError, DamagedError: If there is no melody, or it cannot be read.

    >>> read_melody("C4 D4 E4:2").durations.tolist()
    [4, 4, 8]
    """
    if not said.strip():
        raise DataError("wanted a melody: a MIDI or ABC file, or notes such as C4 D4 E4:2; got nothing")
    tune = _melody_file(said) if _is_path(said) else _melody_text(said, "the melody")
    tune = tune._replace(**about)
    if not len(tune.pitches):
        raise DataError(f"{said[:40]!r}: a melody without notes, only rests")
    return tune


def _is_path(said: str) -> bool:
    one_line = "\n" not in said and len(said) <= LONGEST_NAME
    named = Path(said).suffix.lower() in (*MIDI, *ABC, ".txt")
    return one_line and (named or Path(said).expanduser().exists())


def _melody_file(said: str) -> Melody:
    path = Path(said).expanduser()
    if path.suffix.lower() in MIDI:
        return read_midi(path)
    if path.suffix.lower() in ABC:
        return read_abc(path)[0]
    try:
        return _melody_text(path.read_text("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no MIDI, no ABC and no text of notes ({error})") from None


def _melody_text(text: str, where: str) -> Melody:
    return parse_abc(text, where)[0] if "K:" in text else parse_notes(text)
