"""Comparisons of a setting with itself, against what is known of normal numbers, and by counting."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.training.luck import Luck, best_of, compare_with_itself, deviation_interval, seeds_needed

NORMAL = np.random.default_rng(0).normal(0.9, 0.01, size=2000)


@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_means_of_k_differ_by_s_times_the_root_of_two_over_k(seeds: int) -> None:
    luck = compare_with_itself(NORMAL, seeds, comparisons=4000)
    deviation = NORMAL.std(ddof=1) * np.sqrt(2 / seeds)
    assert luck.differences.std() == pytest.approx(deviation, rel=0.05)
    assert luck.differences.mean() == pytest.approx(0, abs=4 * deviation / np.sqrt(4000))
    assert luck.within(0.95) == pytest.approx(1.96 * deviation, rel=0.06)
    assert luck.wins(deviation) == pytest.approx(0.1587, abs=0.03)  # beyond one deviation, on one side
    # A 95% interval misses what is so in 5% of all cases; one number has none.
    assert luck.surely.mean() == pytest.approx(0.05 if seeds > 1 else 0, abs=0.015)


def test_no_training_is_compared_with_itself() -> None:
    luck = compare_with_itself(np.array([0.0, 1.0, 3.0, 7.0]), 2, comparisons=500)
    # Halves of {0, 1, 3, 7}: the means differ by (11 - 2 * sum of one half) / 2.
    assert set(np.abs(luck.differences)) == {1.5, 2.5, 4.5}


def test_a_margin_of_one_example_counts_in_spite_of_rounding() -> None:
    luck = Luck(np.array([0.3 - 0.2, 0.05]), np.zeros(2, bool))
    assert 0.3 - 0.2 < 0.1
    assert luck.wins(0.1) == 0.5


def test_best_of_counts_every_set() -> None:
    scores = np.random.default_rng(1).random(9)
    for seeds in (1, 2, 4, 9):
        wanted = np.mean([max(some) for some in itertools.combinations(scores, seeds)])
        assert best_of(scores, seeds) == pytest.approx(wanted, rel=1e-12)


def test_seeds_needed_by_hand() -> None:
    scores = np.array([-1.0, 0.0, 1.0])  # deviation 1
    assert seeds_needed(scores, 1.0) == 8  # 2 * 1.96^2 = 7.68
    assert seeds_needed(scores, 10.0) == 1


def test_the_interval_of_a_deviation() -> None:
    # Of 20 numbers with deviation 1: sqrt(19 / 32.852) and sqrt(19 / 8.907), from tables of chi-squared.
    scores = np.array([-1.0, 1.0] * 10) * np.sqrt(19 / 20)
    found = deviation_interval(scores)
    assert found == pytest.approx((1.0, 0.7605, 1.4606, 20), rel=1e-4)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"1 <= seeds <= N / 2 .* got scores \[4\], seeds 3"):
        compare_with_itself(np.zeros(4), 3)
    with pytest.raises(ConfigError, match="margin wants a positive number, got 0"):
        seeds_needed(np.zeros(4), 0)
    with pytest.raises(ConfigError, match="best_of wants 1 to N = 2 seeds, got 3"):
        best_of(np.zeros(2), 3)
    with pytest.raises(ConfigError, match="at least two scores"):
        deviation_interval(np.zeros(1))
