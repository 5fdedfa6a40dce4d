"""Intervals against SciPy, and what they promise."""

import numpy as np
import pytest
from scipy import stats

from nnjax.errors import ConfigError, DataError
from nnjax.training.statistics import Z95, mean_interval, mean_intervals, paired_difference, share_interval


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


def test_folds_share_examples_so_their_interval_is_wider():
    values = np.random.default_rng(3).normal(size=10)
    alone, folds = mean_interval(values), mean_interval(values, overlap=1 / 9)
    np.testing.assert_allclose(
        (folds.high - folds.mean) / (alone.high - alone.mean), np.sqrt((1 / 10 + 1 / 9) / (1 / 10))
    )
    assert paired_difference(values, 0 * values, overlap=1 / 9) == folds


def test_many_intervals_are_the_single_ones():
    values = np.random.default_rng(4).normal(size=(6, 2, 3))
    mean, low, high = mean_intervals(values, 0.9)
    one = mean_interval(values[:, 1, 2], 0.9)
    np.testing.assert_allclose([mean[1, 2], low[1, 2], high[1, 2]], one[:3], rtol=1e-12)


def test_a_published_value() -> None:
    # Newcombe 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I
    for successes, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
    ):
        got = share_interval(successes, trials)
        assert (round(got.low, 4), round(got.high, 4)) == (low, high)


@pytest.mark.parametrize(("successes", "trials"), [(3, 10), (468, 1000), (999, 1000)])
def test_its_ends_solve_the_equation(successes: int, trials: int) -> None:
    got = share_interval(successes, trials)
    for p in (got.low, got.high):
        np.testing.assert_allclose((successes - trials * p) ** 2, Z95**2 * trials * p * (1 - p), rtol=1e-9)
    assert got.mean == successes / trials
    assert got.low < got.mean < got.high


def test_all_or_none_leave_an_interval_within_0_and_1() -> None:
    none, every = share_interval(0, 1000), share_interval(1000, 1000)
    assert (none.low, every.high) == (0.0, 1.0)
    assert 0.003 < none.high < 0.005
    assert none.high == pytest.approx(1 - every.low)


def test_it_covers_the_truth_95_times_of_100() -> None:
    shares = np.random.default_rng(0).binomial(200, 0.3, 4000)
    covered = np.mean([got.low <= 0.3 <= got.high for got in (share_interval(int(k), 200) for k in shares)])
    assert 0.935 < covered < 0.965


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share(successes: int, trials: int) -> None:
    with pytest.raises(ConfigError, match=r"^share_interval wants 0 to N successes"):
        share_interval(successes, trials)
