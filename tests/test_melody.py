import numpy as np
import pytest

from nnjax.data.melody import REST, Key, Melody, find_key, melody, notes_and_rests, transpose
from nnjax.errors import DataError

TUNE = melody([REST, 60, 62, REST, 64], [2, 4, 4, 8, 3], Key(0), (3, 4))


def test_onsets_by_hand_and_back():
    np.testing.assert_array_equal(TUNE.onsets, [2, 6, 18])
    np.testing.assert_array_equal(TUNE.durations, [4, 4, 3])
    assert (TUNE.length, TUNE.bar) == (21, 12)
    pitches, durations = notes_and_rests(TUNE)
    np.testing.assert_array_equal(pitches, [REST, 60, 62, REST, 64])
    np.testing.assert_array_equal(durations, [2, 4, 4, 8, 3])


def test_a_bar_of_six_eight():
    assert Melody(np.array([60]), np.array([0]), np.array([4]), metre=(6, 8)).bar == 12


def test_transposing_takes_the_key_along():
    up = transpose(TUNE, -2)
    np.testing.assert_array_equal(up.pitches, [58, 60, 62])
    assert str(up.key) == "Bb major"


@pytest.mark.parametrize("tonic", range(12))
def test_scales_have_their_key(tonic):
    major = melody(60 + tonic + np.array([0, 2, 4, 5, 7, 9, 11, 12]), [4] * 7 + [8])
    minor = melody(60 + tonic + np.array([0, 2, 3, 5, 7, 8, 11, 12]), [4] * 7 + [8])
    assert find_key(major) == Key(tonic, "major")
    assert find_key(minor) == Key(tonic, "minor")


@pytest.mark.parametrize(
    ("pitches", "durations", "words"),
    [
        ([60, 128], [4, 4], "note 1: pitch 128"),
        ([60, -2], [4, 4], "note 1: pitch -2"),
        ([60], [0], "note 0: duration 0"),
        ([60], [4, 4], "as many pitches as durations"),
    ],
)
def test_what_is_no_melody_is_refused(pitches, durations, words):
    with pytest.raises(DataError, match=words):
        melody(pitches, durations)


def test_silence_has_no_key():
    with pytest.raises(DataError, match="no key"):
        find_key(melody([REST], [4]))
