"""Fitting lines: closed forms against other libraries, descents against the theory of their curvature."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from nnjax.data.scaling import standardise
from nnjax.errors import ConfigError, DataError
from nnjax.training import line_fit as lf
from nnjax.training.gradient_check import finite_difference
from nnjax.types import Dataset, Splits


def problem(dimension: int = 2, examples: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(examples, dimension)) * np.arange(1, dimension + 1)
    return x, x @ rng.normal(size=dimension) + 1.5 + 0.3 * rng.normal(size=examples)


@pytest.mark.parametrize("solve", [lf.least_squares, lf.normal_equations])
def test_the_closed_forms_are_scikit_learn_s_on_the_diabetes_data(solve) -> None:
    x, t = load_diabetes(return_X_y=True)
    found, oracle = solve(x, t), LinearRegression().fit(x, t)
    np.testing.assert_allclose(found.parameters[:-1], oracle.coef_, rtol=1e-9)
    np.testing.assert_allclose(found.parameters[-1], oracle.intercept_, rtol=1e-12)
    assert found.cost == pytest.approx(np.mean((oracle.predict(x) - t) ** 2), rel=1e-12)
    assert found.evaluations == 0


def test_a_line_through_three_points_by_hand() -> None:
    # (0, 1), (1, 2), (2, 4): mean x 1, mean t 7/3, slope sum(dx dt)/sum(dx^2) = 3/2, intercept 7/3 - 3/2.
    found = lf.least_squares([[0.0], [1.0], [2.0]], [1.0, 2.0, 4.0])
    np.testing.assert_allclose(found.parameters, [3 / 2, 5 / 6], rtol=1e-14)
    assert found.cost == pytest.approx((1 / 36 + 4 / 36 + 1 / 36) / 3)


def test_the_normal_equations_cannot_see_what_qr_sees() -> None:
    # As in Läuchli 1961: the square of 2^-27 is lost in double precision, so X^T X is [[3, 3], [3, 3]].
    e = 2.0**-27
    inputs = np.array([[1.0], [1.0 + e], [1.0 - e]])
    targets = 2.0 * inputs[:, 0] - 1.0
    np.testing.assert_allclose(lf.least_squares(inputs, targets).parameters, [2.0, -1.0], rtol=1e-6)
    with pytest.raises(DataError, match="of 3 examples and 2 parameters is singular"):
        lf.normal_equations(inputs, targets)


def test_inputs_that_do_not_decide_are_refused() -> None:
    twice = np.arange(6.0)[:, None] * [1.0, 2.0]
    with pytest.raises(DataError, match="6 examples of 2 inputs do not decide a bias and 2 weights"):
        lf.least_squares(twice, np.arange(6.0))
    with pytest.raises(DataError, match="do not decide"):
        lf.least_squares([[1.0, 2.0]], [1.0])
    with pytest.raises(DataError, match=r"inputs \[N, D\] with N at least 1, got \[0, 1\]"):
        lf.with_ones(np.zeros((0, 1)))


def test_the_hessian_is_that_of_jax_and_of_finite_differences() -> None:
    x, t = problem()
    with jax.enable_x64(True):
        cost = lambda p: jnp.mean(jnp.square(jnp.asarray(lf.with_ones(x)) @ p - jnp.asarray(t)))
        point = jnp.array([0.3, -1.0, 2.0])
        np.testing.assert_allclose(lf.hessian(x), jax.hessian(cost)(point), rtol=1e-12)
        rows = [finite_difference(lambda p, i=i: jax.grad(cost)(p)[i], point) for i in range(3)]
    np.testing.assert_allclose(lf.hessian(x), rows, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(lf.curvatures(x), np.linalg.eigvalsh(lf.hessian(x)), rtol=1e-10)


def test_a_step_of_the_engine_follows_the_slope() -> None:
    x, t = problem()
    start, rate = np.array([0.5, -0.25, 1.0]), 0.01
    after = lf.descend(x, t, start, 1, learning_rate=rate)[0, 1]
    by_hand = 2 / len(x) * lf.with_ones(x).T @ (lf.with_ones(x) @ start - t)
    difference = [
        (lf.mean_squared_cost(x, t, start + h) - lf.mean_squared_cost(x, t, start - h)) / 2e-6
        for h in 1e-6 * np.eye(3)
    ]
    np.testing.assert_allclose((start - after) / rate, by_hand, rtol=1e-4)
    np.testing.assert_allclose(by_hand, difference, rtol=1e-7)


def test_a_descent_ends_at_the_least_squares() -> None:
    x, t = problem()
    found = lf.descend(x, t, np.zeros(3), 400, learning_rate=lf.step_limit(x) / 2)[0]
    np.testing.assert_allclose(found[-1], lf.least_squares(x, t).parameters, atol=1e-5)
    noisy = lf.descend(x, t, np.zeros(3), 3000, 1, learning_rate=0.05, decay=0.02)[0]
    np.testing.assert_allclose(noisy[-1], lf.least_squares(x, t).parameters, atol=0.1)


@pytest.mark.parametrize("dimension", [1, 3])
def test_the_limit_of_the_learning_rate_parts_converging_from_diverging(dimension: int) -> None:
    x, t = problem(dimension)
    best, limit = lf.least_squares(x, t), lf.step_limit(x)
    # The start lies along the axis of the largest curvature, where the limit is decided.
    steepest = np.linalg.eigh(lf.hessian(x))[1][:, -1]
    ways = lf.descend(x, t, best.parameters + steepest, 100, learning_rate=[0.97 * limit, 1.03 * limit])
    left = lf.mean_squared_cost(x, t, ways) - best.cost
    np.testing.assert_allclose(left[:, 50] / left[:, 0], [0.94**100, 1.06**100], rtol=0.05)
    assert left[0, -1] < 1e-4 * left[0, 0] < left[0, 0] < 1e4 * left[0, 0] < left[1, -1]


@pytest.mark.parametrize("seed", range(20))
def test_standardised_inputs_promise_convergence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 12))
    x = rng.normal(size=(40, d)) @ rng.normal(size=(d, d)) * 10.0 ** rng.uniform(-3, 3, d) + rng.normal(
        size=d
    )
    x = standardise(Splits(Dataset(x, np.zeros((40, 1))))).train.inputs
    assert lf.step_limit(x) >= lf.guaranteed_rate(d) * (1 - 1e-6)


def test_rescaling_makes_one_input_round() -> None:
    x = np.linspace(30, 100, 50)[:, None]
    assert lf.condition_number(x) > 1e4
    scaled = standardise(Splits(Dataset(x, np.zeros((50, 1))))).train.inputs
    assert lf.condition_number(scaled) == pytest.approx(1, abs=1e-5)
    assert lf.step_limit(scaled) == pytest.approx(1, abs=1e-5)
    assert lf.condition_number(np.zeros((5, 1))) == np.inf


def test_brute_force_is_a_loop_over_the_grid() -> None:
    x, t = problem(1)
    found = lf.brute_force(x, t, [-2.0, -1.0], [2.0, 3.0], 9)
    costs = {
        (w, b): np.mean((x[:, 0] * w + b - t) ** 2)
        for w in np.linspace(-2, 2, 9)
        for b in np.linspace(-1, 3, 9)
    }
    best = min(costs, key=costs.get)
    assert found.parameters.tolist() == list(best)
    assert found.cost == pytest.approx(costs[best])
    assert (found.evaluations, found.operations) == (81, 81 * 30 * 2)


def test_brute_force_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, t = problem(2)
    whole = lf.brute_force(x, t, -3.0, 3.0, 7)
    monkeypatch.setattr(lf, "GRID_BLOCK", 10)
    assert lf.brute_force(x, t, -3.0, 3.0, 7).parameters.tolist() == whole.parameters.tolist()
    assert whole.evaluations == 7**3
    with pytest.raises(ConfigError, match="at least 2 points along each side, got 1"):
        lf.brute_force(x, t, 0, 1, 1)


def test_operations_are_counted() -> None:
    x, t = problem(3, 50)
    assert lf.gradient_cost(50, 3, 7) == 2 * 50 * 4 * 7
    assert lf.least_squares(x, t).operations == 50 * 16 - 64 // 3 + 50 * 4 + 8
    way = np.zeros((101, 4))
    found = lf.descended(x, t, way, 10)
    assert (found.evaluations, found.operations) == (20, 2 * 10 * 4 * 100)
    row = lf.as_row(lf.least_squares(x[:, :1], t))
    assert {"w", "b", "cost", "evaluations", "operations"} <= set(row)


def test_a_descent_that_sees_fewer_inputs_is_the_descent_on_those() -> None:
    x, t = problem(3)
    masked = lf.descend(x, t, np.zeros(4), 20, learning_rate=0.01, dimension=[1, 3])
    alone = lf.descend(x[:, :1], t, np.zeros(2), 20, learning_rate=0.01)[0]
    np.testing.assert_allclose(masked[0][:, [0, 3]], alone, atol=1e-5)
    assert (masked[0][:, 1:3] == 0).all()
