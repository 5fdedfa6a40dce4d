"""The style of the figures: told apart by everybody, put on and taken off, the same file every time."""

from __future__ import annotations

import itertools
import threading

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from nnjax.errors import StorageError
from nnjax.runner.plots.style import COLOURS, DPI, _spread, figure_style, label_lines, look, new_figure, save


@figure_style()
def two_lines():
    figure = new_figure(4, 3)
    axis = figure.subplots()
    axis.plot([0, 1], [0.0, 0.50])
    axis.plot([0, 1], [1.0, 0.51])
    label_lines(axis, [(0.50, "lower", "#0072B2"), (0.51, "upper", "#D55E00")])
    return figure


def test_the_same_figure_is_the_same_file(tmp_path):
    one, two = (save(two_lines(), tmp_path / name).read_bytes() for name in ("one.png", "two.png"))
    assert one == two
    assert b"Software" not in one
    assert b"tIME" not in one
    with Image.open(tmp_path / "one.png") as image:
        assert image.size == (4 * DPI, 3 * DPI)


def test_a_users_settings_change_no_figure_and_come_back(tmp_path):
    before = save(two_lines(), tmp_path / "before.png").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "lines.linewidth": 9}):
        assert save(two_lines(), tmp_path / "after.png").read_bytes() == before
        assert matplotlib.rcParams["font.size"] == 30


def test_figures_from_several_threads_are_the_same(tmp_path):
    expected = save(two_lines(), tmp_path / "main.png").read_bytes()
    size = matplotlib.rcParams["font.size"]
    found = []
    threads = [
        threading.Thread(
            target=lambda i=i: found.append(save(two_lines(), tmp_path / f"{i}.png").read_bytes())
        )
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
    assert matplotlib.rcParams["font.size"] == size


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"cannot write the figure .*missing/a\.png: No such file"):
        save(two_lines(), tmp_path / "missing" / "a.png")


def test_the_first_series_differ_in_colour_line_and_marker():
    looks = [look(i) for i in range(6)]
    for signs in zip(*looks, strict=True):
        assert len(set(signs)) == 6
    assert look(8).color == look(0).color


# Machado, Oliveira and Fernandes 2009, https://doi.org/10.1109/TVCG.2009.113: what is seen, in linear RGB.
SEEN = {
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "all colours": np.eye(3).tolist(),
}


@pytest.mark.parametrize("vision", SEEN)
def test_the_colours_stay_apart_in_every_vision(vision):
    """CIELAB distance above 15 between any two, where 2.3 is just noticeable."""
    colours = [_lab(np.array(SEEN[vision]) @ _linear(np.array(to_rgb(colour)))) for colour in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(colours, 2)) > 15


def _linear(colour: np.ndarray) -> np.ndarray:
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        linear, 0, 1
    )
    f = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 0.00886))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_labels_beside_lines_keep_their_order_and_their_distance():
    figure = two_lines()
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    assert set(texts) == {"lower", "upper"}
    assert texts["upper"].xy[1] - texts["lower"].xy[1] == pytest.approx(0.075)
    assert texts["upper"].get_color() == "#D55E00"


def test_spread_moves_as_little_as_it_must():
    assert _spread([0.2, 0.8], 0.1) == pytest.approx([0.2, 0.8])
    assert _spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    # Three that crowd and one far away, in another order than they stand.
    assert _spread([0.52, 0.9, 0.50, 0.51], 0.1) == pytest.approx([0.61, 0.9, 0.41, 0.51])
