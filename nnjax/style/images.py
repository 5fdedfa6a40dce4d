"""Images as arrays of floats, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnjax.errors import ConfigError
from nnjax.style.settings import SMALLEST


def as_image(image: Any, name: str) -> np.ndarray:
    """An image as floats [H, W, 3], or a ConfigError."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape) < 1:
        raise ConfigError(f"transfer wants {name} [H, W, 3], red, green, blue, got {list(image.shape)}")
    return image.astype(np.float32)


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """The image with `side` pixels on its longer side."""
    longer = max(image.shape[:2])
    shape = tuple(max(SMALLEST, round(n * side / longer)) for n in image.shape[:2])
    return fitted_to(image, shape)


def fitted_to(image: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The image at that height and width, each channel resampled as floats."""
    return np.stack([shrunk(image[..., c], shape[:2]) for c in range(image.shape[2])], axis=2)


def shrunk(channel: Any, shape: Sequence[int]) -> np.ndarray:
    """One channel [H, W] at another size, float32."""
    from PIL import Image

    picture = Image.fromarray(np.asarray(channel, np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)
