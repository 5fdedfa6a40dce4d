"""Initialisers: the variance that the paper asks for, and the choice by activation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.layers import activations
from nnjax.layers.initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    initializer_for,
    lecun_normal,
    uniform,
)

VARIANCES = [
    (glorot_uniform, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    (glorot_normal, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    (he_normal, lambda fan_in, fan_out: 2 / fan_in),
    (lecun_normal, lambda fan_in, fan_out: 1 / fan_in),
    (uniform(0.3), lambda fan_in, fan_out: 0.3**2 / 3),
]


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), [((200, 100), 200, 100), ((3, 3, 20, 50), 180, 450)])
@pytest.mark.parametrize(("initializer", "variance"), VARIANCES)
def test_mean_and_variance(initializer, variance, shape, fan_in, fan_out):
    weights = np.asarray(initializer(jax.random.key(3), shape))
    expected = variance(fan_in, fan_out)
    assert weights.shape == shape
    assert weights.var() == pytest.approx(expected, rel=0.06)  # 9,000 draws or more: 4 deviations
    assert abs(weights.mean()) < 4 * (expected / weights.size) ** 0.5


def test_glorot_uniform_fills_its_interval_and_no_more():
    weights = np.asarray(glorot_uniform(jax.random.key(0), (100, 50)))
    limit = (6 / 150) ** 0.5
    assert np.abs(weights).max() <= limit
    assert weights.max() > 0.99 * limit
    assert weights.min() < -0.99 * limit


@pytest.mark.parametrize("initializer", [glorot_normal, he_normal, lecun_normal])
def test_normals_are_cut_at_two_deviations(initializer):
    weights = np.asarray(initializer(jax.random.key(0), (200, 100)))
    before_the_cut = weights.std() / 0.87962566  # the deviation of a standard normal cut at 2
    assert np.abs(weights).max() <= 2.05 * before_the_cut


def test_uniform_is_symmetric():
    weights = np.asarray(uniform(0.5)(jax.random.key(0), (100, 10)))
    assert -0.5 <= weights.min() < -0.49
    assert 0.49 < weights.max() < 0.5


def test_a_key_gives_one_draw_and_the_type_is_kept():
    first = glorot_uniform(jax.random.key(1), (3, 4))
    np.testing.assert_array_equal(first, glorot_uniform(jax.random.key(1), (3, 4)))
    assert not np.array_equal(first, glorot_uniform(jax.random.key(2), (3, 4)))
    assert he_normal(jax.random.key(0), (3, 4), jnp.bfloat16).dtype == jnp.bfloat16


def test_choice_by_activation():
    assert initializer_for(activations.relu) is he_normal
    assert initializer_for(jax.nn.relu) is he_normal
    for name in ("tanh", "sigmoid", "identity", "softmax"):
        assert initializer_for(getattr(activations, name)) is glorot_uniform
    assert initializer_for(jnp.tanh) is glorot_uniform
    assert initializer_for(activations.unit_step) is lecun_normal
    assert initializer_for(lambda x: x**3) is lecun_normal


def test_he_keeps_the_signal_of_a_deep_relu_net_where_glorot_loses_half_a_layer():
    def scale_after(initializer, layers=10, width=256):
        x = jax.random.normal(jax.random.key(0), (64, width))
        for key in jax.random.split(jax.random.key(1), layers):
            x = activations.relu(x @ initializer(key, (width, width)))
        return float(jnp.mean(x**2))

    assert 0.4 < scale_after(he_normal) < 2.5
    assert scale_after(glorot_uniform) < 2.5 * 2.0**-10
