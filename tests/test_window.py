"""The geometry of a window: padding in pixels and how many places there are, by hand."""

from __future__ import annotations

import pytest

from nnjax.errors import ConfigError
from nnjax.layers.window import output_size, pads, pair


@pytest.mark.parametrize(
    ("image", "window", "stride", "dilation", "expected"),
    [
        ((6, 6), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1))),
        ((5, 8), (2, 2), (1, 2), (1, 1), ((0, 1), (0, 0))),
        ((224, 224), (11, 11), (4, 4), (1, 1), ((3, 4), (3, 4))),
        ((7, 7), (3, 3), (1, 1), (2, 2), ((2, 2), (2, 2))),
        ((4, 4), (1, 1), (3, 3), (1, 1), ((0, 0), (0, 0))),
    ],
)
def test_same_by_hand(image, window, stride, dilation, expected):
    assert pads("conv2d", "SAME", image, window, stride, dilation) == expected


def test_explicit_pixels_may_come_as_lists():
    assert pads("conv2d", [[0, 1], (2, 3)], (4, 4), (3, 3), (1, 1)) == ((0, 1), (2, 3))


@pytest.mark.parametrize("wrong", ["full", 2, ((1, 1),), ((1, 1), 2), ((0.5, 0), (0, 0)), ((0, -1), (0, 0))])
def test_wrong_padding(wrong):
    with pytest.raises(ConfigError, match='conv2d wants padding "VALID", "SAME" or'):
        pads("conv2d", wrong, (4, 4), (3, 3), (1, 1))


def test_places_by_hand():
    assert output_size("conv2d", (1, 224, 224, 3), (11, 11), 0, (2, 2), 4) == 55
    assert output_size("conv2d", (1, 7, 7, 3), (3, 3), 1, (0, 0), 1, dilation=3) == 1
    with pytest.raises(ConfigError, match="max_pool: the window is 3 pixels wide, the padded image only 2"):
        output_size("max_pool", (1, 9, 2, 3), (3, 3), 1, (0, 0), 1)


def test_pairs():
    assert pair("stride", (2, 3)) == (2, 3)
    with pytest.raises(ConfigError, match=r"stride must be .* or two of them, got 1\.5"):
        pair("stride", 1.5)
