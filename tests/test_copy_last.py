"""Copy-last: its probabilities are a distribution, and a is the one that fits best."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.data.copy_last import CopyLast, copy_last_nats, fit_copy_last
from nnjax.errors import DataError


def test_probabilities_sum_to_one() -> None:
    model = fit_copy_last([np.array([0, 0, 1, 1, 1, 2])], 4)
    chances = [np.exp(-copy_last_nats(model, [np.array([1, code])]))[1] for code in range(4)]
    assert np.isclose(sum(chances), 1)
    assert chances[1] == max(chances)


def test_no_other_a_fits_the_training_part_better() -> None:
    dice = np.random.default_rng(0)
    series = [np.repeat(dice.integers(0, 5, 60), dice.integers(1, 4, 60)) for _ in range(3)]
    model = fit_copy_last(series, 5)

    def cost(copies: float) -> float:
        costs = [copy_last_nats(CopyLast(copies, model.shares), [one])[1:].sum() for one in series]
        return float(sum(costs))

    others = [cost(copies) for copies in np.linspace(0.01, 0.99, 99)]
    assert cost(model.copies) <= min(others) + 1e-6


@pytest.mark.parametrize("series", [[], [np.array([1])], [np.array([0, 5])], [np.array([0, -1])]])
def test_what_cannot_be_fitted_is_an_error(series: list[np.ndarray]) -> None:
    with pytest.raises(DataError, match="copy-last wants"):
        fit_copy_last(series, 5)
