"""A convolution seen in other ways: as a matrix, and by who sees what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.layers.conv import conv2d
from nnjax.types import Array


def conv_matrix(filters: Any, shape: tuple[int, int], **how: Any) -> Array:
    """The matrix of a convolution: x.reshape(-1) @ matrix equals its answer to x, reshaped.

    A convolution is linear, so its answers to the images with a single 1 are the rows of the matrix: a
    dense layer in which the same few weights stand again and again, and everything else is 0.

    Args:
        filters: [kh, kw], of one channel.
        shape: (H, W) of the images (static).
        how: stride, padding, dilation of `conv2d` (static).

    Returns:
        Float array [H W, h w].

    >>> conv_matrix([[1.0, -1.0]], (1, 3)).tolist()
    [[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]]
    """
    pixels = shape[0] * shape[1]
    params = {"filters": jnp.asarray(filters, jnp.float32)[:, :, None, None]}
    return conv2d(params, jnp.eye(pixels).reshape(pixels, *shape, 1), **how).reshape(pixels, -1)


def visits(shape: tuple[int, int], window: int, **how: Any) -> Array:
    """How many places of a window see each pixel: the gradient of the sum of all answers of a filter of ones.

    Args:
        shape: (H, W) (static).
        window: Pixels a side (static).
        how: stride, padding, dilation of `conv2d` (static).

    Returns:
        Float array [H, W] of whole numbers.

    >>> visits((1, 4), 1, stride=2).tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """
    ones = {"filters": jnp.ones((window, window, 1, 1))}
    return jax.grad(lambda x: conv2d(ones, x[None, :, :, None], **how).sum())(jnp.zeros(shape))


def receptive_field(net: Callable[[Array], Array], shape: tuple[int, int]) -> Array:
    """On how many ways each pixel reaches the middle answer of a net of filters of ones.

    Args:
        net: From an image [1, H, W, 1] to answers [1, h, w, 1].
        shape: (H, W) (static).

    Returns:
        Float array [H, W]: 0 where the middle answer does not depend on the pixel.

    >>> ones = {"filters": jnp.ones((1, 3, 1, 1))}
    >>> receptive_field(lambda x: conv2d(ones, conv2d(ones, x)), (1, 7)).tolist()
    [[0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0]]
    """

    def middle(x: Array) -> Array:
        y = net(x[None, :, :, None])
        return y[0, y.shape[1] // 2, y.shape[2] // 2, 0]

    return jax.grad(middle)(jnp.zeros(shape))
