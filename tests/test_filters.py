"""Figures of filters, feature maps and sizes: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from nnjax.errors import DataError
from nnjax.runner.plots.filters import depth_figure, feature_maps_figure, filters_figure
from nnjax.runner.plots.style import RIGHT, WRONG


def pictures(figure) -> list[np.ndarray]:
    return [np.asarray(axis.images[0].get_array()) for axis in figure.axes if axis.images]


def test_filters_of_one_channel_share_a_scale_with_white_at_zero() -> None:
    filters = np.arange(-6.0, 21.0).reshape(3, 3, 1, 3)
    figure = filters_figure(filters, columns=2)
    assert [axis.images[0].get_clim() for axis in figure.axes if axis.images] == [(-20.0, 20.0)] * 3
    for index, picture in enumerate(pictures(figure)):
        assert np.array_equal(picture, filters[:, :, 0, index])
    colours = figure.axes[0].images[0].get_cmap()
    assert colours(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    assert colours(1.0) == to_rgba(RIGHT), "blue is positive, as in every figure of signed numbers"
    assert colours(0.0) == to_rgba(WRONG)


def test_filters_of_three_channels_are_colours_and_grey_at_zero() -> None:
    filters = np.zeros((1, 2, 3, 1))
    filters[0, 1, :, 0] = [4, -4, 2]
    (picture,) = pictures(filters_figure(filters))
    assert picture.tolist() == [[[0.5, 0.5, 0.5], [1.0, 0.0, 0.75]]]
    with pytest.raises(DataError, match=r"filters_figure wants \[kh, kw, 1 or 3, O\], got \[3, 3, 2, 4\]"):
        filters_figure(np.zeros((3, 3, 2, 4)))


def test_the_most_active_channels_come_first() -> None:
    maps = np.stack([np.full((4, 5), value) for value in (1.0, 3.0, 2.0)], axis=-1)
    figure = feature_maps_figure(np.ones((4, 5, 1)), {"conv_1": maps, "dense": np.ones(7)}, most=2)
    image, *drawn = pictures(figure)
    assert image.shape == (4, 5)
    assert [float(picture[0, 0]) for picture in drawn] == [3.0, 2.0]
    assert figure.axes[1].get_ylabel() == "conv_1\n4×5×3"
    assert figure.axes[1].images[0].get_clim() == (0.0, 3.0)  # one scale for the layer
    maps[0, 0] -= [9, 0, 1]  # the second varies not at all
    order = pictures(feature_maps_figure(np.ones((4, 5)), {"a": maps, "one": np.ones((1, 1, 4))}))[1:]
    assert [float(picture[1, 1]) for picture in order] == [1.0, 2.0, 3.0]
    maps[0, 0] += [9, 0, 1]
    signed = feature_maps_figure(np.ones((4, 5)), {"conv_1": maps - 5})
    assert signed.axes[1].images[0].get_clim() == (-4.0, 4.0)
    with pytest.raises(DataError, match=r"feature_maps_figure wants layers \[h, w, C\], got dense"):
        feature_maps_figure(np.ones((4, 5)), {"dense": np.ones(7)})


def test_boxes_are_as_high_as_maps_and_as_wide_as_channels() -> None:
    figure = depth_figure(
        {"image": (16, 16, 4), "conv_1": (16, 16, 64), "pool_1": (4, 4, 64), "dense": (16,)}
    )
    image, conv, pool, dense = figure.axes[0].patches
    assert conv.get_height() == pytest.approx(2 * pool.get_height())
    assert conv.get_width() == pytest.approx(4 * image.get_width())
    assert conv.get_width() == pytest.approx(2 * dense.get_width())
    assert len({box.get_facecolor() for box in (image, conv, pool, dense)}) == 4
    assert figure.axes[0].texts[2].get_text() == "pool_1   4×4×64"
    with pytest.raises(DataError, match="at least one layer"):
        depth_figure({})
