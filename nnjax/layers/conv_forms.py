"""The gradients of a convolution, in forms that XLA's CPU backend computes fast, inside loops too.

XLA differentiates a convolution by convolutions whose axes stand in another order. Its CPU backend puts
them into the order that its fast kernels know, but only outside loops: inside a `scan` or `while` the
same gradient runs in a plain loop, up to a hundred times slower. The forms here ask for the known order
themselves, so that they cost the same in both places. They are used on CPUs alone.

Letters: x [N, H, W, C], filters [kh, kw, C, O], the gradient dy of the outputs [N, h, w, O]; s the stride,
d the dilation, p the padding before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nnjax.types import Array

AXES = ("NHWC", "HWIO", "NHWC")
SMALL_WINDOW = 64  # values in a window, kh kw C, up to which the matrix of all windows is worth writing
MOST_GROUPS_APART = 8  # more groups are left to XLA on a CPU too: each would be a kernel of its own


class Geometry(NamedTuple):
    """How a window moves. All of it is static, in pixels, (vertical, horizontal).

    Attributes:
        stride: Steps of the window.
        padding: Rows of zeros (above, below), columns (left, right).
        dilation: Distances between neighbouring values of the window.
        groups: Into how many parts the channels are cut.
    """

    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    dilation: tuple[int, int]
    groups: int


def convolve(x: Array, filters: Array, geometry: Geometry) -> Array:
    """XLA's convolution, in the order of axes that all its fast kernels know."""
    return jax.lax.conv_general_dilated(
        x,
        filters,
        geometry.stride,
        geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=AXES,
        feature_group_count=geometry.groups,
    )


def apart(form: Callable[..., Array], geometry: Geometry) -> Callable[[Array, Array], Array]:
    """`form` of each group by itself; XLA's convolutions in groups are several times slower on a CPU.

    Args:
        form: A function of two arrays whose last axis is cut into groups, and of the geometry of one group.
        geometry: Of all groups.
    """
    alone = geometry._replace(groups=1)

    def product(a: Array, b: Array) -> Array:
        if geometry.groups == 1:
            return form(a, b, alone)
        pairs = zip(*(jnp.split(array, geometry.groups, axis=3) for array in (a, b)), strict=True)
        return jnp.concatenate([form(*parts, alone) for parts in pairs], axis=3)

    return product


def input_gradient(image: tuple[int, ...], filters: Array, dy: Array, geometry: Geometry) -> Array:
    """dx of an image (H, W, C): dy, its pixels s apart, convolved with the filters turned by half a turn."""
    padding = []
    for i in range(2):
        reach = (filters.shape[i] - 1) * geometry.dilation[i]
        before = reach - geometry.padding[i][0]
        spread = (dy.shape[i + 1] - 1) * geometry.stride[i] + 1
        padding.append((before, image[i] + reach - spread - before))
    return jax.lax.conv_general_dilated(
        dy,
        jnp.flip(filters, (0, 1)).swapaxes(2, 3),
        (1, 1),
        padding,
        lhs_dilation=geometry.stride,
        rhs_dilation=geometry.dilation,
        dimension_numbers=AXES,
    )


def weight_gradient_form(window: int) -> str:
    """ "windows" or "swapped": which form of the gradient of the filters is fast.

    Args:
        window: kh kw C, how many values a window has.

    >>> weight_gradient_form(3 * 3 * 1), weight_gradient_form(3 * 3 * 32)
    ('windows', 'swapped')
    """
    return "windows" if window <= SMALL_WINDOW else "swapped"


def weight_gradient(x: Array, shape: tuple[int, ...], dy: Array, geometry: Geometry) -> Array:
    """The gradient in filters of `shape` [kh, kw, C, O], in the form that is fast for it."""
    form = weight_gradient_form(shape[0] * shape[1] * shape[2])
    return (by_windows if form == "windows" else by_swapped_axes)(x, shape, dy, geometry)


def by_windows(x: Array, shape: tuple[int, ...], dy: Array, geometry: Geometry) -> Array:
    """The matrix of all windows [kh kw C, N h w], written out, times dy [N h w, O].

    The channels come first in it: a product whose left operand has to be transposed is slow.
    """
    kh, kw, channels, outputs = shape
    (down, right), (dilation_down, dilation_right) = geometry.stride, geometry.dilation
    n, h, w, _ = dy.shape
    padded = jnp.pad(x.transpose(3, 0, 1, 2), ((0, 0), (0, 0), *geometry.padding))
    rows = []
    for a in range(kh):
        for b in range(kw):
            top, left = a * dilation_down, b * dilation_right
            bottom, end = top + (h - 1) * down + 1, left + (w - 1) * right + 1
            rows.append(
                jax.lax.slice(padded, (0, 0, top, left), (channels, n, bottom, end), (1, 1, down, right))
            )
    # Without the barrier the windows are gathered again inside the product.
    windows = jax.lax.optimization_barrier(jnp.stack(rows).reshape(kh * kw * channels, n * h * w))
    return (windows @ dy.reshape(n * h * w, outputs)).reshape(shape)


def by_swapped_axes(x: Array, shape: tuple[int, ...], dy: Array, geometry: Geometry) -> Array:
    """A convolution with the examples as channels, the channels as examples and dy as the filter.

    Of the two libraries behind XLA's CPU convolutions, YNNPACK takes two to four times as long for such
    large filters as Eigen. It leaves to Eigen those that are higher than the picture, so dy gets rows of
    zeros until it is. The picture gets columns of zeros, since XLA would exchange the two if the filter's
    area were the larger one; the barrier keeps XLA from folding the zeros into the convolution.
    """
    picture, filters = x.transpose(3, 1, 2, 0), dy.transpose(1, 2, 0, 3)
    rows, columns = x.shape[1:3]
    missing = max(0, rows + 1 - dy.shape[1])
    area = (dy.shape[1] + missing) * dy.shape[2]
    wide = max(0, -(-area // rows) - columns)
    padding = []
    for i, more in enumerate((missing, 0)):
        before = geometry.padding[i][0]
        spread = (dy.shape[i + 1] + more - 1) * geometry.stride[i] + 1
        padding.append(
            (before, (shape[i] - 1) * geometry.dilation[i] + spread - x.shape[i + 1] - before),
        )
    left = min(padding[1][0], wide)
    right = wide - left
    padding[1] = (padding[1][0] - left, padding[1][1] - right)
    picture = jnp.pad(picture, ((0, 0), (0, 0), (left, right), (0, 0)))
    filters = jnp.pad(filters, ((0, missing), (0, 0), (0, 0), (0, 0)))
    picture, filters = jax.lax.optimization_barrier((picture, filters))
    found = jax.lax.conv_general_dilated(
        picture,
        filters,
        geometry.dilation,
        padding,
        rhs_dilation=geometry.stride,
        dimension_numbers=AXES,
    )
    return found.transpose(1, 2, 0, 3)
