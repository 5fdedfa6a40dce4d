"""Wilson's interval: published values, its own equation, and its coverage."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.training.intervals import Z95, share_interval


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
