"""Intervals against SciPy, and what they promise."""

import numpy as np
import pytest
from scipy import stats

from nnjax.errors import DataError
from nnjax.training.statistics import mean_interval, paired_difference


def test_the_interval_is_scipys():
    values = np.random.default_rng(0).normal(size=12)
    got = mean_interval(values, confidence=0.9)
    low, high = stats.t.interval(0.9, 11, values.mean(), stats.sem(values))
    np.testing.assert_allclose([got.mean, got.low, got.high], [values.mean(), low, high])
    assert got.count == 12


def test_it_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(1)
    intervals = [mean_interval(generator.normal(3.0, 2.0, 8)) for _ in range(2000)]
    share = np.mean([one.low <= 3.0 <= one.high for one in intervals])
    assert abs(share - 0.95) < 0.015


def test_pairs_know_more_than_means():
    generator = np.random.default_rng(2)
    shared = generator.normal(0, 5, 16)
    difference = paired_difference(shared + 0.5 + generator.normal(0, 0.1, 16), shared)
    assert 0.4 < difference.low < 0.5 < difference.high < 0.6
    assert mean_interval(shared).high - mean_interval(shared).low > 2


def test_one_number_says_nothing_and_bad_ones_are_refused():
    assert mean_interval([2.0])[1:3] == (-np.inf, np.inf)
    with pytest.raises(DataError, match="finite numbers, got nan at 1"):
        mean_interval([1.0, np.nan])
    with pytest.raises(DataError, match="wants a list of numbers, got shape"):
        mean_interval([])
    with pytest.raises(DataError, match="wants pairs"):
        paired_difference([1.0], [1.0, 2.0])
