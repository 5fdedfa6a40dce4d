"""Log-mel spectrograms: how loud each band of frequencies is, moment by moment, as the ear hears it.

    power = |FFT(window * frame)|^2,  mel = filters @ power,  out = 10 log10(max(mel, 1e-10))  dB

The bands are triangles of area 1 and of equal width in mels, a scale that is linear below 1,000 Hz and
logarithmic above (Slaney, "Auditory toolbox", 1998,
https://engineering.purdue.edu/~malcolm/interval/1998-010/).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.types import Sequences

FLOOR = 1e-10
LINEAR_HZ, LINEAR_MELS = 1000.0, 15.0
MELS_A_LOG = 27.0 / np.log(6.4)


def log_mel(
    waves: Any,
    rate: int,
    mels: int = 40,
    window: int | None = None,
    hop: int | None = None,
    low: float = 0.0,
    high: float | None = None,
) -> Any:
    """The log-mel spectrogram of sounds.

    Args:
        waves: Samples [..., T]; or `Sequences` [N, T], whose lengths become those of their frames.
        rate: Samples in a second (static).
        mels: D, how many bands (static).
        window: Samples in a frame; None for 32 ms (static).
        hop: Samples from one frame to the next; None for 16 ms (static).
        low: Where the lowest band starts, in Hz (static).
        high: Where the highest band ends, in Hz; None for half of `rate` (static).

    Returns:
        Decibels [..., F, D] of F = 1 + floor((T - window) / hop) frames, at least 1; frame f is the samples
        from f hop on, and zeros after the end. Of Sequences, Sequences.

    Raises:
        ConfigError: If a size does not fit.

    >>> log_mel(jnp.zeros(8000), 8000).shape
    (61, 40)
    """
    window = round(0.032 * rate) if window is None else window
    hop = round(0.016 * rate) if hop is None else hop
    if window < 2 or hop < 1:
        raise ConfigError(
            f"wanted a window of at least 2 samples and a hop of at least 1, got {window} and {hop}"
        )
    if isinstance(waves, Sequences):
        values = log_mel(waves.values, rate, mels, window, hop, low, high)
        return Sequences(values, 1 + jnp.maximum(jnp.asarray(waves.lengths) - window, 0) // hop)
    filters = mel_filters(rate, window, mels, low, high)
    waves = jnp.asarray(waves)
    frames = 1 + max(waves.shape[-1] - window, 0) // hop
    missing = max(window + (frames - 1) * hop - waves.shape[-1], 0)
    waves = jnp.pad(waves, [(0, 0)] * (waves.ndim - 1) + [(0, missing)])
    places = np.arange(frames)[:, None] * hop + np.arange(window)
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)
    shape = (1,) * waves.ndim + (window,)
    power = jnp.square(jnp.abs(jnp.fft.rfft(waves[..., places] * hann.reshape(shape))))
    return 10 * jnp.log10(jnp.maximum(power @ filters.T, FLOOR))


def mel_filters(
    rate: int, window: int, mels: int = 40, low: float = 0.0, high: float | None = None
) -> np.ndarray:
    """The bands: float32 [D, 1 + window // 2], the weight of each frequency of the FFT in each band.

    Raises:
        ConfigError: If there is no room for the bands between `low` and `high`.
    """
    high = rate / 2 if high is None else high
    if not 0 <= low < high <= rate / 2 or mels < 1:
        raise ConfigError(
            f"wanted mels >= 1 bands with 0 <= low < high <= {rate / 2:g}, got {mels}, {low}, {high}"
        )
    frequencies = np.arange(1 + window // 2) * rate / window
    corners = _hz(np.linspace(_mels(low), _mels(high), mels + 2))
    below, centre, above = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (frequencies - below) / (centre - below), (above - frequencies) / (above - centre)
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (above - below)
    return triangles.astype(np.float32)


def shift_and_gain(key: Any, waves: Sequences, shift: int, gain: Any) -> Sequences:
    """Each sound a little earlier or later, and louder or softer: the augmentation of speech.

    Args:
        key: A key; each sound draws its own.
        waves: Sequences [N, T].
        shift: The most samples, drawn evenly from -shift to shift (static). Later puts silence before the
            sound, as far as there is room in T; earlier cuts its start, but never all of it.
        gain: The most decibels, drawn evenly from -gain to gain.

    Returns:
        Sequences of the same shape, with the lengths that result; zeros in the padding.

    Raises:
        ConfigError: If `shift` is negative.
    """
    if shift < 0:
        raise ConfigError(f"wanted a shift of at least 0 samples, got {shift}")

    def one(key, wave, length):
        moved_key, gain_key = jax.random.split(key)
        size = wave.shape[0]
        moved = jax.random.randint(moved_key, (), -shift, shift + 1)
        moved = jnp.clip(moved, 1 - length, size - length)
        decibels = jax.random.uniform(gain_key, (), minval=-1.0, maxval=1.0) * gain
        places = jnp.arange(size) - moved
        sounds = (places >= 0) & (places < length)
        wave = jnp.where(sounds, wave[jnp.clip(places, 0, size - 1)] * 10 ** (decibels / 20), 0.0)
        return wave, length + moved

    values, lengths = jnp.asarray(waves.values), jnp.asarray(waves.lengths)
    return Sequences(*jax.vmap(one)(jax.random.split(key, len(lengths)), values, lengths))


def _mels(hz: float) -> float:
    if hz < LINEAR_HZ:
        return hz * LINEAR_MELS / LINEAR_HZ
    return LINEAR_MELS + MELS_A_LOG * float(np.log(hz / LINEAR_HZ))


def _hz(mels: np.ndarray) -> np.ndarray:
    linear, above = mels * LINEAR_HZ / LINEAR_MELS, np.maximum(mels - LINEAR_MELS, 0)
    return np.where(mels < LINEAR_MELS, linear, LINEAR_HZ * np.exp(above / MELS_A_LOG))
