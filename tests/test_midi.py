import mido
import numpy as np
import pytest

from nnjax.data.melody import REST, Key, melody
from nnjax.data.midi import read_midi, write_midi
from nnjax.data.notes import parse_notes, spell_notes
from nnjax.errors import DamagedError, DataError, StorageError

TUNE = melody([REST, 60, 62, REST, 64, 64], [2, 4, 4, 8, 3, 1], Key(3, "minor"), (6, 8), 90.0, "a tune")


def midi(path, *tracks, ticks=96):
    """A file from (type, note, ticks since the last, further) messages."""
    file = mido.MidiFile(ticks_per_beat=ticks)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack())
        for kind, note, time, *more in messages:
            velocity = 64 if kind == "note_on" else 0
            options = {"velocity": velocity, "channel": 0} | (more[0] if more else {})
            file.tracks[-1].append(mido.Message(kind, note=note, time=time, **options))
    file.save(path)
    return path


def test_what_is_written_is_read_again(tmp_path):
    again = read_midi(write_midi(tmp_path / "a tune.mid", TUNE))
    for one, other in zip(TUNE[:3], again[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    assert again[3:] == TUNE[3:]


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_key_goes_through_a_file(tmp_path, tonic, mode):
    key = Key(tonic, mode)
    assert read_midi(write_midi(tmp_path / "k.mid", TUNE._replace(key=key))).key == key


def test_two_melodies_are_two_tracks(tmp_path):
    other = parse_notes("C5 D5", title="answer")
    path = write_midi(tmp_path / "two.mid", TUNE, other, programs=(0, 40))
    assert len(read_midi(path).pitches) == 4
    assert spell_notes(read_midi(path, track=2)) == "C5 D5"
    programs = [message.program for message in mido.MidiFile(path) if message.type == "program_change"]
    assert programs == [0, 40]
    with pytest.raises(DataError, match="no notes in track 0"):
        read_midi(path, track=0)
    with pytest.raises(DataError, match="no track 3; it has 3"):
        read_midi(path, track=3)


def test_times_are_rounded_and_one_note_sounds_at_a_time(tmp_path):
    # A chord a little early, its lower note held on; then a note cut short; drums beside it.
    drum = {"channel": 9}
    path = midi(
        tmp_path / "played.mid",
        [
            ("note_on", 60, 94),
            ("note_on", 67, 4),
            ("note_on", 36, 0, drum),
            ("note_off", 67, 90),
            ("note_on", 64, 6),
            ("note_on", 64, 5, {"velocity": 0}),
            ("note_off", 60, 200),
        ],
    )
    tune = read_midi(path)
    np.testing.assert_array_equal(tune.pitches, [67, 64])
    np.testing.assert_array_equal(tune.onsets, [4, 8])
    np.testing.assert_array_equal(tune.durations, [4, 1])


def test_a_note_that_never_ends_ends_with_the_track(tmp_path):
    tune = read_midi(
        midi(tmp_path / "a.mid", [("note_on", 60, 0), ("note_on", 62, 96), ("note_off", 62, 96)])
    )
    np.testing.assert_array_equal(tune.durations, [4, 4])


def test_every_truncation_and_many_flips_are_refused_or_read(tmp_path):
    path = write_midi(tmp_path / "a.mid", TUNE)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    cut = tmp_path / "cut.mid"
    for length in range(0, len(whole) - 4):
        cut.write_bytes(whole[:length])
        with pytest.raises((DamagedError, DataError), match=r"cut\.mid"):
            read_midi(cut)
    refused = 0
    for _ in range(300):
        flipped = bytearray(whole)
        flipped[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        cut.write_bytes(bytes(flipped))
        try:
            read_midi(cut)
        except (DamagedError, DataError):
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("content", [b"", b"MThd", b"not MIDI at all", b"RIFF\x00\x00\x00\x00WAVE"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x.mid").write_bytes(content)
    with pytest.raises(DamagedError, match=r"x\.mid: not a sound MIDI file"):
        read_midi(tmp_path / "x.mid")


def test_a_claim_of_gigabytes_asks_for_no_memory(tmp_path):
    huge = b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\x7f\xff\xff\xff\0\xff\1\x87\xff\xff\xff\x7f"
    (tmp_path / "x.mid").write_bytes(huge)
    with pytest.raises(DamagedError, match=r"x\.mid"):
        read_midi(tmp_path / "x.mid")


def test_no_notes_no_file_no_place(tmp_path):
    with pytest.raises(DataError, match="no notes"):
        read_midi(midi(tmp_path / "a.mid", [("note_on", 36, 0, {"channel": 9})]))
    with pytest.raises(DataError, match="no such file"):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(StorageError, match="cannot be written"):
        write_midi(tmp_path / "none" / "a.mid", TUNE)
    with pytest.raises(DataError, match="at least one melody"):
        write_midi(tmp_path / "b.mid")


def test_a_metre_of_beats_shorter_than_a_sixteenth_says_nothing(tmp_path):
    path = midi(tmp_path / "a.mid", [("note_on", 60, 0), ("note_off", 60, 96)])
    file = mido.MidiFile(path)
    file.tracks[0].insert(0, mido.MetaMessage("time_signature", numerator=3, denominator=32))
    file.save(path)
    assert read_midi(path).metre == (4, 4)
