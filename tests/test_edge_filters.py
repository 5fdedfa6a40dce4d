"""The classic edge filters: their numbers, and what they answer to ramps."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.conv import conv2d
from nnjax.layers.edge_filters import SMOOTHING, edge_filter


def test_the_numbers_are_the_published_ones() -> None:
    assert edge_filter("prewitt")[:, :, 0, 0].tolist() == [[-1, 0, 1]] * 3
    assert edge_filter("sobel", horizontal=True)[:, :, 0, 0].tolist() == [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    assert edge_filter("scharr")[:, :, 0, 0].tolist() == [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]


@pytest.mark.parametrize("kind", SMOOTHING)
@pytest.mark.parametrize("horizontal", [False, True])
def test_each_measures_the_slope_of_a_ramp_in_its_direction_alone(kind: str, horizontal: bool) -> None:
    rows, columns = np.mgrid[0:5, 0:5].astype(np.float32)
    ramp = jnp.asarray(3 * columns + 7 * rows + 2)[None, :, :, None]
    answer = conv2d({"filters": edge_filter(kind, horizontal)}, ramp)
    np.testing.assert_allclose(answer, (7 if horizontal else 3) * 2 * sum(SMOOTHING[kind]))


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="prewitt, sobel, scharr, got 'canny'"):
        edge_filter("canny")
