"""Affine maps of images: equal to SciPy's, exact on whole pixels, and differentiable."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import ndimage

from nnjax.errors import ConfigError
from nnjax.layers.affine import affine, bilinear

run = jax.jit(affine)
RANDOM = np.random.default_rng(0)
IDENTITY = np.eye(2, dtype=np.float32)


def maps(n: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` maps that turn, lean and stretch, about nowhere in particular."""
    matrix = (np.eye(2) + RANDOM.uniform(-0.6, 0.6, (n, 2, 2))).astype(np.float32)
    return matrix, RANDOM.uniform(-4, 4, (n, 2)).astype(np.float32)


@pytest.mark.parametrize("fill", [0.0, 0.3])
def test_equals_scipy_with_a_border_of_fill(variant, fill):
    images = RANDOM.random((6, 9, 13)).astype(np.float32)
    matrix, offset = maps(6)
    got = variant(affine)(images, matrix, offset, fill)
    for n in range(6):
        wanted = ndimage.affine_transform(
            images[n], matrix[n], offset[n], order=1, mode="grid-constant", cval=fill
        )
        np.testing.assert_allclose(got[n], wanted, atol=3e-6)


def test_equals_scipys_mode_constant_wherever_the_position_is_inside():
    images = RANDOM.random((6, 12, 12)).astype(np.float32)
    matrix, offset = maps(6)
    got = run(images, matrix, offset, 9.0)
    places = np.stack(np.meshgrid(np.arange(12), np.arange(12), indexing="ij"))
    positions = np.einsum("nij,jrc->nirc", matrix, places) + offset[:, :, None, None]
    inside = np.all((positions > 1e-4) & (positions < 11 - 1e-4), axis=1)
    assert 0.2 < inside.mean() < 0.9
    for n in range(6):
        wanted = ndimage.affine_transform(images[n], matrix[n], offset[n], order=1, mode="constant", cval=9.0)
        np.testing.assert_allclose(got[n][inside[n]], wanted[inside[n]], atol=3e-6)


def test_bilinear_equals_scipys_map_coordinates():
    images = RANDOM.random((3, 7, 5)).astype(np.float32)
    rows, columns = (RANDOM.uniform(-3, high, (3, 4, 6)).astype(np.float32) for high in (9, 7))
    got = jax.jit(bilinear)(images, rows, columns, 0.5)
    assert got.shape == (3, 4, 6)
    for n in range(3):
        wanted = ndimage.map_coordinates(
            images[n], [rows[n], columns[n]], order=1, mode="grid-constant", cval=0.5
        )
        np.testing.assert_allclose(got[n], wanted, atol=2e-6)


def test_a_hand_worked_number():
    image = jnp.array([[[10.0, 20.0], [30.0, 50.0]]])
    # A quarter of the way down and halfway across: 3/4 (10 + 20) / 2 + 1/4 (30 + 50) / 2.
    value = bilinear(image, jnp.full((1, 1, 1), 0.25), jnp.full((1, 1, 1), 0.5))
    assert float(value[0, 0, 0]) == 0.75 * 15 + 0.25 * 40


@pytest.mark.parametrize("shape", [(2, 6, 9), (2, 6, 9, 3)])
def test_flips_and_whole_shifts_change_no_bit(variant, shape):
    images = RANDOM.normal(size=shape).astype(np.float32) * 1e3
    map_all = lambda matrix, offset: variant(affine)(
        images, np.float32([matrix] * 2), np.float32([offset] * 2), 7.0
    )
    np.testing.assert_array_equal(map_all(IDENTITY, (0, 0)), images)
    np.testing.assert_array_equal(map_all([[-1, 0], [0, 1]], (5, 0)), images[:, ::-1])
    np.testing.assert_array_equal(map_all([[1, 0], [0, -1]], (0, 8)), images[:, :, ::-1])
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), *[(0, 0)] * (len(shape) - 3)), constant_values=7.0)
    np.testing.assert_array_equal(map_all(IDENTITY, (2, -3)), padded[:, 5:11, 0:9])


def test_quarter_turns_of_a_square_change_no_bit():
    images = RANDOM.normal(size=(1, 8, 8)).astype(np.float32)
    turned = run(images, np.float32([[[0, 1], [-1, 0]]]), np.float32([[0, 7]]))
    np.testing.assert_array_equal(turned[0], np.rot90(images[0]))


def test_far_outside_is_fill():
    images = np.ones((1, 4, 4), np.float32)
    for offset in ((0, 1e6), (-1e6, 0), (4, 0), (0, -4)):
        np.testing.assert_array_equal(run(images, IDENTITY[None], np.float32([offset]), 2.5), 2.5)


def test_bytes_and_channels():
    images = RANDOM.integers(0, 256, (3, 6, 5, 4)).astype(np.uint8)
    matrix, offset = maps(3)
    got = run(images, matrix, offset, 255)
    assert got.dtype == jnp.float32
    for channel in range(4):
        alone = run(images[..., channel].astype(np.float32), matrix, offset, 255)
        np.testing.assert_allclose(got[..., channel], alone, atol=1e-3)


def test_everything_may_be_mapped_over():
    images, (matrix, offset) = RANDOM.random((2, 3, 5, 6)).astype(np.float32), maps(6)
    matrix, offset, fill = matrix.reshape(2, 3, 2, 2), offset.reshape(2, 3, 2), jnp.array([0.0, 1.0])
    got = jax.jit(jax.vmap(affine))(images, matrix, offset, fill)
    for p in range(2):
        np.testing.assert_allclose(got[p], run(images[p], matrix[p], offset[p], fill[p]), atol=1e-5)


def test_gradients():
    images = RANDOM.random((1, 4, 4))
    # Positions away from whole pixels, where the slope jumps.
    rows, columns = (np.float32(RANDOM.integers(0, 3, (1, 5)) + 0.5)[..., None] for _ in range(2))
    check_grads(lambda x, r, c: bilinear(x, r, c), (images, rows, columns), 1, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(
    ("images", "matrix", "words"),
    [
        (np.ones((4, 4)), np.ones((4, 2, 2)), r"affine wants images \[N, H, W\] .* got \(4, 4\)"),
        (np.ones((2, 4, 4)), np.ones((3, 2, 2)), r"for each of 2 images, got \(3, 2, 2\)"),
    ],
)
def test_errors(images, matrix, words):
    with pytest.raises(ConfigError, match=words):
        affine(images, matrix, np.zeros((2, 2)))
