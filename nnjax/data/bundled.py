"""The sets that travel inside scikit-learn: real measurements, no network needed.

Sources and licences are in scikit-learn's user guide, "Toy datasets"
(https://scikit-learn.org/stable/datasets/toy_dataset.html).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnjax.types import Dataset


def digits() -> Dataset:
    """1,797 handwritten digits as 8x8 images, the default set of this library.

    Each pixel counts the ink in a 4x4 block of a 32x32 bitmap, so it is a whole number from 0 to 16
    (Alpaydin and Kaynak, 1998, https://archive.ics.uci.edu/dataset/80).

    Returns:
        Inputs uint8 [1797, 8, 8] with value range (0, 16), targets int32 [1797], classes "0" to "9".

    >>> digits().inputs.shape
    (1797, 8, 8)
    """
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    names = tuple(str(digit) for digit in range(10))
    return Dataset(bunch.images.astype(np.uint8), bunch.target.astype(np.int32), "digits", names, (0.0, 16.0))


def iris() -> Dataset:
    """Fisher's 150 irises (1936): four lengths in cm, three species."""
    from sklearn.datasets import load_iris

    return _classification(load_iris(), "iris")


def wine() -> Dataset:
    """178 wines of three growers, 13 chemical measurements each."""
    from sklearn.datasets import load_wine

    return _classification(load_wine(), "wine")


def breast_cancer() -> Dataset:
    """569 biopsies, 30 measurements of cell nuclei each: malignant (0) or benign (1)."""
    from sklearn.datasets import load_breast_cancer

    return _classification(load_breast_cancer(), "breast_cancer")


def diabetes() -> Dataset:
    """442 patients, 10 measurements, centred and scaled; targets [442, 1], the disease a year later."""
    from sklearn.datasets import load_diabetes

    return _regression(load_diabetes(), "diabetes")


def linnerud() -> Dataset:
    """20 middle-aged men: chin-ups, sit-ups and jumps; targets [20, 3], their weight, waist and pulse."""
    from sklearn.datasets import load_linnerud

    return _regression(load_linnerud(), "linnerud")


def _classification(bunch, name: str) -> Dataset:
    classes = tuple(str(label) for label in bunch.target_names)
    return Dataset(bunch.data.astype(np.float32), bunch.target.astype(np.int32), name, classes)


def _regression(bunch, name: str) -> Dataset:
    targets = bunch.target.astype(np.float32).reshape(len(bunch.target), -1)
    return Dataset(bunch.data.astype(np.float32), targets, name)
