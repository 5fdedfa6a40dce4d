import numpy as np
import pytest

from nnjax import load, load_splits
from nnjax.data.checks import check_splits
from nnjax.data.mel import log_mel
from nnjax.data.spoken import read_spoken, split_spoken, spoken_features
from nnjax.data.wav import write_wav
from nnjax.errors import ConfigError, DamagedError, DataError

SPEAKERS = {"ann": 200.0, "bob": 120.0, "eve": 260.0, "joe": 100.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sounds that stand for words: two tones of the word's own, with the pitch of the speaker's voice."""
    folder = tmp_path_factory.mktemp("spoken")
    rng = np.random.default_rng(0)
    for word, tones in {"one": (500, 900), "two": (350, 1800), "ten": (700, 2300)}.items():
        for speaker, pitch in SPEAKERS.items():
            for take in range(3):
                time = np.arange(2400 + 200 * take) / 16000
                sound = sum(np.sin(2 * np.pi * tone * time) for tone in (pitch, *tones)) / 6
                write_wav(
                    folder / f"{word}_{speaker}_{take}.wav", sound + rng.normal(0, 0.01, len(time)), 16000
                )
    return folder


def test_names_say_the_word_and_the_speaker(folder):
    spoken = read_spoken(folder)
    assert (spoken.dataset.classes, spoken.names) == (("one", "ten", "two"), ("ann", "bob", "eve", "joe"))
    np.testing.assert_array_equal(spoken.dataset.targets, np.repeat([0, 1, 2], 12))
    np.testing.assert_array_equal(spoken.speakers[:12], np.repeat([0, 1, 2, 3], 3))
    np.testing.assert_array_equal(spoken.dataset.inputs.lengths[:3], [1200, 1300, 1400])  # 8,000 a second


def test_parts_by_file_and_by_speaker(folder):
    spoken = read_spoken(folder)
    by_file = split_spoken(spoken, 6, 9, seed=1)
    check_splits(by_file)
    np.testing.assert_array_equal(np.bincount(by_file.test.targets), [3, 3, 3])
    by_speaker = split_spoken(spoken, 1, 1, by="speaker", seed=1)
    check_splits(by_speaker)
    assert [len(part) for part in by_speaker[:3]] == [18, 9, 9]
    voices = []
    for part in by_speaker[:3]:
        rows = [
            np.flatnonzero((spoken.dataset.inputs.values == wave).all(1))[0] for wave in part.inputs.values
        ]
        voices.append(set(spoken.speakers[rows].tolist()))
    assert [len(one) for one in voices] == [2, 1, 1]
    assert len(set.union(*voices)) == 4
    with pytest.raises(ConfigError, match="by='file' or by='speaker', got 'word'"):
        split_spoken(spoken, by="word")
    with pytest.raises(ConfigError):
        split_spoken(spoken, 2, 2, by="speaker")


def test_a_folder_loads_as_spectrograms(folder):
    dataset = load(folder)
    sound = read_spoken(folder).dataset.inputs
    alone = np.asarray(log_mel(sound.values[4, : sound.lengths[4]], 8000))
    assert dataset.inputs.lengths[4] == len(alone)
    np.testing.assert_allclose(dataset.inputs.values[4, : len(alone)], alone, atol=1e-3)
    assert not dataset.inputs.values[4, len(alone) :].any()
    check_splits(load_splits(folder, test=0.25, rate=16000, mels=20))


def test_endings_may_be_capitals(tmp_path):
    write_wav(tmp_path / "one_ann_0.WAV", np.zeros(800), 8000)
    assert load(tmp_path).classes == ("one",)


def test_blocks_make_no_difference(folder, monkeypatch):
    dataset = read_spoken(folder).dataset
    whole = spoken_features(dataset, 8000, mels=8)
    monkeypatch.setattr("nnjax.data.spoken.BLOCK", 7)
    parts = spoken_features(dataset, 8000, mels=8)
    np.testing.assert_allclose(parts.inputs.values, whole.inputs.values, atol=1e-3)
    np.testing.assert_array_equal(parts.inputs.lengths, whole.inputs.lengths)


@pytest.mark.parametrize("name", ["seven.wav", "seven_ann.wav", "seven_ann_1_2.wav", "_ann_1.wav"])
def test_other_names_are_refused(tmp_path, name):
    write_wav(tmp_path / name, np.zeros(100), 8000)
    with pytest.raises(DataError, match=rf"{name}: wanted a name such as seven_anna_0\.wav"):
        read_spoken(tmp_path)


def test_damaged_long_and_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match="no WAV files"):
        read_spoken(tmp_path)
    with pytest.raises(DataError, match="no WAV files"):
        read_spoken(tmp_path / "none")
    write_wav(tmp_path / "a_b_0.wav", np.zeros(100), 8000)
    write_wav(tmp_path / "a_b_1.wav", np.zeros(31 * 8000), 8000)
    with pytest.raises(DataError, match=r"a_b_1\.wav: 31 s; a word lasts 30 s"):
        read_spoken(tmp_path)
    (tmp_path / "a_b_1.wav").write_bytes(b"RIFF")
    with pytest.raises(DamagedError, match=r"a_b_1\.wav"):
        read_spoken(tmp_path)
