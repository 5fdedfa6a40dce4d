"""The partner: in the key, bars filled exactly, a long last note on the tonic, the same for the same seed."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from nnjax.data.melody import Key, Melody, transpose
from nnjax.data.melody_symbols import DURATIONS, HEARD, SYMBOLS, scale_of
from nnjax.data.tune_files import read_melody
from nnjax.errors import ConfigError, DataError
from nnjax.models.melody_net import melody_net
from nnjax.runner.duet_player import Answer, answer, check_partner, share_in_key

QUESTIONS = {
    "four-four": read_melody("C4 D4 E4 F4 G4:2 G4:2", key=Key(0)),
    "jig with an upbeat": read_melody("X:1\nM:6/8\nL:1/8\nK:Em\nB|EFE GFG|B3 Bcd|cBA AGF|E3 E2"),
    "waltz, key unknown": read_melody("D4:2 F4 A4:2 F4 D4:3", metre=(3, 4)),
    "five-eight": read_melody("G4 A4:1/2 B4 D4 E4:1/2 F#4 G4:5/2", metre=(5, 8)),
    "stops within a bar": read_melody("C5 B4 A4", key=Key(9, "minor")),
}


@pytest.fixture(scope="module")
def params():
    """Of a net that knows nothing: whatever it is asked, what it may not play is not its doing."""
    return melody_net(HEARD, 6, SYMBOLS, len(DURATIONS)).init(jax.random.key(3))


def bar_ends(said: Answer) -> list[int]:
    """Where the bar lines fall within the answer, in sixteenths from its start."""
    bar, start = said.frame.bar, said.frame.start
    return list(range((-start) % bar or bar, said.melody.length, bar))


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_laws_of_every_answer(params, name: str, seed: int) -> None:
    question = QUESTIONS[name]
    said = answer(params, question, bars=5, temperature=1.5, seed=seed)
    tune, bar = said.melody, said.frame.bar
    assert tune.length == 5 * bar
    ends = tune.onsets + tune.durations
    for line in bar_ends(said):
        assert not ((tune.onsets < line) & (ends > line)).any()
    np.testing.assert_array_equal(ends[:-1], tune.onsets[1:])  # no holes: none of these questions has a rest
    heard = {int(pitch) % 12 for pitch in question.pitches}
    assert {int(pitch) % 12 for pitch in tune.pitches} <= scale_of(said.frame.key) | heard
    assert int(tune.pitches[-1]) % 12 == said.frame.key.tonic
    assert tune.durations[-1] >= min(bar // 2, said.frame.start or bar)
    assert np.abs(np.diff(tune.pitches)).max() <= 12
    start = int(question.onsets[0]) + said.after
    assert (start - int(question.onsets[0]) + said.frame.start) % bar == said.frame.start


def test_the_same_seed_the_same_answer(params) -> None:
    one, again, other = (answer(params, QUESTIONS["four-four"], seed=seed).melody for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.pitches, again.pitches)
    np.testing.assert_array_equal(one.durations, again.durations)
    assert len(one.pitches) != len(other.pitches) or (one.pitches != other.pitches).any()


def test_a_transposed_question_has_the_transposed_answer(params) -> None:
    question = QUESTIONS["four-four"]
    one = answer(params, question, seed=5).melody
    moved = answer(params, transpose(question, 5), seed=5).melody
    np.testing.assert_array_equal(moved.pitches, one.pitches + 5)
    np.testing.assert_array_equal(moved.durations, one.durations)


def test_an_answer_is_as_long_as_its_question_and_follows_it(params) -> None:
    said = answer(params, QUESTIONS["four-four"])
    question, reply = said.in_time()
    assert said.melody.length == 32
    assert reply.onsets[0] == question.length == 32
    long = read_melody(" ".join(["C4:4"] * 80), key=Key(0))
    assert answer(params, long).melody.length == 64 * 16
    late = Melody(np.array([60, 62]), np.array([12, 16]), np.array([4, 16]), Key(0))
    said = answer(params, late)
    assert said.in_time()[0].onsets[0] == 0
    assert (12 + said.after) % 16 == 12  # with an upbeat like the question's


def test_rests_are_answered_with_rests_only_where_there_are_some(params) -> None:
    rested = read_melody("C4 R E4 R G4:2 R C4", key=Key(0))
    spans = [answer(params, rested, bars=16, temperature=5.0, seed=seed).melody for seed in (0, 1)]
    assert any(tune.durations.sum() < tune.length for tune in spans)
    assert all(tune.onsets[0] == 0 for tune in spans)


def test_a_note_takes_less_than_50_ms(params) -> None:
    answer(params, QUESTIONS["four-four"])  # compiles
    seconds = answer(params, QUESTIONS["four-four"], bars=16).seconds
    assert np.median(seconds) < 0.05


def test_what_cannot_be_answered_is_an_error(params) -> None:
    question = QUESTIONS["four-four"]
    with pytest.raises(ConfigError, match="temperature"):
        answer(params, question, temperature=0.0)
    for bars in (0, 65):
        with pytest.raises(ConfigError, match="bars wants 1 to 64"):
            answer(params, question, bars=bars)
    with pytest.raises(DataError, match="without notes"):
        answer(
            params,
            question._replace(pitches=np.zeros(0, int), onsets=np.zeros(0, int), durations=np.zeros(0, int)),
        )


def test_other_nets_are_no_partners(params) -> None:
    check_partner(params, "here")
    for other in ({}, {"layer_0": {}}, {"shortcut": {"weights": np.zeros((2, 2))}}):
        with pytest.raises(ConfigError, match="plays no melodies"):
            check_partner(other, "here")


def test_the_share_of_notes_in_a_key() -> None:
    assert share_in_key(read_melody("C4 D4 F#4 G4"), Key(0)) == 0.75
