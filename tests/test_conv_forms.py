"""The forms of the gradients: both of the weight gradient against XLA, whatever the table says."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from nnjax.layers.conv_forms import (
    Geometry,
    by_swapped_axes,
    by_windows,
    convolve,
    input_gradient,
    weight_gradient_form,
)

CASES = [  # image, window, stride, padding, dilation
    ((2, 6, 7, 3), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    ((2, 9, 6, 3), (3, 2), (2, 1), ((0, 0), (0, 0)), (1, 1)),
    ((1, 8, 9, 2), (2, 3), (3, 2), ((2, 0), (1, 3)), (2, 2)),
    ((3, 5, 5, 4), (1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((2, 4, 4, 2), (3, 3), (1, 1), ((4, 3), (3, 4)), (1, 1)),
    ((2, 12, 3, 2), (3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1)),
]


@pytest.mark.parametrize("case", CASES)
def test_every_form_against_xla(case):
    image, window, *moves = case
    geometry = Geometry(*moves, groups=1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=image).astype("f")
    filters = rng.normal(size=(*window, image[3], 5)).astype("f")
    y, back = jax.vjp(lambda x, f: convolve(x, f, geometry), x, filters)
    dy = rng.normal(size=y.shape).astype("f")
    dx, df = back(dy)
    np.testing.assert_allclose(input_gradient(image[1:], filters, dy, geometry), dx, rtol=1e-4, atol=1e-4)
    for form in (by_windows, by_swapped_axes):
        got = jax.jit(lambda x, dy, form=form: form(x, filters.shape, dy, geometry))(x, dy)
        np.testing.assert_allclose(got, df, rtol=1e-4, atol=1e-4, err_msg=form.__name__)


def test_the_table():
    assert weight_gradient_form(3 * 3 * 1) == "windows"  # Fashion-MNIST's and VGG's first layers
    assert weight_gradient_form(3 * 3 * 3) == "windows"
    assert weight_gradient_form(11 * 11 * 3) == "swapped"
    assert weight_gradient_form(3 * 3 * 512) == "swapped"
