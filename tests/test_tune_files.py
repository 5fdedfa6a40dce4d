"""Melodies from words, text, ABC and MIDI, and folders of them; and clear errors for what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnjax.data.melody import Key, melody
from nnjax.data.midi import write_midi
from nnjax.data.tune_files import read_melody, read_tunes
from nnjax.errors import DamagedError, DataError

ABC = "X:1\nT:One\nM:4/4\nL:1/4\nK:G\nGABc|\n"


def test_one_melody_in_four_forms(tmp_path: Path) -> None:
    tune = melody([67, 69, 71, 72], [4, 4, 4, 4], Key(7))
    write_midi(tmp_path / "one.mid", tune)
    (tmp_path / "one.abc").write_text(ABC)
    (tmp_path / "one.txt").write_text("G4 A4 B4 C5")
    forms = [
        str(tmp_path / "one.mid"),
        str(tmp_path / "one.abc"),
        str(tmp_path / "one.txt"),
        ABC,
        "G4 A4 B4 C5",
    ]
    for said in forms:
        found = read_melody(said)
        assert found.pitches.tolist() == [67, 69, 71, 72], said
        assert found.durations.tolist() == [4, 4, 4, 4], said


def test_key_metre_and_tempo_may_be_others() -> None:
    found = read_melody("C4 D4", key=Key(5), metre=(3, 4), tempo=90.0)
    assert (found.key, found.metre, found.tempo) == (Key(5), (3, 4), 90.0)


def test_a_folder_of_tunes(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "b.abc").write_text(ABC + ABC.replace("X:1", "X:2").replace("One", "Two"))
    write_midi(tmp_path / "a.mid", melody([60], [4]))
    (tmp_path / "notes.md").write_text("no tune")
    assert [tune.title for tune in read_tunes(tmp_path)] == ["a", "One", "Two"]
    assert len(read_tunes("tunes")) == 52


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("  ", "got nothing"),
        ("missing.mid", "no such file"),
        ("missing.txt", r"missing\.txt"),
        ("H4 C4", "is no note"),
        ("R:2 R", "only rests"),
        ("X:1\nK:", "no tune in ABC|wanted a key"),
    ],
)
def test_what_is_no_melody_is_named(said: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        read_melody(said)


def test_damaged_files_and_empty_folders_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mid"
    bad.write_bytes(b"MThd nothing")
    with pytest.raises(DamagedError, match=r"bad\.mid"):
        read_melody(str(bad))
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(DataError, match=r"bytes\.txt"):
        read_melody(str(tmp_path / "bytes.txt"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="a folder without"):
        read_tunes(tmp_path / "empty")
