"""What many trainings tell: means with their intervals, and paired comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnjax.errors import DataError


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


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> Interval:
    """mean +- t * s / sqrt(n), with Student's t for n - 1 degrees of freedom.

    Student, "The probable error of a mean" (1908), https://doi.org/10.1093/biomet/6.1.1. Numbers
    that are not finite (members that diverged) are refused: a mean without them would flatter.

    Args:
        values: n numbers; with fewer than two the interval is everything.
        confidence: Between 0 and 1.

    Raises:
        DataError: If there are none, or one is not finite.

    >>> print(mean_interval([1.0, 2.0, 3.0]))
    2.0000 [-0.4841, 4.4841] (n = 3)
    """
    from scipy.stats import t

    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not sample.size:
        raise DataError(f"mean_interval wants a list of numbers, got shape {sample.shape}")
    bad = np.flatnonzero(~np.isfinite(sample))
    if bad.size:
        raise DataError(f"mean_interval wants finite numbers, got {sample[bad[0]]} at {bad[0]}")
    mean, count = float(sample.mean()), sample.size
    if count < 2:
        return Interval(mean, -np.inf, np.inf, count)
    half = float(t.ppf((1 + confidence) / 2, count - 1) * sample.std(ddof=1) / np.sqrt(count))
    return Interval(mean, mean - half, mean + half, count)


def paired_difference(
    after: Sequence[float] | np.ndarray, before: Sequence[float] | np.ndarray, confidence: float = 0.95
) -> Interval:
    """The mean of after - before over pairs (the same seed in two settings), with its interval.

    Pairs share what the seed decides, so the difference is known better than the two means are.

    Raises:
        DataError: If the lists differ in length, are empty, or hold what is not finite.

    >>> paired_difference([2.0, 3.0, 4.0], [1.0, 2.0, 3.0]).mean
    1.0
    """
    after, before = np.asarray(after, np.float64), np.asarray(before, np.float64)
    if after.shape != before.shape:
        raise DataError(f"paired_difference wants pairs, got {after.shape} and {before.shape} numbers")
    return mean_interval(after - before, confidence)
