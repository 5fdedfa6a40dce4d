"""A small set of photographs that is always there: crops of scikit-learn's two pictures, two classes."""

from __future__ import annotations

import numpy as np

from nnjax.data.photographs import photograph
from nnjax.types import Dataset, Splits

CLASSES = ("china", "flower")
PARTS = {"train": (0.0, 0.6), "valid": (0.6, 0.8), "test": (0.8, 1.0)}  # of the columns of each photograph
SMALLEST = 64  # pixels a side of a crop, before it is resized


def photo_crops(side: int, count: int = 120, seed: int = 0) -> Splits:
    """Square crops of two photographs, a temple and a flower, as uint8 [N, side, side, 3].

    The parts are from different columns of the photographs, so that none shares a pixel with another.

    Args:
        side: Pixels a side that every crop is brought to.
        count: Crops to train on; a quarter of it validates and as many test.
        seed: The draw.

    >>> parts = photo_crops(32, 8)
    >>> parts.train.inputs.shape, parts.test.targets.tolist()
    ((8, 32, 32, 3), [0, 1])
    """
    from PIL import Image

    pictures, rng = [photograph(name) for name in CLASSES], np.random.default_rng(seed)

    def crop(picture: np.ndarray, low: float, high: float) -> np.ndarray:
        height, width, _ = picture.shape
        first, last = int(low * width), int(high * width)
        size = rng.integers(SMALLEST, min(height, last - first) + 1)
        top, left = rng.integers(height - size + 1), rng.integers(first, last - size + 1)
        image = Image.fromarray(picture[top : top + size, left : left + size])
        return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))

    def part(name: str, size: int) -> Dataset:
        labels = np.arange(size, dtype=np.int32) % len(CLASSES)
        images = np.stack([crop(pictures[label], *PARTS[name]) for label in labels])
        return Dataset(images, labels, "photo_crops", CLASSES, (0.0, 255.0))

    few = max(len(CLASSES), count // 4)
    return Splits(part("train", count), part("valid", few), part("test", few))
