"""The three tables: their numbers follow from the theory, or from a library that was not asked."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.training import line_studies as studies


def test_brute_force_is_cursed_and_the_others_are_not() -> None:
    table = studies.work_by_dimension((1, 4, 16))
    assert [row["parameters"] for row in table] == [2, 5, 17]
    assert [row["grid_evaluations"] for row in table] == [121.0, 161051.0, 11.0**17]
    assert table[0]["grid_operations"] == 121 * 256 * 2
    for name in ("descent", "stochastic"):
        work = [row[f"{name}_operations"] for row in table]
        assert work == sorted(work)
        assert work[-1] < 17**2 * work[0]  # a power of the number of parameters, and a low one
    assert all(row["descent_evaluations"] < 20 for row in table)
    assert all(row["stochastic_operations"] < row["descent_operations"] for row in table)
    assert table[-1]["least_squares_operations"] == pytest.approx(256 * 17**2, rel=0.1)


def test_the_normal_equations_lose_twice_the_digits() -> None:
    table = studies.digits_by_condition(10.0 ** -np.arange(0, 7.6, 0.5))
    condition, qr, normal = (
        np.array([row[name] for row in table]) for name in ("condition", "qr", "normal_equations")
    )
    eps = np.finfo(float).eps
    assert (qr < 100 * eps * condition).all()
    late = condition > 1e3
    assert (normal[late] > 20 * eps * condition[late]).all()
    slope = lambda error: np.polyfit(np.log(condition[late]), np.log(error[late]), 1)[0]
    assert slope(qr) == pytest.approx(1, abs=0.25)
    assert slope(normal) == pytest.approx(2, abs=0.4)
    assert condition[-1] > 5e7
    assert normal[-1] > 0.1 > 1e-7 > qr[-1]


def test_polynomials_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 15))
    table = studies.errors_by_degree((x, y), (x[:5], y[:5]), [0, 3])
    for row in table:
        oracle = np.polynomial.Polynomial.fit(x, y, row["degree"])
        assert row["training"] == pytest.approx(np.mean((oracle(x) - y) ** 2))
        assert row["validation"] == pytest.approx(np.mean((oracle(x[:5]) - y[:5]) ** 2))
        ascending = oracle.convert().coef
        np.testing.assert_allclose(row["parameters"], [*ascending[1:], ascending[0]], rtol=1e-8)


def test_a_descent_that_is_too_short_is_named() -> None:
    assert studies.steps_to([4.0, 2.0, 1.2], 1.0, share=0.1) == 2
    with pytest.raises(ConfigError, match=r"descent of 2 steps is too short: more than 0\.01 is left"):
        studies.steps_to([4.0, 2.0, 1.2], 1.0)
