"""How sure a share is: the interval around a count of successes."""

from __future__ import annotations

import math

from nnjax.errors import ConfigError
from nnjax.training.statistics import Interval

Z95 = 1.959963984540054  # the 97.5% point of the standard normal distribution


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
