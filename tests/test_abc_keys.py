import pytest

from nnjax.data.abc_keys import parse_key
from nnjax.data.melody import Key
from nnjax.errors import DataError


@pytest.mark.parametrize(
    ("text", "key", "raised"),
    [
        ("C", Key(0), {}),
        ("G", Key(7), {"F": 1}),
        ("Em", Key(4, "minor"), {"F": 1}),
        ("E minor", Key(4, "minor"), {"F": 1}),
        ("D dor", Key(2, "minor"), {}),
        ("DMix", Key(2), {"F": 1}),
        ("A Mixolydian", Key(9), {"F": 1, "C": 1}),
        ("F lyd", Key(5), {}),
        ("E phr", Key(4, "minor"), {}),
        ("B loc", Key(11, "minor"), {}),
        ("Bb", Key(10), {"B": -1, "E": -1}),
        ("Cm", Key(0, "minor"), {"B": -1, "E": -1, "A": -1}),
        ("F#", Key(6), dict.fromkeys("FCGDAE", 1)),
        ("HP", Key(9), {"F": 1, "C": 1}),
        ("none", None, {}),
        ("", None, {}),
        ("D clef=bass", Key(2), {"F": 1, "C": 1}),
        ("D treble", Key(2), {"F": 1, "C": 1}),
        ("Am ^G", Key(9, "minor"), {"G": 1}),
        ("D exp _b ^f", Key(2), {"B": -1, "F": 1}),
        ("D =c", Key(2), {"F": 1, "C": 0}),
    ],
)
def test_signatures_by_hand(text, key, raised):
    assert parse_key("K:", text) == (key, raised)


def test_a_clef_alone_changes_no_key():
    assert parse_key("K:", "clef=bass") is None


@pytest.mark.parametrize(("text", "words"), [("H", "wanted a key"), ("Cx", "the mode 'x'")])
def test_what_is_no_key_is_refused(text, words):
    with pytest.raises(DataError, match=rf"a\.abc, line 3: .*{words}"):
        parse_key("a.abc, line 3", text)


def test_more_than_seven_sharps_are_refused():
    with pytest.raises(DataError, match="more than seven"):
        parse_key("K:", "G#")
