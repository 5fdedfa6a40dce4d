"""The three products of a convolution: each is linear in both arguments and adjoint to the others."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from nnjax.layers.conv_forms import Geometry
from nnjax.layers.conv_products import inputs, outputs, weights


@pytest.mark.parametrize("groups", [1, 3, 9])
def test_they_are_three_readings_of_one_sum(groups):
    geometry = Geometry((2, 1), ((1, 0), (1, 1)), (1, 2), groups)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 7, 9)).astype("f")
    filters = rng.normal(size=(3, 2, 9 // groups, 18)).astype("f")
    y = outputs(x, filters, geometry)
    dy = rng.normal(size=y.shape).astype("f")
    total = np.sum(np.asarray(y, float) * dy)
    dx = inputs(filters, dy, x.shape[1:], geometry)
    df = weights(x, dy, filters.shape, geometry)
    assert (dx.shape, df.shape) == (x.shape, filters.shape)
    np.testing.assert_allclose(np.sum(np.asarray(dx, float) * x), total, rtol=1e-4)
    np.testing.assert_allclose(np.sum(np.asarray(df, float) * filters), total, rtol=1e-4)


def test_each_is_differentiated_into_the_others():
    geometry = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    rng = np.random.default_rng(1)
    x, filters = rng.normal(size=(2, 5, 5, 3)).astype("f"), rng.normal(size=(3, 3, 3, 4)).astype("f")
    dy = rng.normal(size=(2, 5, 5, 4)).astype("f")
    dx, back = jax.vjp(lambda f, dy: inputs(f, dy, (5, 5, 3), geometry), filters, dy)
    for got, expected in zip(
        back(x), (weights(x, dy, filters.shape, geometry), outputs(x, filters, geometry)), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    assert dx.shape == x.shape
    _, back = jax.vjp(lambda x, dy: weights(x, dy, filters.shape, geometry), x, dy)
    for got, expected in zip(
        back(filters), (inputs(filters, dy, (5, 5, 3), geometry), outputs(x, filters, geometry)), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
