import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnjax.data.melody import melody, notes_and_rests
from nnjax.data.notes import parse_notes, spell_notes
from nnjax.errors import DataError


def test_notes_by_hand():
    tune = parse_notes("A4 bb3:1/2 | R:1.5, C##4:2 Cb4 g9:1/4", metre=(3, 4))
    np.testing.assert_array_equal(tune.pitches, [69, 58, 62, 59, 127])
    np.testing.assert_array_equal(tune.onsets, [0, 4, 12, 20, 24])
    np.testing.assert_array_equal(tune.durations, [4, 2, 8, 4, 1])
    assert tune.metre == (3, 4)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 127), st.integers(1, 64)), min_size=1, max_size=20))
def test_spelling_and_parsing_is_the_identity(notes):
    tune = melody(*zip(*notes, strict=True))
    again = parse_notes(spell_notes(tune))
    for one, other in zip(notes_and_rests(tune), notes_and_rests(again), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C4 H4", "note 2: 'H4' is no note; write C4"),
        ("C", "note 1: 'C' is no note"),
        ("C4 D4:", "note 2: 'D4:' is no note"),
        ("C4:1/3", "note 1: 'C4:1/3' lasts 1/3 crotchets"),
        ("C4:1/0", "lasts 1/0"),
        ("C4:0", "lasts 0"),
        ("C4:999999999", "lasts 999999999"),
        ("Ab9", "out of reach"),
        ("C" + "#" * 500 + "4", "out of reach"),
        ("  ", "got 0"),
    ],
)
def test_what_is_no_note_is_named(text, words):
    with pytest.raises(DataError, match=words):
        parse_notes(text)
