import os
import shutil

import numpy as np
import pytest

from nnjax import load_splits
from nnjax.data import vowels
from nnjax.data.checks import check_splits
from nnjax.data.vowels import japanese_vowels
from nnjax.errors import ConfigError, DamagedError, DataError


def write_publishers(folder):
    """The publisher's two files: lengths tell the place of an utterance, values its speaker."""
    folder.mkdir()
    for part, counts in vowels.UTTERANCES.items():
        blocks = []
        for speaker, count in enumerate(counts):
            for place in range(count):
                row = " ".join([f"{speaker}.5"] * 12)
                blocks.append("\n".join([row] * (7 + place % 23)))
        (folder / f"ae.{part}").write_text("\n\n".join(blocks) + "\n\n")
    return folder


def test_the_publishers_form_is_read_with_its_speakers_in_order(nowhere):
    folder = write_publishers(nowhere / "own")
    test = japanese_vowels("test", folder)
    np.testing.assert_array_equal(test.inputs.values[:, 0, 0], test.targets + 0.5)
    np.testing.assert_array_equal(np.bincount(test.targets), [31, 35, 88, 44, 29, 24, 40, 50, 29])
    assert test.inputs.values.shape == (370, 29, 12)
    np.testing.assert_array_equal(test.inputs.lengths[:3], [7, 8, 9])
    parts = load_splits("japanese_vowels", valid=0.2, path=folder)
    check_splits(parts)
    assert [len(part) for part in parts[:3]] == [216, 54, 370]
    np.testing.assert_array_equal(np.bincount(parts.valid.targets), [6] * 9)


@pytest.mark.parametrize(("old", "new"), [("0.5 0.5", "0.5"), ("0.5", "x"), ("\n\n", "\n")])
def test_a_publishers_file_that_is_cut_is_refused(nowhere, old, new):
    folder = write_publishers(nowhere / "own")
    text = (folder / "ae.train").read_text()
    (folder / "ae.train").write_text(text.replace(old, new, 1))
    with pytest.raises(DamagedError, match=r"ae\.train"):
        japanese_vowels("train", folder)


def test_a_file_under_the_sets_name_must_be_the_published_one(nowhere):
    folder = nowhere / "data" / "japanese_vowels"
    folder.mkdir(parents=True)
    for file in vowels.FILES.values():
        (folder / file.name).write_text("@data\n1:1\n")
    with pytest.raises(DamagedError, match=r"JapaneseVowels_TRAIN.ts: .*68a430eabd91.* was wanted"):
        japanese_vowels()
    with pytest.raises(DataError, match="wanted 12 channels"):
        japanese_vowels(path=folder)


def test_nowhere_to_be_found_names_every_way(nowhere, monkeypatch):
    monkeypatch.setattr(vowels, "WHEEL", vowels.WHEEL._replace(package="nnjax-no-such-package"))
    ways = (
        r"(?s)not on this machine.*path=FOLDER.*NNJAX_DATA/japanese_vowels.*the cache.*pip install.*OFFLINE"
    )
    with pytest.raises(DataError, match=ways):
        japanese_vowels()
    with pytest.raises(ConfigError, match="'train' or 'test', got 'valid'"):
        japanese_vowels("valid")


@pytest.mark.skipif(
    "NNJAX_TEST_DATA" not in os.environ, reason="needs $NNJAX_TEST_DATA, a folder of the sets"
)
def test_the_published_files(nowhere):
    shutil.copytree(os.environ["NNJAX_TEST_DATA"] + "/japanese_vowels", nowhere / "data" / "japanese_vowels")
    train, test = japanese_vowels(), japanese_vowels("test")
    assert (len(train), len(test)) == (270, 370)
    np.testing.assert_array_equal(np.bincount(train.targets), [30] * 9)
    np.testing.assert_array_equal(np.bincount(test.targets), vowels.UTTERANCES["test"])
    assert (train.inputs.lengths.min(), test.inputs.lengths.max()) == (7, 29)
    np.testing.assert_allclose(train.inputs.values[0, 0, :3], [1.860936, -0.207383, 0.261557])
