"""Pooling: each channel's largest value, or its mean, in a window that moves over the image."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.layers.window import Padding, Pads, Pair, output_size, pads, pair
from nnjax.types import Array

Sizes = tuple[int, int]


def max_pool(x: Array, window: Pair, stride: Pair | None = None, padding: Padding = "VALID") -> Array:
    """y[n, i, j, c] = max over the window of x[n, i s + a, j s + b, c].

    The gradient of an output goes to the first of its window's largest values, row by row.

    Args:
        x: Array [N, H, W, C].
        window: (kh, kw) or one number, pixels (static).
        stride: s, a number or (vertical, horizontal); None is the window's size (static).
        padding: "VALID", "SAME" or ((above, below), (left, right)); padding is never the largest (static).

    Returns:
        Array [N, h, w, C] of the same type, h = floor((H + padding - kh) / s) + 1, and w alike.

    Raises:
        ConfigError: If the shapes do not fit.

    >>> x = jnp.array([[1.0, 2.0, 5.0], [4.0, 3.0, 6.0]]).reshape(1, 2, 3, 1)
    >>> max_pool(x, 2).tolist()
    [[[[4.0]]]]

    Source: Riesenhuber and Poggio 1999, https://doi.org/10.1038/14819
    """
    sizes, strides, padded = _geometry("max_pool", x, window, stride, padding)
    return _largest(x, sizes, strides, padded)


def avg_pool(x: Array, window: Pair, stride: Pair | None = None, padding: Padding = "VALID") -> Array:
    """y[n, i, j, c] = mean over the window of x[n, i s + a, j s + b, c], padding not counted.

    At the border of a padded image the mean is that of the real pixels in the window, as PyTorch's
    `AvgPool2d(count_include_pad=False)` has it.

    Args:
        x: Float array [N, H, W, C].
        window: (kh, kw) or one number, pixels (static).
        stride: s, a number or (vertical, horizontal); None is the window's size (static).
        padding: "VALID", "SAME" or ((above, below), (left, right)) (static).

    Returns:
        Float array [N, h, w, C], h = floor((H + padding - kh) / s) + 1, and w alike.

    Raises:
        ConfigError: If the shapes do not fit, or a window lies wholly in the padding.

    >>> x = jnp.array([[1.0, 2.0, 5.0], [4.0, 3.0, 6.0]]).reshape(1, 2, 3, 1)
    >>> avg_pool(x, 2, padding="SAME").tolist()
    [[[[2.5], [5.5]]]]

    Source: LeCun et al. 1989, https://proceedings.neurips.cc/paper/1989/hash/53c3bce66e43be4f209556518c2fcb54
    """
    sizes, strides, padded = _geometry("avg_pool", x, window, stride, padding)
    rows, columns = (_real_pixels(x.shape[i + 1], sizes[i], strides[i], padded[i]) for i in range(2))
    counts = rows[:, None] * columns[None, :]
    total = jax.lax.reduce_window(x, np.zeros((), x.dtype), jax.lax.add, *_over(sizes, strides, padded))
    return total / jnp.asarray(counts, x.dtype)[None, :, :, None]


def global_average_pool(x: Array) -> Array:
    """y[n, c] = mean over i, j of x[n, i, j, c].

    Args:
        x: Float array [N, H, W, C].

    Returns:
        Float array [N, C].

    Raises:
        ConfigError: If x does not have four axes, or no pixels.

    >>> global_average_pool(jnp.arange(4.0).reshape(1, 2, 2, 1)).tolist()
    [[1.5]]

    Source: Lin, Chen and Yan 2013, "Network in network", https://arxiv.org/abs/1312.4400
    """
    if x.ndim != 4 or 0 in x.shape[1:3]:
        raise ConfigError(f"global_average_pool wants x [N, H, W, C] with at least one pixel, got {x.shape}")
    return x.mean(axis=(1, 2))


def _geometry(
    layer: str, x: Array, window: Pair, stride: Pair | None, padding: Padding
) -> tuple[Sizes, Sizes, Pads]:
    sizes = pair("window", window)
    strides = sizes if stride is None else pair("stride", stride)
    if x.ndim != 4:
        raise ConfigError(f"{layer} wants x [N, H, W, C], got {x.shape}")
    padded = pads(layer, padding, x.shape[1:3], sizes, strides)
    for i in range(2):
        output_size(layer, x.shape, sizes, i, padded[i], strides[i])
        if max(padded[i]) >= sizes[i]:
            raise ConfigError(
                f"{layer} wants less padding than the window's size, or a window holds no pixel: "
                f"got padding {padded} and window {sizes}"
            )
    return sizes, strides, padded


def _real_pixels(size: int, window: int, stride: int, padding: tuple[int, int]) -> np.ndarray:
    """How many pixels of the image each place of the window covers along one axis."""
    starts = np.arange(0, size + sum(padding) - window + 1, stride) - padding[0]
    return np.minimum(starts + window, size) - np.maximum(starts, 0)


def _over(sizes: Sizes, strides: Sizes, padded: Pads) -> tuple[tuple, tuple, tuple]:
    return (1, *sizes, 1), (1, *strides, 1), ((0, 0), *padded, (0, 0))


def _lowest(dtype: np.dtype) -> np.ndarray:
    smallest = -np.inf if jnp.issubdtype(dtype, jnp.inexact) else jnp.iinfo(dtype).min
    return np.asarray(smallest, dtype)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _largest(x: Array, sizes: Sizes, strides: Sizes, padded: Pads) -> Array:
    return jax.lax.reduce_window(x, _lowest(x.dtype), jax.lax.max, *_over(sizes, strides, padded))


def _forward(x: Array, sizes: Sizes, strides: Sizes, padded: Pads) -> tuple[Array, tuple[Array, Array]]:
    y: Any = _largest(x, sizes, strides, padded)
    return y, (x, y)


def _backward(
    sizes: Sizes, strides: Sizes, padded: Pads, kept: tuple[Array, Array], dy: Array
) -> tuple[Array]:
    def by_xla(x: Array, y: Array, dy: Array) -> Array:
        del y
        window = _over(sizes, strides, padded)
        return jax.vjp(lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, *window), x)[1](dy)[0]

    # XLA's own way, select-and-scatter, goes pixel by pixel on a CPU: ten times slower than the masks.
    on_cpu = _by_tiles if sizes == strides and not any(map(any, padded)) else _by_masks
    return (
        jax.lax.platform_dependent(
            *kept, dy, cpu=partial(on_cpu, sizes=sizes, strides=strides, padded=padded), default=by_xla
        ),
    )


_largest.defvjp(_forward, _backward)


def _by_tiles(x: Array, y: Array, dy: Array, sizes: Sizes, strides: Sizes, padded: Pads) -> Array:
    """The gradient where no two windows share a pixel: one pass over x, in its own order."""
    del strides, padded
    (kh, kw), (n, h, w, c) = sizes, y.shape
    whole = x[:, : h * kh, : w * kw]
    tiles = whole.reshape(n, h, kh, w, kw, c)
    spread = y[:, :, None, :, None, :]
    taken = jnp.zeros(y.shape, bool)
    rows = []
    for a in range(kh):
        row = []
        for b in range(kw):
            largest = tiles[:, :, a, :, b] == spread[:, :, 0, :, 0]
            row.append(jnp.where(largest & ~taken, dy, 0))
            taken = taken | largest
        rows.append(jnp.stack(row, axis=3))
    found = jnp.stack(rows, axis=2).reshape(n, h * kh, w * kw, c)
    rest = ((0, 0), (0, x.shape[1] - h * kh), (0, x.shape[2] - w * kw), (0, 0))
    return jnp.pad(found, rest)


def _by_masks(x: Array, y: Array, dy: Array, sizes: Sizes, strides: Sizes, padded: Pads) -> Array:
    """The gradient where windows overlap: one mask for each place in the window, added up."""
    (kh, kw), (down, right), (n, h, w, c) = sizes, strides, y.shape
    lowest = _lowest(x.dtype)
    filled = jnp.pad(x, ((0, 0), *padded, (0, 0)), constant_values=lowest)
    taken = jnp.zeros(y.shape, bool)
    total = jnp.zeros(filled.shape, dy.dtype)
    for a in range(kh):
        for b in range(kw):
            bottom, end = a + (h - 1) * down + 1, b + (w - 1) * right + 1
            seen = jax.lax.slice(filled, (0, a, b, 0), (n, bottom, end, c), (1, down, right, 1))
            largest = seen == y
            given = jnp.where(largest & ~taken, dy, 0)
            taken = taken | largest
            after = (filled.shape[1] - bottom, filled.shape[2] - end)
            spread = ((0, 0, 0), (a, after[0], down - 1), (b, after[1], right - 1), (0, 0, 0))
            total = total + jax.lax.pad(given, np.zeros((), dy.dtype), spread)
    (above, _), (left, _) = padded
    return total[:, above : above + x.shape[1], left : left + x.shape[2]]
