"""Image augmentation inside the training step: every example is moved and lit by chance, on the device.

All that moves an image is one affine map, sampled once (`nnjax.layers.affine`). A strength is a
number of a sweep like any other: it may be a tracer, and 0 gives back the image, bit for bit.
"""

from __future__ import annotations

import math
from functools import partial
from numbers import Real
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.affine import affine, as_images
from nnjax.types import Array, Key

Strength = float | Array
DRAWS = 16  # uniform numbers an example; 13 are used, but a power of two compiles in half the time


class Augmentation(NamedTuple):
    """How strong each transformation is at most. Each is a number or a tracer; 0 turns it off.

    Attributes:
        translation: Pixels along each axis, drawn from [-t, t]; not whole, so that it interpolates.
        rotation: Degrees, from [-r, r].
        scaling: s; the image grows by a factor of 1 / (1 + s) to 1 + s, as often smaller as larger.
        shear: Degrees by which the image leans to either side, below 90.
        horizontal_flip: The probability to swap left and right.
        vertical_flip: The probability to swap top and bottom.
        crop: Whole pixels c: the image is padded by c on each side, and a window of its own size
            is cut out anywhere in it: a whole shift, which changes no pixel.
        cutout: Side in whole pixels of a square that is covered with `fill`; its middle is a pixel
            drawn from the image, so that at the edges a part of it falls outside.
        brightness: b in [0, 1]; all values are multiplied by 1 - b to 1 + b.
        contrast: k in [0, 1]; the distance of all values from the image's mean, likewise.
        fill: The value of what comes in from outside the image.
    """

    translation: Strength = 0.0
    rotation: Strength = 0.0
    scaling: Strength = 0.0
    shear: Strength = 0.0
    horizontal_flip: Strength = 0.0
    vertical_flip: Strength = 0.0
    crop: Strength = 0.0
    cutout: Strength = 0.0
    brightness: Strength = 0.0
    contrast: Strength = 0.0
    fill: Strength = 0.0


MOVES = ("translation", "rotation", "scaling", "shear", "horizontal_flip", "vertical_flip", "crop")
LIGHTS = ("brightness", "contrast")
LIMITS = {
    "rotation": 180.0,
    "shear": 89.0,
    "horizontal_flip": 1.0,
    "vertical_flip": 1.0,
    "brightness": 1.0,
    "contrast": 1.0,
}


class Transform(NamedTuple):
    """What is done to each of N images.

    Attributes:
        shift: Down and right, pixels, float [N, 2].
        angle: Counter-clockwise as seen, radians, float [N].
        scale: Factor of size, float [N].
        shear: By which angle upright lines lean to the right, radians, float [N].
        mirror: -1 swaps top and bottom, -1 swaps left and right, else 1; float [N, 2].
        square: Top, left and side of the covered square, whole pixels, float [N, 3].
        brightness: Factor of all values, float [N].
        contrast: Factor of their distance from the image's mean, float [N].
    """

    shift: Array
    angle: Array
    scale: Array
    shear: Array
    mirror: Array
    square: Array
    brightness: Array
    contrast: Array


def unchanged(n: int) -> Transform:
    """The transform of `n` images that changes nothing, to be `_replace`d."""
    zero, one = jnp.zeros(n), jnp.ones(n)
    return Transform(
        jnp.zeros((n, 2)), zero, one, zero, jnp.ones((n, 2)), jnp.zeros((n, 3)), brightness=one, contrast=one
    )


def augment(key: Key, images: Array, augmentation: Augmentation, index: Array | None = None) -> Array:
    """Each image under a transform of its own, drawn from `fold_in(key, index[n])`.

    So what happens to an example depends on its index alone, not on the others of the batch, their
    order, or the device. First the light changes, then the image moves, then the square is covered.
    Values are not clipped.

    Args:
        key: A key of `jax.random.key`, a new one at every step.
        images: Array [N, H, W] or [N, H, W, C], of any real type.
        augmentation: The strengths. What is off by the Python number 0 costs nothing.
        index: Integers [N], such as `Batch.index`; None means 0 to N - 1.

    Returns:
        Float32 array of the shape of `images`.

    Raises:
        ConfigError: If a strength is a number out of range, or the shapes do not fit.

    >>> images = jnp.arange(6, dtype=jnp.uint8).reshape(1, 2, 3)
    >>> augment(jax.random.key(0), images, Augmentation(horizontal_flip=1.0)).tolist()
    [[[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]]

    Source: Simard et al. 2003, https://doi.org/10.1109/ICDAR.2003.1227801; cutout is from DeVries and
    Taylor 2017, https://arxiv.org/abs/1708.04552
    """
    images = as_images(images, "augment")
    check_strengths(augmentation)
    index = jnp.arange(len(images)) if index is None else jnp.asarray(index)
    if index.shape != images.shape[:1]:
        raise ConfigError(f"augment wants an index [N] for {len(images)} images, got {index.shape}")
    transform = draw(key, index, augmentation, images.shape[1:3])
    images = images.astype(jnp.float32)
    if any(_is_on(augmentation, name) for name in LIGHTS):
        images = lit(images, transform)
    if any(_is_on(augmentation, name) for name in MOVES):
        images = moved(images, transform, augmentation.fill)
    if _is_on(augmentation, "cutout"):
        images = covered(images, transform, augmentation.fill)
    return images


