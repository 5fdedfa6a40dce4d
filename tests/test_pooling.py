"""Pooling: against a NumPy loop, where gradients go when values tie, what lies in the padding."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from nnjax.errors import ConfigError
from nnjax.layers.pooling import avg_pool, global_average_pool, max_pool

GEOMETRIES = [  # window, stride, padding: without overlap, with, with gaps, padded
    (2, None, "VALID"),
    ((3, 2), None, "VALID"),
    (3, 2, "VALID"),
    (2, 3, "VALID"),
    (3, 1, "SAME"),
    (2, 2, "SAME"),
    (3, (2, 1), ((1, 2), (0, 1))),
]


def places(shape, window, stride, padding):
    """For each place of the window: its index, and the real pixels in it, row by row."""
    kh, kw = (window, window) if isinstance(window, int) else window
    sh, sw = (kh, kw) if stride is None else (stride, stride) if isinstance(stride, int) else stride
    _, height, width, _ = shape
    if padding == "SAME":
        total = [max((-(-v // s) - 1) * s + k - v, 0) for v, s, k in ((height, sh, kh), (width, sw, kw))]
        padding = [(t // 2, t - t // 2) for t in total]
    elif padding == "VALID":
        padding = ((0, 0), (0, 0))
    (above, below), (left, right) = padding
    rows = range((height + above + below - kh) // sh + 1)
    columns = range((width + left + right - kw) // sw + 1)
    for i, j in itertools.product(rows, columns):
        window_rows = range(max(i * sh - above, 0), min(i * sh - above + kh, height))
        window_columns = range(max(j * sw - left, 0), min(j * sw - left + kw, width))
        yield (i, j), list(itertools.product(window_rows, window_columns))


def max_loop(x, dy, *geometry):
    """The largest values, and dy carried back to the first of them."""
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for (i, j), pixels in places(x.shape, *geometry):
        for n, c in itertools.product(range(x.shape[0]), range(x.shape[3])):
            values = [x[n, a, b, c] for a, b in pixels]
            first = pixels[int(np.argmax(values))]
            y[n, i, j, c] = max(values)
            dx[(n, *first, c)] += dy[n, i, j, c]
    return y, dx


def avg_loop(x, dy, *geometry):
    """The means over real pixels, and dy shared out among them."""
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for (i, j), pixels in places(x.shape, *geometry):
        for a, b in pixels:
            y[:, i, j] += x[:, a, b] / len(pixels)
            dx[:, a, b] += dy[:, i, j] / len(pixels)
    return y, dx


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(("pool", "loop"), [(max_pool, max_loop), (avg_pool, avg_loop)])
@pytest.mark.parametrize("values", ["distinct", "ties", "constant"])
def test_values_and_gradients_against_a_loop(pool, loop, geometry, values):
    rng, shape = np.random.default_rng(0), (2, 7, 8, 3)
    x = {
        "distinct": rng.permutation(np.prod(shape)).reshape(shape) - 100.0,
        "ties": rng.integers(0, 2, shape) - 1.0,
        "constant": np.full(shape, -3.0),
    }[values].astype("f")
    y, back = jax.vjp(lambda x: pool(x, *geometry), x)
    dy = rng.normal(size=y.shape).astype("f")
    expected = loop(x, dy, *geometry)
    np.testing.assert_allclose(y, expected[0], rtol=1e-6)
    np.testing.assert_allclose(back(dy)[0], expected[1], rtol=1e-5, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(*(st.integers(1, top) for top in (12, 12, 4, 4)))
def test_same_gives_the_size_over_the_stride_rounded_up(height, width, window, stride):
    x = jax.ShapeDtypeStruct((1, height, width, 1), jnp.float32)
    for pool in (max_pool, avg_pool):
        y = jax.eval_shape(lambda x, pool=pool: pool(x, window, stride, "SAME"), x)
        assert y.shape[1:3] == (math.ceil(height / stride), math.ceil(width / stride))


def test_the_gradient_of_a_constant_image_goes_to_the_first_pixel_of_each_window():
    slope = jax.grad(lambda x: max_pool(x, 2).sum())(jnp.zeros((1, 4, 5, 1)))
    assert slope[0, :, :, 0].tolist() == [[1, 0, 1, 0, 0], [0] * 5, [1, 0, 1, 0, 0], [0] * 5]
    overlapping = jax.grad(lambda x: max_pool(x, 3, 1).sum())(jnp.zeros((1, 4, 4, 1)))
    assert overlapping[0, :, :, 0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4]


def test_padding_is_never_the_largest_and_never_counted():
    x = jnp.full((1, 3, 3, 1), -5.0)
    assert max_pool(x, 3, 1, "SAME").max() == max_pool(x, 3, 1, "SAME").min() == -5
    np.testing.assert_allclose(avg_pool(x, 3, 1, "SAME"), x, rtol=1e-6)


@pytest.mark.parametrize("geometry", [(2, None, "VALID"), (3, 2, ((1, 0), (0, 1)))])
def test_gradients_numerically_twice(geometry):
    x = jnp.asarray(np.random.default_rng(0).permutation(40).reshape(1, 5, 4, 2) / 4 - 5, jnp.float32)
    for pool in (max_pool, avg_pool):
        check_grads(lambda x, pool=pool: pool(x, *geometry) ** 2, (x,), 2, ["rev"], 1e-2, 1e-2)


def test_inside_a_loop_and_for_a_population():
    x = jax.random.normal(jax.random.key(0), (3, 2, 6, 6, 4))
    for geometry in ((2, None), (3, 2)):
        slope = jax.grad(lambda x, g=geometry: (max_pool(x, *g) ** 2).sum())
        expected = jnp.stack([slope(v) for v in x])
        np.testing.assert_array_equal(jax.jit(jax.vmap(slope))(x), expected)
        np.testing.assert_array_equal(jax.jit(lambda x, s=slope: jax.lax.map(s, x))(x), expected)


def test_integers_keep_their_type():
    x = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    y = max_pool(jnp.asarray(x), 2)
    assert y.dtype == jnp.uint8
    assert y[0, :, :, 0].tolist() == [[5, 7], [13, 15]]


def test_global_average_pool_is_the_mean_of_each_channel():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("f")
    np.testing.assert_allclose(global_average_pool(jnp.asarray(x)), x.reshape(2, 15, 4).mean(1), rtol=1e-5)
    with pytest.raises(ConfigError, match=r"x \[N, H, W, C\] with at least one pixel, got \(2, 3\)"):
        global_average_pool(jnp.zeros((2, 3)))


@pytest.mark.parametrize(
    ("shape", "arguments", "text"),
    [
        ((4, 4, 1), (2,), r"x \[N, H, W, C\], got \(4, 4, 1\)"),
        ((1, 4, 4, 1), (0,), "window must be a positive integer or two of them, got 0"),
        ((1, 4, 4, 1), (2, (1, 0)), r"stride .* got \(1, 0\)"),
        ((1, 4, 3, 1), (4,), "window is 4 pixels wide, the padded image only 3"),
        ((1, 4, 4, 1), (2, 1, ((2, 0), (0, 0))), "less padding than the window's size"),
        ((1, 4, 4, 1), (2, 1, "FULL"), "got 'FULL'"),
    ],
)
@pytest.mark.parametrize("pool", [max_pool, avg_pool])
def test_what_does_not_fit_is_said_before_compilation(pool, shape, arguments, text):
    with pytest.raises(ConfigError, match=text):
        pool(jnp.zeros(shape), *arguments)
