"""The sheet of augmentations: every cell shows what its text says."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner.plots.augmentation import augmentation_sheet

DIGIT = np.random.default_rng(0).integers(0, 17, (8, 8)).astype(np.uint8)
PHOTO = np.random.default_rng(1).integers(0, 256, (10, 10, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def blocks():
    figure = augmentation_sheet([DIGIT, PHOTO], [0, 128])
    names, *blocks = figure.subfigs
    assert [axis.texts[0].get_text() for axis in names.axes] == [
        "as it is", "translation", "rotation", "scaling", "shear", "flips", "crop", "cutout",
        "brightness", "contrast",
    ]  # fmt: skip
    return [np.array(block.axes).reshape(10, 4) for block in blocks]


def shown(axis) -> np.ndarray:
    return np.asarray(axis.images[0].get_array())


def test_the_images_themselves_stand_on_top(blocks):
    np.testing.assert_allclose(shown(blocks[0][0, 0]), DIGIT / DIGIT.max())
    np.testing.assert_allclose(shown(blocks[1][0, 0]), PHOTO / np.float32(255))
    assert not blocks[0][0, 1].images


def test_flips_crops_and_squares_are_exact(blocks):
    digit, photo = (blocks[0], DIGIT / DIGIT.max()), (blocks[1], PHOTO / np.float32(255))
    for axes, image in (digit, photo):
        np.testing.assert_allclose(shown(axes[5, 0]), image[:, ::-1])
        np.testing.assert_allclose(shown(axes[5, 1]), image[::-1])
        assert axes[6, 0].get_title() == "↖ 2 px"
        np.testing.assert_allclose(shown(axes[6, 0])[:-2, :-2], image[2:, 2:])
        np.testing.assert_allclose(shown(axes[6, 3])[2:, 2:], image[:-2, :-2])
    np.testing.assert_allclose(shown(blocks[1][6, 0])[-2:], 128 / 255)
    assert blocks[0][7, 3].get_title() == "4 px"
    np.testing.assert_allclose(shown(blocks[0][7, 3])[2:6, 3:7], 0)


def test_every_cell_has_a_text_and_is_another_picture(blocks):
    for axes in blocks:
        pictures = {shown(axis).tobytes() for axis in axes.flat if axis.images}
        assert len(pictures) == sum(bool(axis.images) for axis in axes.flat) == 36
        assert all(axis.get_title(loc="center") for axis in axes[1:].flat if axis.images)


def test_brightness_is_what_it_says(blocks):
    assert blocks[0][8, 0].get_title() == "× 0.4"
    np.testing.assert_allclose(shown(blocks[0][8, 0]), 0.4 * DIGIT / DIGIT.max(), rtol=1e-5)


def test_wrong_images():
    with pytest.raises(DataError, match=r"\[H, W\] or \[H, W, 3\], got \(2, 3, 4\)"):
        augmentation_sheet([np.ones((2, 3, 4))])
    with pytest.raises(DataError, match="a fill for each; got 1, 2"):
        augmentation_sheet([DIGIT], [0, 1])