def draw(key: Key, index: Array, augmentation: Augmentation, size: tuple[int, ...]) -> Transform:
    """The transforms of the examples at `index` [N], for images of `size` (H, W) (static)."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, index)
    # Each number has its own place, so that switching one transformation on changes no other.
    chance = jax.vmap(lambda k: jax.random.uniform(k, (DRAWS,)))(keys)  # in [0, 1)
    signed = 2 * chance - 1
    a = augmentation
    padding, side = jnp.round(a.crop), jnp.round(a.cutout)
    window = jnp.floor(chance[:, 2:4] * (2 * padding + 1)) - padding
    middle = jnp.floor(chance[:, 4:6] * jnp.array(size, jnp.float32)[None, :])
    corner = middle - jnp.floor(side / 2)
    flips = jnp.stack([chance[:, 6] < a.vertical_flip, chance[:, 7] < a.horizontal_flip], axis=1)
    return Transform(
        shift=a.translation * signed[:, 0:2] + window,
        angle=jnp.deg2rad(a.rotation * signed[:, 8]),
        scale=jnp.exp(signed[:, 9] * jnp.log1p(jnp.asarray(a.scaling, jnp.float32))),
        shear=jnp.deg2rad(a.shear * signed[:, 10]),
        mirror=jnp.where(flips, -1.0, 1.0),
        square=jnp.concatenate([corner, jnp.full((len(index), 1), side)], axis=1),
        brightness=1 + a.brightness * signed[:, 11],
        contrast=1 + a.contrast * signed[:, 12],
    )


def transformed(images: Array, transform: Transform, fill: Strength = 0.0) -> Array:
    """Each image [N, H, W] or [N, H, W, C] under its own transform: light, movement, square."""
    images = as_images(images, "transformed")
    return covered(moved(lit(images, transform), transform, fill), transform, fill)


def moved(images: Array, transform: Transform, fill: Strength = 0.0) -> Array:
    """Mirrors, scales, shears, rotates and shifts about the middle of the image, in this order.

    With p = (row, column) and the middle m = ((H - 1) / 2, (W - 1) / 2) a point of the image goes to
    p' = R(angle) K(shear) scale diag(mirror) (p - m) + m + shift. The result at p' is read at p, found
    from the inverse.

    Returns:
        Float32 array of the shape of `images`. Where a transform mirrors and shifts by whole pixels
        only, no value is changed in any bit.
    """
    t = transform
    sine, cosine, lean = jnp.sin(t.angle), jnp.cos(t.angle), jnp.tan(t.shear)
    zero, one = jnp.zeros_like(lean), jnp.ones_like(lean)
    turn = jnp.stack([cosine, sine, -sine, cosine], axis=-1).reshape(-1, 2, 2)
    upright = jnp.stack([one, zero, lean, one], axis=-1).reshape(-1, 2, 2)
    # As products of matrices, so that they stand in memory before the pixels are read: a CPU would
    # otherwise work them out anew at every pixel, in twice the time.
    product = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    matrix = (t.mirror / t.scale[:, None])[:, :, None] * product("nij,njk->nik", upright, turn)
    middle = (jnp.array(images.shape[1:3], jnp.float32) - 1)[None, :] / 2
    offset = middle - product("nij,nj->ni", matrix, middle + t.shift)
    return affine(images, matrix, offset, fill)


def lit(images: Array, transform: Transform) -> Array:
    """x' = brightness (mean + contrast (x - mean)), with the mean of each image over all its values."""
    per_image = (-1,) + (1,) * (images.ndim - 1)
    images = images.astype(jnp.float32)
    mean = jnp.mean(images, axis=tuple(range(1, images.ndim)), keepdims=True)
    contrast, brightness = transform.contrast.reshape(per_image), transform.brightness.reshape(per_image)
    # In this form factors of 1 change no bit; mean + (x - mean) would.
    return brightness * (contrast * images + (1 - contrast) * mean)


def covered(images: Array, transform: Transform, fill: Strength = 0.0) -> Array:
    """The images with one square of each set to `fill`."""
    top, left, side = (part[:, None] for part in transform.square.T)
    rows, columns = (jnp.arange(length, dtype=jnp.float32)[None, :] for length in images.shape[1:3])
    in_rows, in_columns = (top <= rows) & (rows < top + side), (left <= columns) & (columns < left + side)
    inside = in_rows[:, :, None] & in_columns[:, None, :]
    inside = inside.reshape(inside.shape + (1,) * (images.ndim - 3))
    return jnp.where(inside, jnp.asarray(fill, jnp.float32), images.astype(jnp.float32))


def check_strengths(augmentation: Augmentation) -> None:
    """Raises ConfigError where a strength is a number out of range; tracers are let through."""
    for name, strength in augmentation._asdict().items():
        if name == "fill" or not isinstance(strength, Real):
            continue
        high = LIMITS.get(name, math.inf)
        if not 0 <= float(strength) <= high:
            wanted = f"from 0 to {high:g}" if name in LIMITS else "of at least 0"
            raise ConfigError(f"an Augmentation wants {name} {wanted}, got {strength}")


def _is_on(augmentation: Augmentation, name: str) -> bool:
    """Whether a strength is anything but the Python number 0."""
    strength = getattr(augmentation, name)
    return not (isinstance(strength, Real) and strength == 0)
