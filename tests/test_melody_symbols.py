"""Melodies as symbols: worked by hand, the same in every key, and read back note by note."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.data.melody import REST, Key, Melody, melody, transpose
from nnjax.data.melody_symbols import (
    DURATIONS,
    FIELDS,
    HEARD,
    OFFSETS,
    REST_SYMBOL,
    SYMBOLS,
    duration_symbol,
    encode,
    find_upbeat,
    frame_of,
    pitch_of,
    pitch_symbol,
)
from nnjax.data.tunes import load_tunes
from nnjax.errors import DataError

G = Key(7, "major")


def test_a_melody_worked_by_hand() -> None:
    tune = melody([67, REST, 71, 66], [4, 2, 2, 8], G)
    heard, symbols = encode(tune)
    frame = frame_of(tune)
    assert frame.tonic == 67
    tonic = pitch_symbol(frame, 67)
    assert symbols.tolist() == [3, tonic, 1, REST_SYMBOL, 1, tonic + 4, 7, tonic - 1]
    fields = heard - OFFSETS
    assert fields[:, 0].tolist() == [0, 1] * 4  # a duration, a pitch, ...
    assert fields[::2, 6].tolist() == [0, 4, 6, 8]  # where in the bar
    assert fields[1::2, 5].tolist() == [4, 2, 2, 8]  # the duration that the pitch is for
    assert fields[2::2, 1].tolist() == [4, 2, 2]  # the last note's duration
    assert (fields >= 0).all()
    assert (fields < np.array(FIELDS)).all()
    assert heard.max() < HEARD


def test_what_stood_a_bar_before_is_heard() -> None:
    tune = melody([60, 62, 64, 65] * 3, [4] * 12, Key(0))
    fields = encode(tune)[0] - OFFSETS
    first_back = fields[::2, 10:13]
    note = [[4, 1 + pitch_symbol(frame_of(tune), pitch) - len(DURATIONS)] for pitch in (60, 62, 64, 65)]
    assert first_back[:4, :2].tolist() == [[0, 0]] * 4
    assert first_back[4:8, :2].tolist() == note
    assert first_back[4:10, 2].tolist() == [0, 1, 2, 3, 4, 4]  # how many notes were the same, up to four


@pytest.mark.parametrize("semitones", [-7, 1, 12, 24])
def test_a_transposition_is_the_same_melody(semitones: int) -> None:
    for tune in load_tunes("tunes")[::9]:
        for one, other in zip(encode(tune), encode(transpose(tune, semitones)), strict=True):
            np.testing.assert_array_equal(one, other)


def test_nothing_that_comes_later_is_heard() -> None:
    tune = load_tunes("tunes")[0]
    heard, symbols = encode(tune)
    shorter = tune._replace(**{name: getattr(tune, name)[:12] for name in ("pitches", "onsets", "durations")})
    fewer, first = encode(shorter, frame_of(tune))
    np.testing.assert_array_equal(heard[:24], fewer)
    np.testing.assert_array_equal(symbols[:24], first)


def test_pitches_come_back_and_those_out_of_reach_keep_their_name() -> None:
    frame = frame_of(melody([60, 64], [4, 4], Key(0)))
    for pitch in range(48, 85):
        assert pitch_of(frame, pitch_symbol(frame, pitch)) == pitch
    for pitch in (0, 20, 100, 127):
        symbol = pitch_symbol(frame, pitch)
        assert REST_SYMBOL < symbol < SYMBOLS
        assert pitch_of(frame, symbol) % 12 == pitch % 12


def test_durations_are_the_longest_that_fit() -> None:
    assert [DURATIONS[duration_symbol(length)] for length in (1, 9, 13, 32, 400)] == [1, 8, 12, 32, 32]


def test_upbeats_are_found_and_a_late_start_says_it() -> None:
    known = {"Auld lang syne": 4, "Amazing grace": 4, "Ode to joy": 0, "Twinkle, twinkle, little star": 0}
    found = {tune.title: find_upbeat(tune) for tune in load_tunes("tunes") if tune.title in known}
    assert found == known
    late = Melody(np.array([60, 62]), np.array([12, 16]), np.array([4, 16]), metre=(4, 4))
    assert find_upbeat(late) == 4


def test_a_melody_without_notes_is_an_error() -> None:
    with pytest.raises(DataError, match="without notes"):
        encode(melody([REST], [4]))
