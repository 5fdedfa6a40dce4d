"""A convolution as a matrix, and who sees what, by counting."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.layers.conv import conv2d
from nnjax.layers.conv_views import conv_matrix, receptive_field, visits


@pytest.mark.parametrize(
    "how", [{}, {"stride": 2}, {"padding": "SAME"}, {"dilation": 2, "padding": ((2, 1), (0, 2))}]
)
def test_the_matrix_gives_the_answer_of_the_convolution(how) -> None:
    generator = np.random.default_rng(0)
    image, filters = generator.normal(size=(7, 6)), generator.normal(size=(3, 3))
    answer = conv2d(
        {"filters": jnp.asarray(filters, jnp.float32)[:, :, None, None]}, image[None, ..., None], **how
    )
    np.testing.assert_allclose(
        image.reshape(-1) @ conv_matrix(filters, (7, 6), **how), answer.reshape(-1), atol=1e-5
    )


def test_the_matrix_has_the_weights_where_the_window_stands() -> None:
    matrix = np.asarray(conv_matrix(np.arange(1, 5).reshape(2, 2), (3, 3)))
    assert matrix[:, 0].reshape(3, 3).tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]
    assert matrix[:, 3].reshape(3, 3).tolist() == [[0, 0, 0], [0, 1, 2], [0, 3, 4]]


@pytest.mark.parametrize(("padding", "stride"), [(0, 1), (1, 1), (1, 2)])
def test_visits_are_those_that_a_loop_counts(padding: int, stride: int) -> None:
    counted = np.zeros((6 + 2 * padding, 5 + 2 * padding))
    for i in range(0, counted.shape[0] - 2, stride):
        for j in range(0, counted.shape[1] - 2, stride):
            counted[i : i + 3, j : j + 3] += 1
    inside = counted[padding : padding + 6, padding : padding + 5]
    pads = ((padding, padding), (padding, padding))
    np.testing.assert_array_equal(visits((6, 5), 3, padding=pads, stride=stride), inside)


def test_the_receptive_field_of_a_dilated_window_has_holes() -> None:
    ones = {"filters": jnp.ones((1, 3, 1, 1))}
    seen = receptive_field(lambda x: conv2d(ones, x, dilation=2, padding=((0, 0), (2, 2))), (1, 7))
    assert seen.tolist() == [[0, 1, 0, 1, 0, 1, 0]]
