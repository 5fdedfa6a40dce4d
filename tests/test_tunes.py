import os
from fractions import Fraction

import numpy as np
import pytest

from nnjax.data import tunes
from nnjax.data.melody import find_key, melody, transpose
from nnjax.data.tunes import load_tunes, split_tunes
from nnjax.errors import ConfigError, DamagedError, DataError

NEEDS_DATA = pytest.mark.skipif(
    "NNJAX_TEST_DATA" not in os.environ, reason="needs $NNJAX_TEST_DATA, a folder of the sets"
)


def test_the_tunes_that_travel_along_are_whole():
    own = load_tunes()
    assert len(own) == 52
    assert len({tune.title for tune in own}) == 52
    for tune in own:
        upbeat = Fraction(tune.length, tune.bar)
        assert upbeat.denominator == 1 or tune.title == "The harvest home", f"{tune.title}: {upbeat} bars"
        assert 15 <= len(tune.pitches) <= 300
        assert tune.pitches.min() >= 53
        assert tune.pitches.max() <= 84
        assert np.abs(np.diff(tune.pitches)).max() <= 16, tune.title


def test_their_keys_are_those_that_they_sound_in():
    own = load_tunes()
    agree = [find_key(tune).tonic == tune.key.tonic for tune in own]
    assert np.mean(agree) > 0.8


def test_two_tunes_by_hand():
    own = {tune.title: tune for tune in load_tunes()}
    joy = own["Ode to joy"]
    assert joy.pitches[:15].tolist() == [66, 66, 67, 69, 69, 67, 66, 64, 62, 62, 64, 66, 66, 64, 64]
    assert joy.durations[:15].tolist() == [4] * 12 + [6, 2, 8]
    assert len(own["The Irish washerwoman"].pitches) == 192  # both parts are repeated


def test_parts_share_no_title():
    many = [transpose(tune, step) for tune in load_tunes() for step in range(3)]
    train, valid, test = split_tunes(many, 0.1, 0.2, seed=1)
    assert (len(train), len(valid), len(test)) == (37 * 3, 5 * 3, 10 * 3)
    titles = [{tune.title for tune in part} for part in (train, valid, test)]
    assert sum(len(one) for one in titles) == len(set.union(*titles)) == 52
    again = split_tunes(many, 0.1, 0.2, seed=1)[2]
    assert [tune.title for tune in test] == [tune.title for tune in again]
    with pytest.raises(ConfigError, match="not enough"):
        split_tunes([melody([60], [4])], 0.5, 0.6)


def test_a_book_must_be_the_one_that_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path))
    (tmp_path / "ryans").mkdir()
    (tmp_path / "ryans" / "ryans.abc").write_text("X:1\nK:C\nC")
    with pytest.raises(DamagedError, match=r"ryans\.abc: its content has"):
        load_tunes("ryans")
    assert len(load_tunes("ryans", tmp_path / "ryans")) == 1
    assert len(load_tunes(tmp_path / "ryans" / "ryans.abc")) == 1


def test_nowhere_to_be_found(tmp_path, monkeypatch):
    for name in ("NNJAX_CACHE", "NNJAX_DATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    monkeypatch.setattr(
        tunes, "Wheel", lambda name, *more: tunes.search.Wheel("nnjax-no-such-package", *more)
    )
    with pytest.raises(DataError, match=r"(?s)oneills is not on this machine.*pip install.*OFFLINE"):
        load_tunes("oneills")
    with pytest.raises(DataError, match="no collection of that name: tunes, oneills, ryans, airds"):
        load_tunes("onells")


@NEEDS_DATA
@pytest.mark.parametrize(("name", "count"), [("oneills", 2006), ("ryans", 1036), ("airds", 1176)])
def test_the_books(monkeypatch, name, count):
    monkeypatch.setenv("NNJAX_DATA", os.environ["NNJAX_TEST_DATA"])
    book = load_tunes(name)
    assert len(book) == count
    lengths = np.array([len(tune.pitches) for tune in book])
    assert np.median(lengths) > 100
