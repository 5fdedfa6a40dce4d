"""Figures of convolutions: the numbers that stand in them, and what is too large to be read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nnjax.errors import DataError
from nnjax.runner.plots.convolution import Grid, convolution_gif, grids_figure, matrix_figure


def words(figure) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_every_number_and_name_of_a_grid_is_written() -> None:
    figure = grids_figure([Grid([[1, -2.5], [np.nan, 0]], "image"), "=", Grid([[30]], "answer")])
    assert words(figure) == ["1", "−2.5", "0", "image", "=", "30", "answer"]


def test_the_animation_has_a_frame_for_every_place() -> None:
    image = Image.open(io.BytesIO(convolution_gif(np.arange(16).reshape(4, 4), np.eye(3), seconds=1)))
    assert image.n_frames == 4
    strided = Image.open(io.BytesIO(convolution_gif(np.arange(16).reshape(4, 4), np.eye(3), 2, 1, seconds=1)))
    assert strided.n_frames == 4


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(DataError, match=r"up to 400 numbers, got \[30, 30\]"):
        grids_figure([Grid(np.zeros((30, 30)))])


def test_white_is_nothing_in_a_matrix() -> None:
    image = matrix_figure([[0.0, 2.0], [-2.0, 0.0]], "row", "column").axes[0].images[0]
    assert image.norm.vmin == -image.norm.vmax == -2.0
    assert image.cmap(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.02)
