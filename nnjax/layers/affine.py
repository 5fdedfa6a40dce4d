"""Images seen through an affine map: the value at any position, by bilinear sampling.

Positions are (row, column), in pixels; (0, 0) is the middle of the first pixel.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array


def affine(images: Array, matrix: Array, offset: Array, fill: float | Array = 0.0) -> Array:
    """out[n, p] = images[n, matrix[n] p + offset[n]], for every pixel p = (row, column) of the result.

    The map goes from the result to the image, as in `scipy.ndimage.affine_transform`, so that every pixel
    of the result has a value. Where it takes whole pixels to whole pixels (flips, whole shifts, quarter
    turns), no value is changed in any bit.

    Args:
        images: Array [N, H, W] or [N, H, W, C], of any real type.
        matrix: Float array [N, 2, 2].
        offset: Float array [N, 2], pixels.
        fill: The value outside the image; may be a tracer.

    Returns:
        Float32 array of the shape of `images`.

    Raises:
        ConfigError: If the shapes do not fit.

    >>> image = jnp.array([[[1, 2], [3, 4]]], jnp.uint8)
    >>> mirror = jnp.array([[[1.0, 0.0], [0.0, -1.0]]])
    >>> affine(image, mirror, jnp.array([[0.0, 1.0]])).tolist()
    [[[2.0, 1.0], [4.0, 3.0]]]
    """
    images = as_images(images, "affine")
    n, height, width = images.shape[:3]
    if matrix.shape != (n, 2, 2) or offset.shape != (n, 2):
        raise ConfigError(
            f"affine wants a matrix [N, 2, 2] and an offset [N, 2] for each of {n} images, "
            f"got {matrix.shape} and {offset.shape}"
        )
    row = jnp.arange(height, dtype=jnp.float32)[None, :, None]
    column = jnp.arange(width, dtype=jnp.float32)[None, None, :]
    a = matrix[:, :, :, None, None]
    b = offset[:, :, None, None]
    rows = a[:, 0, 0] * row + a[:, 0, 1] * column + b[:, 0]
    columns = a[:, 1, 0] * row + a[:, 1, 1] * column + b[:, 1]
    return bilinear(images, rows, columns, fill)


def bilinear(images: Array, rows: Array, columns: Array, fill: float | Array = 0.0) -> Array:
    """The value of each image at positions between its pixels: the mean of four, weighted by nearness.

    With r = i + f, c = j + g, where i and j are whole and 0 <= f, g < 1:
    (1 - f) ((1 - g) x[i, j] + g x[i, j+1]) + f ((1 - g) x[i+1, j] + g x[i+1, j+1]), and x = fill outside.

    Args:
        images: Array [N, H, W] or [N, H, W, C].
        rows: Float array [N, h, w], the positions r.
        columns: Float array [N, h, w], the positions c.
        fill: The value outside the image; may be a tracer.

    Returns:
        Float32 array [N, h, w] or [N, h, w, C]. At whole positions the pixel itself, bit for bit.

    >>> bilinear(jnp.array([[[0.0, 4.0]]]), jnp.zeros((1, 1, 3)), jnp.array([[[0.25, 1.0, 1.5]]])).tolist()
    [[[1.0, 4.0, 2.0]]]
    """
    images = as_images(images, "bilinear")
    shape = rows.shape + images.shape[3:]
    images = images.reshape((*images.shape[:3], -1))
    n, height, width, channels = images.shape
    # A border of `fill`, one pixel before and two behind, makes the outside part of the picture.
    border = ((0, 0), (1, 2), (1, 2), (0, 0))
    padded = jnp.pad(images.astype(jnp.float32), border, constant_values=jnp.asarray(fill, jnp.float32))
    r, c = jnp.clip(rows, -1, height), jnp.clip(columns, -1, width)
    i, j = jnp.floor(r), jnp.floor(c)
    f, g = (r - i)[..., None], (c - j)[..., None]
    first_line = jnp.arange(n, dtype=jnp.int32)[:, None, None] * (height + 3) + 1
    start = jnp.stack([first_line + i.astype(jnp.int32), (j.astype(jnp.int32) + 1) * channels], axis=-1)
    window = _windows(padded.reshape(n * (height + 3), -1), start, (2, 2 * channels))
    pair = window[..., 0, :] + f * (window[..., 1, :] - window[..., 0, :])
    left, right = pair[..., :channels], pair[..., channels:]
    return (left + g * (right - left)).reshape(shape)


def as_images(images: Array, name: str) -> Array:
    """`images` as an array, or a ConfigError in the name of who wanted them."""
    images = jnp.asarray(images)
    if images.ndim not in (3, 4):
        raise ConfigError(f"{name} wants images [N, H, W] or [N, H, W, C], got {images.shape}")
    return images


def _windows(plane: Array, start: Array, shape: tuple[int, int]) -> Array:
    """The part of `plane` [R, S] of `shape` that begins at each entry of `start` [..., 2].

    All four neighbours of a position come in one read: reading them one by one takes two to three times as
    long on a CPU, and products with one-hot rows about ten times as long.
    """
    rank = start.ndim - 1
    dimensions = jax.lax.GatherDimensionNumbers((rank, rank + 1), (), (0, 1))
    mode = jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS
    return jax.lax.gather(plane, start, dimensions, shape, mode=mode)
