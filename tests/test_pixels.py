"""Pixels as published nets want them, against the formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.pixels import preprocess

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)


def test_caffe_is_blue_first_minus_the_means(variant) -> None:
    found = np.asarray(variant(preprocess, static_argnums=1)(IMAGES, "caffe"))
    for red, green, blue, pixel in zip(
        *IMAGES.reshape(-1, 3).T.astype(float), found.reshape(-1, 3), strict=True
    ):
        np.testing.assert_allclose(
            pixel, [blue - 103.939, green - 116.779, red - 123.68], rtol=1e-5, atol=1e-4
        )


def test_torch_is_standardised_red_first(variant) -> None:
    found = np.asarray(variant(preprocess, static_argnums=1)(IMAGES, "torch"))
    for channel, (mean, std) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))):
        wanted = (IMAGES[..., channel] / 255.0 - mean) / std
        np.testing.assert_allclose(found[..., channel], wanted, rtol=1e-4, atol=1e-5)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match='must be "caffe" or "torch", got \'unknown\''):
        preprocess(IMAGES, "unknown")
    with pytest.raises(ConfigError, match=r"must be \[..., H, W, 3\], got \[2, 4, 5\]"):
        preprocess(IMAGES[..., 0], "torch")
