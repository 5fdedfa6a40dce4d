"""Figures of saliency, Grad-CAM and exciting patches."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner.plots.attribution import patches_figure, saliency_figure


def test_a_column_an_image_and_a_row_a_map() -> None:
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1) * 8
    maps = {"saliency": np.arange(32.0).reshape(2, 4, 4), "Grad-CAM": np.ones((2, 2, 2))}
    figure = saliency_figure(images, maps, ["a bag", "a coat"])
    top, bottom = figure.axes[:2], figure.axes[2:4]
    assert [axis.get_title(loc="center") for axis in top] == ["a bag", "a coat"]
    assert np.array_equal(top[1].images[0].get_array(), images[1, ..., 0])
    ink, seen = bottom[1].images
    assert np.array_equal(seen.get_array(), maps["saliency"][1])
    assert np.asarray(seen.get_alpha()).max() == pytest.approx(0.75)
    assert ink.get_clim() == (128.0, 128.0 + 2 * 120.0)  # pale: half the scale of its values
    cam = figure.axes[4].images[1]
    assert list(cam.get_extent()) == [-0.5, 3.5, 3.5, -0.5]  # stretched over the image
    assert [figure.axes[2 * row].get_ylabel() for row in range(3)] == ["image", "saliency", "Grad-CAM"]


def test_colour_images() -> None:
    images = np.zeros((1, 3, 3, 3), np.uint8)
    figure = saliency_figure(images, {"saliency": np.ones((1, 3, 3))})
    assert figure.axes[0].images[0].get_array().shape == (3, 3, 3)


def test_as_many_maps_as_images() -> None:
    with pytest.raises(DataError, match=r"wants 2 saliency, as many as images; got 1"):
        saliency_figure(np.ones((2, 3, 3)), {"saliency": np.ones((1, 3, 3))})
    with pytest.raises(DataError, match=r"images \[N, H, W\] or \[N, H, W, C\], at least one; got \[3\]"):
        saliency_figure(np.ones(3), {})


def test_a_row_a_channel() -> None:
    patches = np.arange(3 * 2 * 4).reshape(3, 2, 2, 2, 1)
    figure = patches_figure(patches, ["x", "y", "z"], across=2)
    drawn = [axis for axis in figure.axes if axis.images]
    assert np.array_equal(drawn[3].images[0].get_array(), patches[1, 1, ..., 0])
    assert [axis.get_ylabel() for axis in drawn if axis.get_ylabel()] == ["x", "y", "z"]
    assert {axis.images[0].get_clim() for axis in drawn} == {(0.0, 23.0)}
    with pytest.raises(DataError, match="wants 3 names, got 1"):
        patches_figure(patches, ["x"])
    with pytest.raises(DataError, match=r"wants \[C, P, h, w, channels\], got \[3, 2, 2, 2\]"):
        patches_figure(patches[..., 0])
