"""How much of a difference between two settings is luck: comparisons of a setting with itself."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nnjax.errors import ConfigError
from nnjax.training.statistics import Z95, Interval, mean_intervals


class Luck(NamedTuple):
    """Comparisons of two groups of k trainings that differ in nothing but their seeds.

    Attributes:
        differences: float64 [C], the mean of the first group minus that of the second.
        surely: bool [C], whether the 95% interval of the k paired differences excludes 0; all False
            for k = 1, where there is no interval.
    """

    differences: np.ndarray
    surely: np.ndarray

    def wins(self, margin: float) -> float:
        """How often the first group beats the second by at least `margin`, a share of all comparisons."""
        # A hair below, so that a margin of exactly one example counts in spite of rounding.
        return float((self.differences >= margin * (1 - 1e-9)).mean())

    def within(self, share: float = 0.95) -> float:
        """What the difference, with either sign, stays within in that share of the comparisons."""
        return float(np.quantile(np.abs(self.differences), share))


def compare_with_itself(scores: np.ndarray, seeds: int, comparisons: int = 20_000, seed: int = 0) -> Luck:
    """Draws two groups of `seeds` trainings of one setting, without a training in common, many times.

    Args:
        scores: float [N], what N trainings of the setting scored.
        seeds: k, the trainings of each group, 2 k <= N.
        comparisons: C, how many pairs of groups are drawn.
        seed: The draw.

    Returns:
        The differences, and whether their intervals exclude 0.

    Raises:
        ConfigError: If there are too few scores.

    >>> luck = compare_with_itself(np.array([0.0, 1.0]), seeds=1)
    >>> luck.within(0.5), round(luck.wins(1.0), 1)
    (1.0, 0.5)
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or not 1 <= seeds <= len(scores) // 2 or comparisons < 1:
        raise ConfigError(
            f"compare_with_itself wants scores [N], 1 <= seeds <= N / 2 and comparisons >= 1, got scores "
            f"{list(scores.shape)}, seeds {seeds} and comparisons {comparisons}"
        )
    rng = np.random.default_rng([seed, seeds])
    order = rng.random((comparisons, len(scores))).argsort(axis=1)[:, : 2 * seeds]
    first, second = scores[order[:, :seeds]], scores[order[:, seeds:]]
    pairs = (first - second).T
    differences = pairs.mean(axis=0)
    if seeds == 1:
        return Luck(differences, np.zeros(comparisons, bool))
    _, low, high = mean_intervals(pairs)
    return Luck(differences, (low > 0) | (high < 0))


def seeds_needed(scores: np.ndarray, margin: float) -> int:
    """How many seeds a setting needs so that luck alone stays within `margin` in 95% of comparisons.

    The difference of two means of k has the deviation s sqrt(2 / k), so k = 2 (1.96 s / margin)^2.

    Raises:
        ConfigError: If the margin is not positive.

    >>> seeds_needed(np.array([-1.0, 1.0]), margin=1.96 * 2)
    1
    """
    if not margin > 0:
        raise ConfigError(f"margin wants a positive number, got {margin}")
    return max(1, int(np.ceil(2 * np.var(scores, ddof=1) * (Z95 / margin) ** 2)))


def best_of(scores: np.ndarray, seeds: int) -> float:
    """What the best of `seeds` trainings scores on average: what is reported where only the best one is.

    Over all sets of k of the N scores: sum_i s_(i) C(i - 1, k - 1) / C(N, k), s_(i) the i-th smallest.

    Raises:
        ConfigError: If there are fewer scores than seeds, or no seed.

    >>> best_of(np.array([1.0, 2.0, 3.0]), 2)
    2.6666666666666665
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    if not 1 <= seeds <= len(ordered):
        raise ConfigError(f"best_of wants 1 to N = {len(ordered)} seeds, got {seeds}")
    chances = [math.comb(i, seeds - 1) / math.comb(len(ordered), seeds) for i in range(len(ordered))]
    return float(ordered @ np.array(chances))


def deviation_interval(scores: np.ndarray, confidence: float = 0.95) -> Interval:
    """The standard deviation s of N scores with its interval, for scores that are normally distributed.

    From s sqrt((N - 1) / q) for the two quantiles q of chi-squared with N - 1 degrees of freedom.

    Raises:
        ConfigError: If there are fewer than two scores.

    >>> deviation_interval(np.array([1.0, 3.0])).mean
    1.4142135623730951
    """
    from scipy.stats import chi2

    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or len(scores) < 2:
        raise ConfigError(f"deviation_interval wants at least two scores, got {list(scores.shape)}")
    free, s = len(scores) - 1, float(scores.std(ddof=1))
    high, low = (s * math.sqrt(free / chi2.ppf((1 + sign * confidence) / 2, free)) for sign in (-1, 1))
    return Interval(s, low, high, len(scores))
