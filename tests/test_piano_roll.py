"""The roll has each note at its place; the spectrogram is brightest where a tone sounds."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.data.melody import melody
from nnjax.errors import DataError
from nnjax.runner import plots


def test_every_note_is_at_its_place() -> None:
    question, reply = melody([60, 64], [4, 8]), melody([67], [4])
    reply = reply._replace(onsets=reply.onsets + 12)
    axis = plots.piano_roll_figure({"question": question, "answer": reply}, bar=16).axes[0]
    boxes = [patch.get_bbox() for patch in axis.patches if abs(patch.get_height() - 0.82) < 1e-6]
    found = [(box.x0, box.x1, (box.y0 + box.y1) / 2) for box in boxes]
    assert found == [(0, 3.75, 60), (4, 11.75, 64), (12, 15.75, 67)]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["question", "answer"]


def test_bar_lines_are_moved_by_the_upbeat() -> None:
    axis = plots.piano_roll_figure({"a": melody([60] * 9, [4] * 9)}, bar=16, start=12).axes[0]
    assert axis.get_xticks().tolist() == [4, 20]
    axis = plots.piano_roll_figure({"a": melody([60] * 100, [16] * 100)}, bar=16).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()][:3] == ["1", "5", "9"]  # 32 at most


def test_the_spectrogram_is_brightest_at_the_tone() -> None:
    rate = 8000
    time = np.arange(2 * rate) / rate
    sound = np.where(time < 1, np.sin(2 * np.pi * 500 * time), np.sin(2 * np.pi * 1500 * time))
    image = plots.spectrogram_figure(sound, rate).axes[0].images[0]
    decibels, (_, _, low, high) = image.get_array(), image.get_extent()
    hertz = np.linspace(low, high, len(decibels))
    assert abs(hertz[decibels[:, 2].argmax()] - 500) < 8
    assert abs(hertz[decibels[:, -3].argmax()] - 1500) < 8


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(DataError, match="at least one note"):
        plots.piano_roll_figure({}, bar=16)
    for sound in (np.zeros(10), np.zeros(4096)):
        with pytest.raises(DataError, match="wants a sound"):
            plots.spectrogram_figure(sound, 8000)


def test_the_expected_roll_stands_under_the_true_one() -> None:
    sounds = np.zeros((6, 88), np.uint8)
    sounds[:, 39] = 1  # C4
    expected = np.full((6, 88), 0.25)
    figure = plots.expected_roll_figure(sounds, expected, lowest=21)
    true, guess = (axis.images[0].get_array() for axis in figure.axes[:2])
    assert true.sum() == 6
    assert (guess == 0.25).all()
    low = figure.axes[0].images[0].get_extent()[2]
    assert true[:, 0].argmax() + low + 0.5 == 60
    with pytest.raises(DataError, match="wanted a roll"):
        plots.expected_roll_figure(sounds, expected[:3], lowest=21)
