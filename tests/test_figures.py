"""The figures of a run: the pixels that are shown are those of the data."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.data.datasets import load
from nnjax.data.scaling import standardise
from nnjax.runner.figures import as_images, is_labelled
from nnjax.types import Dataset, Splits


def test_images_are_shown_as_they_were_before_standardisation() -> None:
    digits = load("digits")
    splits = standardise(Splits(digits, test=digits.take(slice(0, 9))))
    assert splits.test is not None
    shown = as_images(splits.test, splits)
    np.testing.assert_allclose(shown, digits.inputs[:9], atol=1e-5)
    assert as_images(digits, Splits(digits)) is digits.inputs


@pytest.mark.parametrize("shape", [(5, 8), (5, 8, 8, 7), (5, 2, 8, 8, 3)])
def test_what_is_no_image_is_not_shown(shape: tuple[int, ...]) -> None:
    part = Dataset(np.zeros(shape, np.float32), np.zeros(5, np.int32))
    assert as_images(part, Splits(part)) is None


def test_only_labels_have_a_confusion_matrix() -> None:
    inputs = np.zeros((5, 2), np.float32)
    assert is_labelled(Dataset(inputs, np.zeros(5, np.int32)))
    assert not is_labelled(Dataset(inputs, np.zeros(5, np.float32)))
    assert not is_labelled(Dataset(inputs, np.zeros((5, 2), np.int32)))
