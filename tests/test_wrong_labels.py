"""Labels that are wrong on purpose: how many, which, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax import Dataset, load
from nnjax.data.splits import split
from nnjax.data.wrong_labels import noisy_splits, wrong_labels
from nnjax.errors import ConfigError, DataError


@pytest.mark.parametrize("share", [0.0, 0.2, 0.333, 1.0])
def test_exactly_the_share_is_wrong(share: float) -> None:
    digits = load("digits")
    wrong = wrong_labels(digits, share)
    assert (wrong.targets != digits.targets).sum() == round(share * 1797)
    assert wrong.inputs is digits.inputs
    assert wrong.targets.dtype == np.int32


def test_every_other_class_is_equally_likely() -> None:
    threes = Dataset(np.zeros((9000, 1)), np.full(9000, 3), classes=tuple("0123456789"))
    counts = np.bincount(wrong_labels(threes, 1.0).targets, minlength=10)
    assert counts[3] == 0
    assert (np.abs(np.delete(counts, 3) - 1000) < 150).all()  # five deviations


def test_the_draw_follows_from_the_seed_and_leaves_the_original_alone() -> None:
    digits = load("digits")
    before = digits.targets.copy()
    first, again, other = (wrong_labels(digits, 0.5, seed).targets for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert (digits.targets == before).all()


def test_of_noisy_splits_the_test_part_is_right() -> None:
    right = split(load("digits"), valid=300, test=697)
    noisy = noisy_splits(right, 0.2)
    assert noisy.test is right.test
    assert (noisy.train.targets != right.train.targets).mean() == pytest.approx(0.2)
    assert (noisy.valid.targets != right.valid.targets).mean() == pytest.approx(0.2)
    assert noisy_splits(right._replace(valid=None), 0.2).valid is None


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"share wants a number from 0 to 1, got 1\.5"):
        wrong_labels(load("iris"), 1.5)
    with pytest.raises(DataError, match=r"at least 2 named classes, got targets \(442, 1\) of type float32"):
        wrong_labels(load("diabetes"), 0.5)
