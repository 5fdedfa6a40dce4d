import contextlib

import numpy as np
import pytest

from nnjax.data.abc_notation import parse_abc, read_abc
from nnjax.data.melody import Key
from nnjax.data.notes import spell_notes
from nnjax.errors import DataError

HEAD = "X:1\nT:Test\nM:4/4\nL:1/8\nQ:1/4=120\nK:C\n"


def spelt(music, head=HEAD):
    """The notes of some music, as one types them."""
    return spell_notes(parse_abc(head + music)[0])


@pytest.mark.parametrize(
    ("music", "notes"),
    [
        ("C2 D2 E2 F2 | c2 d'2 C,2 z2 C2|", "C4 D4 E4 F4 C5 D6 C3 R C4"),
        ("C4 D/2 E/ F3/2 G//|", "C4:2 D4:1/4 E4:1/4 F4:3/4 G4:1/4"),
        ("^C2 C2 | C2 _B2 =B2 B2|", "C#4 C#4 C4 Bb4 B4 B4"),
        ("^F2 f2 F,2|", "F#4 F5 F3"),
        ("A>B c<d e2>>f2|", "A4:3/4 B4:1/4 C5:1/4 D5:3/4 E5:7/4 F5:1/4"),
        ("(3CDE (3:2:2G2A| c4-c2 d2-|d2", "C4:1/4 D4:1/2 E4:1/4 G4:3/4 A4:1/4 C5:3 D5:2"),
        ('"Am"A2 {cd}e2 !trill!f2 ~g2 .a2 uva2 (b2 a2)| % words', "A4 E5 F5 G5 A5 A5 B5 A5"),
        ("[CEG]4 [C2E2]2 [K:G] F2", "G4:2 E4:2 F#4"),
        ("|:C2 D2|1 E4:|2 F4||G4|]", "C4 D4 E4:2 C4 D4 F4:2 G4:2"),
        ("[M:3/4] Z C2", "R:3 C4"),
        ("[L:1/4] C D", "C4 D4"),
        ("C2\\\nD2 `x2 E2", "C4 D4 R E4"),
        ("V:1\nC2\nV:2\nG2\nV:1\nD2", "C4 D4"),
        ("w: some words\nC2", "C4"),
    ],
)
def test_music_by_hand(music, notes):
    assert spelt(music) == notes


def test_what_a_tune_says_of_itself():
    tune = parse_abc("X:7\nT:The Tune\nT:second title\nM:6/8\nL:1/8\nQ:3/8=60\nK:Edor\nEFG ABc|[K:D] c6|")[0]
    assert (tune.title, tune.metre, tune.tempo, tune.key) == ("The Tune", (6, 8), 90.0, Key(4, "minor"))
    np.testing.assert_array_equal(tune.pitches, [64, 66, 67, 69, 71, 73, 73])
    np.testing.assert_array_equal(tune.durations, [2, 2, 2, 2, 2, 2, 12])


@pytest.mark.parametrize(
    ("metre", "sixteenths"), [("2/4", 1), ("3/4", 2), ("C|", 2), ("6/8", 2), ("none", 2)]
)
def test_the_unit_follows_from_the_metre(metre, sixteenths):
    assert parse_abc(f"X:1\nM:{metre}\nK:C\nC|")[0].durations.tolist() == [sixteenths]


def test_a_file_of_tunes(tmp_path):
    path = tmp_path / "tunes.abc"
    path.write_bytes(b"% a book\n\nX:1\nK:C\nCDE\n\nX:2\nT:Caf\xe9\nK:C\nC=9\n\nX:3\nK:C\nC&D\n")
    with pytest.raises(DataError, match=r"tunes\.abc, line 10: '=9' is no ABC"):
        read_abc(path)
    assert [len(tune.pitches) for tune in read_abc(path, strict=False)] == [3, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no tune in ABC"),
        ("X:1\nT:only a title", "no tune in ABC"),
        ("CDE", "no tune in ABC"),
        ("X:1\nK:C\nC2 %", None),
        ("X:1\nK:C\nC2 <é", "line 3: 'é' is no ABC"),
        ("X:1\nM:99/3\nK:C\nC", "line 2: the metre '99/3'"),
        ("X:1\nL:x\nK:C\nC", "line 2: wanted a length"),
        ("X:1\nK:C\nC1/0", "line 3: the length '1/0'"),
        ("X:1\nK:C\nC99999999999", "line 3: the length"),
        ("X:1\nK:C\nC,,,,,,,,,", "line 3: .* is out of reach"),
        ("X:1\nK:Cqqq\nC", "line 2: the mode"),
    ],
)
def test_what_is_no_abc_is_named_by_line(text, words):
    if words is None:
        assert len(parse_abc(text)) == 1
        return
    with pytest.raises(DataError, match=words):
        parse_abc(text)


def test_random_bytes_are_refused_or_read_but_never_worse(tmp_path):
    rng = np.random.default_rng(0)
    letters = np.array(list("ABCDEFGabcdefgz0123456789/|:[]()^_=-<>{}\"!~,' \n"))
    path = tmp_path / "noise.abc"
    read = []
    for _ in range(200):
        path.write_text("X:1\nK:C\n" + "".join(rng.choice(letters, 8)))
        with contextlib.suppress(DataError):
            read += [tune.durations.min() >= 1 for tune in read_abc(path) if len(tune.pitches)]
    assert read
    assert all(read)
