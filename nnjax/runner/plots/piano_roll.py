"""Melodies as a pianist's paper roll, and their sound as a spectrogram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnjax.data.melody import LETTERS, NAMES, SIXTEENTHS, Melody
from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, INK, figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WHITE = set(LETTERS.values())
CROTCHET = SIXTEENTHS // 4
MOST_NUMBERS = 32  # of bars
WINDOW = 2048  # samples of a spectrum
QUIETEST = -60.0  # decibels below the loudest
HIGHEST = 4000.0  # hertz


@figure_style()
def piano_roll_figure(melodies: Mapping[str, Melody], bar: int, start: int = 0, title: str = "") -> Figure:
    """Melodies on one roll: a bar for each note, bar lines, and the black keys shaded.

    Args:
        melodies: Name to melody, all on one clock.
        bar: Sixteenths in a bar.
        start: Where in its bar the clock starts, in sixteenths.
        title: What stands above.

    Raises:
        DataError: If there are no notes.
    """
    pitches = np.concatenate([np.zeros(0, int), *(tune.pitches for tune in melodies.values())])
    if not len(pitches):
        raise DataError("piano_roll_figure wants at least one note")
    low, high = int(pitches.min()) - 2, int(pitches.max()) + 2
    end = max(tune.length for tune in melodies.values())
    figure = new_figure(min(max(4.5, 0.055 * end + 1.2), 11), 1.3 + 0.115 * (high - low))
    axis = figure.subplots()
    _draw_keys(axis, low, high)
    for line in range(-start % bar, end + 1, bar):
        axis.axvline(line, color=GREY, linewidth=0.9, zorder=1.5)
    for index, (name, tune) in enumerate(melodies.items()):
        style = look(index)
        axis.barh(
            tune.pitches, np.maximum(tune.durations - 0.25, 0.5), left=tune.onsets, height=0.82,
            color=style.color, edgecolor=INK, linewidth=0.5, zorder=3, label=name,
            hatch="////" if index % 2 else None,
        )  # fmt: skip
    bars = np.arange(-start % bar, end, bar)
    every = -(-len(bars) // MOST_NUMBERS)
    axis.set_xticks(bars[::every], [str(number) for number in range(1, len(bars) + 1, every)])
    axis.set(xlim=(-0.5, end + 0.5), ylim=(low - 0.5, high + 0.5), xlabel="bar")
    axis.set_title(title, pad=22)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(melodies), borderpad=0.1)
    return figure


@figure_style()
def expected_roll_figure(sounds: np.ndarray, expected: np.ndarray, lowest: int) -> Figure:
    """A piano roll, and how probable each of its frames was held before it sounded.

    Args:
        sounds: Zeros and ones [T, K].
        expected: Probabilities [T, K].
        lowest: The MIDI pitch of key 0.

    Raises:
        DataError: If the shapes differ, or nothing sounds.
    """
    if sounds.shape != expected.shape or sounds.ndim != 2 or not sounds.any():
        raise DataError(f"wanted a roll and probabilities [T, K], got {sounds.shape} and {expected.shape}")
    keys = np.flatnonzero(sounds.any(axis=0))
    low, high = max(int(keys[0]) - 2, 0), min(int(keys[-1]) + 3, sounds.shape[1])
    figure = new_figure(8.2, 5.2)
    axes = figure.subplots(2, 1, sharex=True)
    extent = (0, len(sounds), lowest + low - 0.5, lowest + high - 0.5)
    titles = ("what sounds", "what was expected, before it sounded")
    for axis, values, title in zip(axes, (sounds, expected), titles, strict=True):
        image = axis.imshow(
            values[:, low:high].T, origin="lower", aspect="auto", extent=extent, cmap="Blues", vmin=0, vmax=1,
            interpolation="nearest",
        )  # fmt: skip
        named = [pitch for pitch in range(lowest + low, lowest + high) if pitch % 12 in (0, 7)]
        axis.set_yticks(named, [f"{NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in named])
        axis.set_title(title)
        axis.grid(False)
    axes[1].set_xlabel("frame")
    figure.colorbar(image, ax=list(axes), label="probability", pad=0.01)
    return figure


def _draw_keys(axis: Axes, low: int, high: int) -> None:
    """Shades the black keys and names the Cs, and some others where there is only one."""
    for pitch in range(low, high + 1):
        if pitch % 12 not in WHITE:
            axis.axhspan(pitch - 0.5, pitch + 0.5, color="#f0f0f0", linewidth=0, zorder=0)
        if pitch % 12 == 0:
            axis.axhline(pitch - 0.5, color=FAINT, linewidth=0.8, zorder=1)
    named = [pitch for pitch in range(low, high + 1) if pitch % 12 in (0, 4, 7, 9)]
    axis.set_yticks(named, [f"{NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in named])
    axis.grid(False)


@figure_style()
def spectrogram_figure(samples: np.ndarray, rate: int, title: str = "") -> Figure:
    """Which frequencies sound when: the short-time Fourier transform's magnitude in decibels.

    Args:
        samples: The sound [T], of at least 2,048 samples.
        rate: Samples in a second.
        title: What stands above.

    Raises:
        DataError: If the sound is too short, or silent.
    """
    samples = np.asarray(samples, np.float64)
    if samples.ndim != 1 or len(samples) < WINDOW or not np.abs(samples).max() > 0:
        raise DataError(f"spectrogram_figure wants a sound of at least {WINDOW} samples, got {samples.shape}")
    hop = max(WINDOW // 4, len(samples) // 900)
    starts = np.arange(0, len(samples) - WINDOW + 1, hop)
    frames = samples[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    spectra = np.abs(np.fft.rfft(frames, axis=1))
    hertz = np.fft.rfftfreq(WINDOW, 1 / rate)
    shown = hertz <= HIGHEST
    decibels = 20 * np.log10(np.maximum(spectra[:, shown] / spectra.max(), 10 ** (QUIETEST / 20)))
    figure = new_figure(8.0, 3.4)
    axis = figure.subplots()
    extent = (0, (starts[-1] + WINDOW) / rate, 0, float(hertz[shown][-1]))
    image = axis.imshow(
        decibels.T, origin="lower", aspect="auto", extent=extent, cmap="magma", interpolation="nearest",
        vmin=QUIETEST, vmax=0,
    )  # fmt: skip
    axis.set(title=title, xlabel="seconds", ylabel="hertz")
    axis.grid(False)
    figure.colorbar(image, ax=axis, label="decibels", pad=0.01)
    return figure
