"""The synthesiser: the frequencies that it should have, at the times that it should have them."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.data.melody import melody
from nnjax.data.synthesiser import PLUCKED, RATE, Voice, frequency, synthesise, tone
from nnjax.errors import ConfigError, DataError


def strongest(samples: np.ndarray) -> float:
    """The hertz of the largest peak."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()])


def test_each_note_sounds_at_its_pitch_and_its_time() -> None:
    tune = melody([69, -1, 60], [8, 4, 8], tempo=60.0)  # seconds 0 to 2, 3 to 5
    sound = synthesise(tune)
    assert abs(strongest(sound[: 2 * RATE]) - 440) < 1
    assert abs(strongest(sound[3 * RATE : 5 * RATE]) - frequency(60)) < 1
    assert np.abs(sound[int(2.2 * RATE) : 3 * RATE]).max() < 1e-6
    assert len(sound) == pytest.approx(5.4 * RATE, abs=2)
    assert np.abs(sound).max() == pytest.approx(0.8)


def test_partials_have_their_loudness() -> None:
    flat = Voice((1.0, 0.5), attack=1e-6, decay=1e9, release=1e-6)
    wave = tone(69, 1.0, flat)[:RATE]
    spectrum = 2 * np.abs(np.fft.rfft(wave)) / RATE
    assert spectrum[440] == pytest.approx(1.0, abs=0.01)
    assert spectrum[880] == pytest.approx(0.5, abs=0.01)
    assert spectrum[1320] < 0.01


def test_a_note_swells_and_ends_without_a_click() -> None:
    wave = tone(60, 0.5, PLUCKED)
    assert abs(wave[0]) < 1e-9
    assert abs(wave[-1]) < 1e-2
    assert np.abs(wave[: RATE // 10]).max() > 2 * np.abs(wave[-RATE // 10 :]).max()


def test_harmonics_above_half_the_rate_are_left_out() -> None:
    high = tone(127, 0.2, Voice((0.0, 1.0), 0.001, 1.0, 0.01))  # its second harmonic lies at 25 kHz
    assert not high.any()


def test_what_cannot_be_played_is_an_error() -> None:
    with pytest.raises(DataError, match="wanted notes"):
        synthesise()
    with pytest.raises(DataError, match="wanted notes"):
        synthesise(melody([60], [1024], tempo=1.0)._replace(onsets=np.array([100_000])))
    with pytest.raises(ConfigError, match="wanted a voice"):
        synthesise(melody([60], [4]), voices=())
