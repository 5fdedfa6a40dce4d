"""Activations: against formulas in NumPy, finite differences and jax.grad; the step's conventions."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import special

from nnjax.layers.activations import (
    ACTIVATIONS,
    relu,
    relu_derivative,
    sigmoid,
    softmax,
    straight_through,
    unit_step,
    unit_step_derivative,
)

POINTS = np.array([-30.0, -3.0, -1.0, -0.25, 0.25, 1.0, 3.0, 30.0], np.float32)
ORACLES = {
    "identity": lambda x: x,
    "step": lambda x: np.heaviside(x, 1.0),
    "sigmoid": special.expit,
    "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "relu": lambda x: np.where(x > 0, x, 0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values(name, variant):
    value = variant(ACTIVATIONS[name].function)(POINTS)
    np.testing.assert_allclose(value, ORACLES[name](POINTS.astype(np.float64)), rtol=1e-6)
    assert value.dtype == np.float32


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_the_slope_of_the_oracle(name, variant):
    x = POINTS.astype(np.float64)
    slope = (ORACLES[name](x + 1e-6) - ORACLES[name](x - 1e-6)) / 2e-6
    np.testing.assert_allclose(variant(ACTIVATIONS[name].derivative)(POINTS), slope, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_jax_grad(name):
    points = jnp.append(POINTS, 0.0)
    gradient = jax.vmap(jax.grad(ACTIVATIONS[name].function))(points)
    np.testing.assert_allclose(ACTIVATIONS[name].derivative(points), gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_keep_the_type(name):
    for dtype in (jnp.float32, jnp.bfloat16):
        x = jnp.ones(3, dtype)
        assert ACTIVATIONS[name].function(x).dtype == dtype
        assert ACTIVATIONS[name].derivative(x).dtype == dtype


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_range_is_reached_and_not_left(name):
    limits = {"identity": (-30, 30), "step": (0, 1), "sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 30)}
    values = np.asarray(ACTIVATIONS[name].function(POINTS))
    low, high = limits[name]
    np.testing.assert_allclose([values.min(), values.max()], [low, high], atol=1e-6)
    text = ACTIVATIONS[name].range
    ends = [float(end) for end in text.strip("()[]{}").split(",")]
    assert ends == [low if abs(low) < 30 else -math.inf, high if abs(high) < 30 else math.inf]


@pytest.mark.parametrize("name", ["identity", "sigmoid", "tanh", "relu"])
def test_formula_says_what_the_function_does(name):
    formula = ACTIVATIONS[name].formula.removeprefix("f(x) = ")
    for x in (-1.5, 0.5):
        value = eval(formula, {"exp": math.exp, "tanh": math.tanh, "max": max, "x": x})
        assert float(ACTIVATIONS[name].function(x)) == pytest.approx(value, rel=1e-6)


def test_conventions_at_zero():
    assert float(unit_step(0.0)) == 1
    assert float(unit_step(-0.0)) == 1
    assert float(unit_step_derivative(0.0)) == 0
    assert float(relu_derivative(0.0)) == 0
    assert float(jax.grad(relu)(0.0)) == 0


def test_unit_step_of_integers_is_a_float():
    value = unit_step(jnp.array([-2, 0, 3]))
    assert value.dtype == jnp.float32
    assert value.tolist() == [0, 1, 1]


def test_straight_through_is_the_step_forwards(variant):
    points = jnp.append(POINTS, 0.0)
    np.testing.assert_array_equal(variant(straight_through)(points), unit_step(points))


def test_straight_through_passes_the_gradient_in_its_window(variant):
    x = jnp.array([-1.5, -1.0, -0.3, 0.0, 1.0, 1.001])
    factors = jnp.arange(1.0, 7.0)
    gradient = variant(jax.grad(lambda x: jnp.sum(factors * straight_through(x))))(x)
    assert gradient.tolist() == [0, 2, 3, 4, 5, 0]


def test_straight_through_trains_where_the_step_cannot():
    def loss(bias, step):
        return (step(bias) - 1.0) ** 2

    assert float(jax.grad(loss)(-0.5, unit_step)) == 0
    assert float(jax.grad(loss)(-0.5, straight_through)) == -2  # 2 (0 - 1) * 1


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "identity"])
def test_numerical_gradient(name):
    check_grads(ACTIVATIONS[name].function, (jnp.array([-1.2, 0.0, 0.7]),), order=2, atol=1e-2, rtol=1e-2)


def test_sigmoid_derivative_keeps_its_digits_far_out():
    np.testing.assert_allclose(ACTIVATIONS["sigmoid"].derivative(30.0), np.exp(-30.0), rtol=1e-5)


def test_extremes_are_finite():
    x = jnp.array([-1e30, 1e30])
    for name in ("sigmoid", "tanh"):
        assert np.isfinite(ACTIVATIONS[name].function(x)).all()
        assert ACTIVATIONS[name].derivative(x).tolist() == [0, 0]
    assert sigmoid(x).tolist() == [0, 1]


def test_softmax_is_scipys_and_ignores_a_shift(variant):
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    value = variant(softmax)(x)
    np.testing.assert_allclose(value, special.softmax(x.astype(np.float64), axis=-1), rtol=1e-5)
    np.testing.assert_allclose(variant(softmax)(x + 64), value, rtol=1e-5)
    np.testing.assert_allclose(softmax(x, axis=0).sum(0), np.ones(5), rtol=1e-6)
    assert softmax(jnp.array([1e4, 0.0])).tolist() == [1, 0]
