"""Photographs that travel inside packages, and the user's own."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np

from nnjax.data.image_files import read_image
from nnjax.errors import DataError

BUNDLED = {
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "ihc": ("skimage", "data/ihc.png"),
}
PACKAGES = {"sklearn": "scikit-learn", "skimage": "scikit-image"}


def photograph(name: str | os.PathLike) -> np.ndarray:
    """A photograph by its name, or the image in a file.

    Args:
        name: "china" or "flower", which come with scikit-learn; "astronaut", "chelsea", "coffee" or "ihc" of
            scikit-image, where that is installed; or the path of an image.

    Returns:
        uint8 [H, W, 3].

    Raises:
        DataError: If there is no such photograph or file.
        DamagedError: If the file is not an image.

    >>> photograph("china").shape
    (427, 640, 3)
    """
    if str(name) not in BUNDLED:
        if not Path(name).expanduser().exists():
            raise DataError(
                f"{name}: no such file, and no photograph of that name; there are {', '.join(BUNDLED)}"
            )
        pixels = read_image(name)
        return np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
    package, path = BUNDLED[str(name)]
    found = importlib.util.find_spec(package)
    folder = found.submodule_search_locations[0] if found and found.submodule_search_locations else None
    if folder is None or not (Path(folder) / path).exists():
        raise DataError(
            f"the photograph {name} comes with {PACKAGES[package]}: pip install {PACKAGES[package]}"
        )
    return read_image(Path(folder) / path)
