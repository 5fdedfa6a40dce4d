"""What many trainings tell: means and shares with their intervals, and paired comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnjax.errors import ConfigError, DataError

Z95 = 1.959963984540054  # the 97.5% point of the standard normal distribution


class Interval(NamedTuple):
    """A mean and the interval that holds the true one with the stated confidence.

    Attributes:
        mean: The mean of the sample.
        low: The interval's lower end.
        high: Its upper end.
        count: How many numbers the sample has.
    """

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}] (n = {self.count})"


def mean_interval(
    values: Sequence[float] | np.ndarray, confidence: float = 0.95, overlap: float = 0.0
) -> Interval:
    """mean +- t * s * sqrt(1 / n + overlap), with Student's t for n - 1 degrees of freedom.

    Student, "The probable error of a mean" (1908), https://doi.org/10.1093/biomet/6.1.1. Numbers
    that are not finite (members that diverged) are refused: a mean without them would flatter.

    Args:
        values: n numbers; with fewer than two the interval is everything.
        confidence: Between 0 and 1.
        overlap: 0 for numbers that know nothing of each other. The scores of k folds share training
            examples, so they vary less than their mean is unsure; for them it is 1 / (k - 1), the
            size of a validation part over that of a training part: Nadeau and Bengio, "Inference for
            the generalization error" (2003), https://doi.org/10.1023/A:1024068626366.

    Raises:
        DataError: If there are none, or one is not finite.

    >>> print(mean_interval([1.0, 2.0, 3.0]))
    2.0000 [-0.4841, 4.4841] (n = 3)
    """
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not sample.size:
        raise DataError(f"mean_interval wants a list of numbers, got shape {sample.shape}")
    bad = np.flatnonzero(~np.isfinite(sample))
    if bad.size:
        raise DataError(f"mean_interval wants finite numbers, got {sample[bad[0]]} at {bad[0]}")
    mean, low, high = mean_intervals(sample, confidence, overlap)
    return Interval(float(mean), float(low), float(high), sample.size)


def mean_intervals(
    values: np.ndarray, confidence: float = 0.95, overlap: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`mean_interval` for many quantities at once: values [n, ...] -> mean, low and high, each [...]."""
    from scipy.stats import t

    sample = np.asarray(values, np.float64)
    count, mean = len(sample), sample.mean(axis=0)
    if count < 2:
        return mean, np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
    half = t.ppf((1 + confidence) / 2, count - 1) * sample.std(axis=0, ddof=1) * np.sqrt(1 / count + overlap)
    return mean, mean - half, mean + half


def paired_difference(
    after: Sequence[float] | np.ndarray,
    before: Sequence[float] | np.ndarray,
    confidence: float = 0.95,
    overlap: float = 0.0,
) -> Interval:
    """The mean of after - before over pairs (the same seed in two settings), with its interval.

    Pairs share what the seed decides, so the difference is known better than the two means are.
    `confidence` and `overlap` are those of `mean_interval`.

    Raises:
        DataError: If the lists differ in length, are empty, or hold what is not finite.

    >>> paired_difference([2.0, 3.0, 4.0], [1.0, 2.0, 3.0]).mean
    1.0
    """
    after, before = np.asarray(after, np.float64), np.asarray(before, np.float64)
    if after.shape != before.shape:
        raise DataError(f"paired_difference wants pairs, got {after.shape} and {before.shape} numbers")
    return mean_interval(after - before, confidence, overlap)


def share_interval(successes: int, trials: int, z: float = Z95) -> Interval:
    """Wilson's interval for a share: where p lies, having seen `successes` of `trials`.

    The p for which (successes - trials p)^2 <= z^2 trials p (1 - p). Unlike the estimate plus or minus two
    deviations it stays within [0, 1] and does not shrink to a point where all or none succeed.

    Args:
        successes: How many succeeded.
        trials: N.
        z: How many deviations; the default is for 95%.

    Returns:
        The share, the low and the high end, and N.

    Raises:
        ConfigError: If N < 1, or there are more successes than trials.

    >>> print(share_interval(8, 10))
    0.8000 [0.4902, 0.9433] (n = 10)

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ConfigError(
            f"share_interval wants 0 to N successes of N >= 1 trials, got {successes} of {trials}"
        )
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    middle, shrink = share + z * z / (2 * trials), 1 + z * z / trials
    # Where all or none succeed one end is exact, and only rounding would move it.
    low = (middle - spread) / shrink if successes else 0.0
    high = (middle + spread) / shrink if successes < trials else 1.0
    return Interval(share, low, high, trials)
