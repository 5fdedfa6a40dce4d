import os

import numpy as np
import pytest

from nnjax import load_splits
from nnjax.data.checks import check_splits
from nnjax.data.chorales import jsb_chorales, jsb_voice, read_chorales
from nnjax.data.ngrams import fit_ngram, ngram_nats
from nnjax.errors import ConfigError, DamagedError

NEEDS_DATA = pytest.mark.skipif(
    "NNJAX_TEST_DATA" not in os.environ, reason="needs $NNJAX_TEST_DATA, a folder of the sets"
)
PIECE = np.repeat(np.array([[74, 70, 65, 58], [75, np.nan, 65, 55], [74, 70, 62, 58]], np.float16), 4, 0)


def write(folder, **parts):
    """A file in the form of the published one, with a few pieces."""
    arrays = {}
    for name in ("train", "valid", "test"):
        pieces = parts.get(name, [PIECE])
        arrays[name] = np.empty(len(pieces), object)
        arrays[name][:] = pieces
    folder.mkdir(exist_ok=True)
    np.savez(folder / "Jsb16thSeparated.npz", **arrays)
    return folder


def test_quarters_as_rolls_and_the_soprano_at_sixteenths(tmp_path):
    folder = write(tmp_path / "own", test=[PIECE, np.concatenate([PIECE, PIECE])])
    rolls = jsb_chorales("test", folder)
    assert rolls.inputs.values.shape == (2, 5, 88)
    sounding = [
        np.flatnonzero(frame) + 21 for frame in (rolls.inputs.values[0, 0], *rolls.targets.values[0, :2])
    ]
    assert [keys.tolist() for keys in sounding] == [[58, 65, 70, 74], [55, 65, 75], [58, 62, 70, 74]]
    soprano = jsb_voice("train", folder)
    assert soprano.classes == ("rest", "74", "75")
    np.testing.assert_array_equal(soprano.inputs.values[0, :11], [1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1])
    np.testing.assert_array_equal(soprano.targets.values[0, :11], [1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1])
    assert jsb_voice("train", folder, "alto").targets.values[0, 3] == 0
    check_splits(load_splits("jsb_chorales", path=folder))


def test_the_common_key_ends_on_c(tmp_path):
    folder = write(tmp_path / "own")
    soprano = jsb_voice("train", folder, common_key=True)
    assert soprano.classes == ("rest", "76", "77")  # from B flat up a tone
    rolls = jsb_chorales("train", folder, common_key=True)
    assert (np.flatnonzero(rolls.targets.values[0, 1]) + 21).tolist() == [60, 64, 72, 76]


@pytest.mark.parametrize(
    "piece", [PIECE[:, :3], PIECE[:2], np.where(PIECE == 74, np.inf, PIECE)], ids=["three", "short", "inf"]
)
def test_what_is_no_chorale_is_refused(tmp_path, piece):
    with pytest.raises(DamagedError, match="valid, chorale 1: wanted pitches"):
        read_chorales(write(tmp_path / "own", valid=[PIECE, piece]))


def test_a_file_of_that_name_must_be_the_published_one(tmp_path, monkeypatch):
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path))
    write(tmp_path / "jsb_chorales")
    with pytest.raises(DamagedError, match=r"Jsb16thSeparated\.npz: its content has the SHA-256"):
        jsb_chorales()


def test_other_parts_and_voices_are_refused():
    with pytest.raises(ConfigError, match="train, valid, test; got 'dev'"):
        jsb_chorales("dev")
    with pytest.raises(ConfigError, match="soprano, alto, tenor, bass; got 'violin'"):
        jsb_voice("train", voice="violin")


@NEEDS_DATA
def test_the_published_set(monkeypatch):
    monkeypatch.setenv("NNJAX_DATA", os.environ["NNJAX_TEST_DATA"])
    parts = load_splits("jsb_chorales")
    check_splits(parts)
    assert [len(part) for part in parts[:3]] == [229, 76, 77]
    assert [int(part.targets.lengths.sum()) for part in parts[:3]] == [13578, 4526, 4648]
    train, _, test = load_splits("jsb_soprano")[:3]
    real = np.arange(639) < test.inputs.lengths[:, None]
    assert (test.inputs.values == test.targets.values)[real].mean() == pytest.approx(0.80, abs=0.005)
    six = ngram_nats(fit_ngram(train.targets, 6, len(train.classes)), test.targets)
    assert six.mean() == pytest.approx(0.6766, abs=1e-3)
