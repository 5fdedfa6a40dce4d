"""GIFs: as many frames as asked for, each what was drawn, on white paper."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nnjax.errors import ConfigError
from nnjax.runner import plots


def animate(frames: int, **options: float) -> bytes:
    figure = plots.new_figure(2.0, 1.5)
    axis = figure.subplots()

    def draw(index: int) -> None:
        axis.clear()
        axis.set_title(f"frame {index}")
        axis.fill_between([0, 1], 0, [index + 1, index + 1], color="#0072B2", linewidth=0)
        axis.set_ylim(0, 4)

    return plots.gif(figure, draw, frames, **options)


def blue(frame: np.ndarray) -> float:
    return float((np.abs(frame.astype(int) - [0x00, 0x72, 0xB2]).max(axis=2) < 8).mean())


def test_every_frame_shows_its_own_drawing() -> None:
    with Image.open(io.BytesIO(animate(4, seconds=2.0, hold=1.5))) as image:
        assert (image.size, image.n_frames) == ((200, 150), 4)
        durations, shares, corners = [], [], []
        for index in range(4):
            image.seek(index)
            durations.append(image.info["duration"])
            frame = np.asarray(image.convert("RGB"))
            shares.append(blue(frame))
            corners.append(frame[0, 0].tolist())
        assert image.info["loop"] == 0
    assert durations == [500, 500, 500, 2000]
    assert np.allclose(np.array(shares) / shares[0], [1, 2, 3, 4], rtol=0.05)
    assert corners == [[255, 255, 255]] * 4


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert animate(2) == animate(2)


def test_no_frame() -> None:
    with pytest.raises(ConfigError, match=r"^a gif wants at least one frame, got 0$"):
        animate(0)
