"""MIDI files: a melody out of one, and melodies into one.

The bytes are read and written by mido (https://mido.readthedocs.io). A file is not trusted: its size is
limited, and whatever mido finds wrong with it is a `DamagedError` with the name of the file.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.data.limits import check_file
from nnjax.data.melody import LETTERS, NAMES, SIXTEENTHS, Key, Melody
from nnjax.errors import DamagedError, DataError, StorageError

MAX_BYTES = 8 * 2**20
MAX_SIXTEENTHS = 1_000_000
TICKS_A_CROTCHET = 480
TICKS = TICKS_A_CROTCHET * 4 // SIXTEENTHS
DRUMS = 9
VELOCITY = 80


def read_midi(path: str | os.PathLike, track: int | None = None) -> Melody:
    """The melody of a MIDI file.

    Onsets and ends are rounded to sixteenths. Where several notes start together the highest counts, and a
    note ends when the next one starts; channel 10, the drums, is left out.

    Args:
        path: The file.
        track: Which track, from 0; None for the first one that has notes.

    Raises:
        DataError: If there is no such file, or no notes in it.
        DamagedError: If it is damaged, cut or too large.
    """
    import mido

    path = check_file(path, MAX_BYTES)
    try:
        file = mido.MidiFile(file=io.BytesIO(path.read_bytes()), clip=True)
        ticks = int(file.ticks_per_beat)
        tracks = [list(one) for one in file.tracks]
    except Exception as error:  # mido raises OSError, EOFError, KeyError, ValueError and IndexError
        raise DamagedError(f"{path}: not a sound MIDI file ({type(error).__name__} {error})") from None
    if ticks <= 0:
        raise DataError(f"{path}: its time is counted in frames of film; wanted ticks of a crotchet")
    sounding = [number for number, one in enumerate(tracks) if any(_starts(message) for message in one)]
    if track is not None and not 0 <= track < len(tracks):
        raise DataError(f"{path}: no track {track}; it has {len(tracks)}")
    if not sounding or (track is not None and track not in sounding):
        raise DataError(f"{path}: no notes" + (f" in track {track}" if track is not None else ""))
    notes = _notes(tracks[sounding[0] if track is None else track], ticks)
    if not notes or notes[-1][0] > MAX_SIXTEENTHS:
        raise DataError(f"{path}: no notes within {MAX_SIXTEENTHS:,} sixteenths")
    return _melody(notes, **_about(tracks), title=path.stem)


def write_midi(path: str | os.PathLike, *melodies: Melody, programs: tuple[int, ...] = ()) -> Path:
    """Writes melodies as a MIDI file, a track each.

    Args:
        path: The file.
        *melodies: At least one; the first says tempo, metre and key.
        programs: The instrument of each track, 0 to 127 of General MIDI; a piano where there is none.

    Returns:
        The path.

    Raises:
        DataError: If there is no melody.
        StorageError: If the file cannot be written.
    """
    import mido

    if not melodies:
        raise DataError("wanted at least one melody to write")
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_CROTCHET)
    first: Any = mido.MidiTrack()
    file.tracks.append(first)
    about = melodies[0]
    first.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(about.tempo)))
    first.append(mido.MetaMessage("time_signature", numerator=about.metre[0], denominator=about.metre[1]))
    if about.key is not None:
        name = NAMES[about.key.tonic] + ("m" if about.key.mode == "minor" else "")
        first.append(mido.MetaMessage("key_signature", key=name))
    for number, tune in enumerate(melodies):
        channel = number % 16 + (number % 16 >= DRUMS)
        program = programs[number] if number < len(programs) else 0
        file.tracks.append(_track(tune, min(channel, 15), program))
    path = Path(path).expanduser()
    try:
        file.save(path)
    except OSError as error:
        raise StorageError(f"{path}: the MIDI file cannot be written; {error}") from None
    return path


def _starts(message: Any) -> bool:
    return message.type == "note_on" and message.velocity > 0 and message.channel != DRUMS


def _notes(track: list, ticks: int) -> list[tuple[int, int, int]]:
    """(onset, end, pitch) in sixteenths, sorted."""
    now, started, notes = 0, {}, []
    for message in track:
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
            continue
        place = (message.channel, message.note)
        if place in started:
            notes.append((started.pop(place), now, message.note))
        if _starts(message):
            started[place] = now
    notes += [(onset, now, pitch) for (_, pitch), onset in started.items()]
    grid = lambda tick: (2 * tick * SIXTEENTHS // 4 + ticks) // (2 * ticks)
    rounded = [(grid(onset), max(grid(end), grid(onset) + 1), pitch) for onset, end, pitch in notes]
    return sorted(rounded, key=lambda note: (note[0], note[2]))


def _melody(notes: list[tuple[int, int, int]], **about: Any) -> Melody:
    highest: dict[int, tuple[int, int]] = {}
    for onset, end, pitch in notes:  # sorted, so that the highest of those that start together is last
        highest[onset] = (end, pitch)
    onsets = np.array(list(highest), np.int32)
    ends, pitches = np.array(list(highest.values()), np.int64).T
    ends[:-1] = np.minimum(ends[:-1], onsets[1:])
    durations = np.minimum(ends - onsets, MAX_SIXTEENTHS).astype(np.int32)
    return Melody(pitches.astype(np.int32), onsets, durations, **about)


def _about(tracks: list[list]) -> dict[str, Any]:
    """Key, metre and tempo as the file first says them."""
    about: dict[str, Any] = {}
    for message in (message for track in tracks for message in track):
        if message.type == "key_signature" and "key" not in about:
            name = message.key.removesuffix("m")
            tonic = LETTERS[name[0]] + {"#": 1, "b": -1}.get(name[1:], 0)
            about["key"] = Key(tonic % 12, "minor" if message.key.endswith("m") else "major")
        elif message.type == "time_signature" and "metre" not in about and message.denominator <= SIXTEENTHS:
            about["metre"] = (max(1, message.numerator), message.denominator)
        elif message.type == "set_tempo" and "tempo" not in about:
            about["tempo"] = round(60e6 / max(1, message.tempo), 3)
    return about


def _track(tune: Melody, channel: int, program: int) -> Any:
    import mido

    track: Any = mido.MidiTrack()
    if tune.title:
        track.append(
            mido.MetaMessage("track_name", name=tune.title.encode("latin-1", "replace").decode("latin-1"))
        )
    track.append(mido.Message("program_change", channel=channel, program=program))
    now = 0
    for pitch, onset, duration in zip(tune.pitches, tune.onsets, tune.durations, strict=True):
        start, end = int(onset) * TICKS, int(onset + duration) * TICKS
        sound: dict[str, Any] = {"channel": channel, "note": int(pitch), "velocity": VELOCITY}
        track.append(mido.Message("note_on", time=start - now, **sound))
        track.append(mido.Message("note_off", time=end - start, **sound))
        now = end
    return track
