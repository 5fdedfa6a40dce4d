import pytest

from nnjax.data.abc_repeats import played


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("a | b", "ab"),
        ("a :| b", "aab"),
        ("|: a :| |: b :|", "aabb"),
        ("a |: b :: c :| d", "abbccd"),
        ("|: a | 1 b :| 2 c || d", "abacd"),
        ("|: a | 1 b :| 2 c |: d :|", "abacdd"),
        ("|: a | 1 b :| 2 c :| |: d :|", "abacdd"),
        ("|: a | 1 b | 2 c |]", "abac"),
        ("|: a | 1 b :| 2 c |] d :|", "abacdd"),
        ("a |] b :|", "abab"),
        ("", ""),
    ],
)
def test_by_hand(items, expected):
    notes = [[word] if word.isalpha() else word for word in items.split()]
    # A one-letter list stands for a note, since strings are signs.
    assert "".join(note[0] for note in played(notes)) == expected
