"""Pixels as the published weights want them: each net must see images in the form it was trained on."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.types import Array

CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)  # blue, green, red, of 0 to 255
TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # red, green, blue, of 0 to 1
TORCH_STD = np.array([0.229, 0.224, 0.225], np.float32)


def preprocess(images: Any, kind: str) -> Array:
    """Images as a published net wants them.

    "caffe", of Oxford's VGG-16: pixels - mean, blue first. "torch", of torchvision's nets:
    (pixels / 255 - mean) / std.

    Args:
        images: [..., H, W, 3], red, green, blue, 0 to 255, of any dtype.
        kind: What `load_weights`' file says under "preprocessing": "caffe" or "torch" (static).

    Returns:
        float32 [..., H, W, 3].

    Raises:
        ConfigError: For another kind, or if there are not three channels.

    >>> preprocess(np.full((1, 1, 3), 255, np.uint8), "caffe").tolist()
    [[[151.06..., 138.22..., 131.32...]]]
    """
    if np.shape(images)[-1:] != (3,):
        raise ConfigError(f"images must be [..., H, W, 3], got {list(np.shape(images))}")
    pixels = jnp.asarray(images).astype(jnp.float32)
    channels = (1,) * (pixels.ndim - 1) + (3,)
    if kind == "caffe":
        return pixels[..., ::-1] - CAFFE_MEAN.reshape(channels)
    if kind == "torch":
        return (pixels / 255 - TORCH_MEAN.reshape(channels)) / TORCH_STD.reshape(channels)
    raise ConfigError(f'preprocessing must be "caffe" or "torch", got {kind!r}')
