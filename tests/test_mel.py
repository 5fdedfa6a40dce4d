from pathlib import Path

import jax
import numpy as np
import pytest

from nnjax.data.mel import log_mel, mel_filters, shift_and_gain
from nnjax.data.padding import pad
from nnjax.errors import ConfigError
from nnjax.types import Sequences

RECORDED = np.load(Path(__file__).parent / "oracles" / "mel.npz")
CASES = {"narrow": (8000, 40, 256, 128), "wide": (22050, 64, 512, 160, 50.0, 8000.0)}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_librosa(name, variant):
    rate, mels, window, *rest = CASES[name]
    np.testing.assert_allclose(
        mel_filters(rate, window, mels, *rest[1:]), RECORDED[f"{name}_filters"], atol=1e-7
    )
    computed = variant(lambda wave: log_mel(wave, *CASES[name]))(RECORDED["wave"])
    np.testing.assert_allclose(computed, RECORDED[name], atol=1e-4)


def test_a_tone_is_in_its_band():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
    loudest = np.asarray(log_mel(tone, 8000)).argmax(1)
    filters = mel_filters(8000, 256)
    assert set(loudest) == {int(filters[:, 32].argmax())}  # 1,000 Hz is frequency 32 of 256 samples


def test_ten_times_the_sound_is_twenty_decibels_more():
    wave = RECORDED["wave"]
    np.testing.assert_allclose(log_mel(10 * wave, 8000) - log_mel(wave, 8000), 20, atol=1e-3)


def test_sequences_give_the_frames_of_each_alone():
    sounds = [RECORDED["wave"][:length] for length in (3000, 256, 700, 100)]
    features = log_mel(pad(sounds), 8000)
    for row, sound in enumerate(sounds):
        alone = np.asarray(log_mel(sound, 8000))
        assert features.lengths[row] == len(alone)
        np.testing.assert_allclose(features.values[row, : len(alone)], alone, atol=1e-3)


def test_silence_is_the_floor():
    np.testing.assert_allclose(log_mel(np.zeros(1000, np.float32), 8000), -100, rtol=1e-6)


@pytest.mark.parametrize(
    "options", [{"mels": 0}, {"low": 5000.0}, {"high": 5000.0}, {"low": -1.0}, {"window": 1}, {"hop": 0}]
)
def test_sizes_that_do_not_fit_are_refused(options):
    with pytest.raises(ConfigError, match="wanted"):
        log_mel(np.zeros(1000, np.float32), 8000, **options)


def test_shifting_and_gain_by_their_law():
    sounds = pad([np.arange(1.0, 9.0), np.arange(1.0, 4.0), np.array([1.0])], 10)
    sounds = Sequences(sounds.values.astype(np.float32), sounds.lengths)
    change = jax.jit(lambda key: shift_and_gain(key, sounds, 3, 6.0))
    shifts, gains = [], []
    for seed in range(40):
        changed = change(jax.random.key(seed))
        for row, length in enumerate(sounds.lengths):
            moved = int(changed.lengths[row]) - length
            assert -3 <= moved <= 3
            assert 1 <= changed.lengths[row] <= 10
            values, original = np.asarray(changed.values[row]), sounds.values[row, :length]
            kept = original[max(-moved, 0) :]
            factor = values[max(moved, 0)] / kept[0]
            np.testing.assert_allclose(values[max(moved, 0) : length + moved], factor * kept, rtol=1e-5)
            assert not values[length + moved :].any()
            assert not values[: max(moved, 0)].any()
            shifts.append(moved)
            gains.append(20 * np.log10(factor))
    assert set(shifts) == {-3, -2, -1, 0, 1, 2, 3}
    assert -6.001 <= min(gains) < -4
    assert 4 < max(gains) <= 6.001


def test_no_shift_and_no_gain_change_nothing():
    sounds = pad([RECORDED["wave"][:50], RECORDED["wave"][:20]])
    same = shift_and_gain(jax.random.key(0), sounds, 0, 0.0)
    np.testing.assert_allclose(same.values, sounds.values, rtol=1e-6)
    np.testing.assert_array_equal(same.lengths, sounds.lengths)
    with pytest.raises(ConfigError, match="shift of at least 0"):
        shift_and_gain(jax.random.key(0), sounds, -1, 0.0)
