"""Dropout: its laws (mean, share, scale), traced rates, and its edges."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.dropout import dropout

KEY = jax.random.key(0)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_share_dropped_and_scale_of_the_rest(rate, variant):
    y = np.asarray(variant(dropout, static_argnames="train")(KEY, jnp.full(40_000, 3.0), rate, train=True))
    dropped = y == 0
    assert dropped.mean() == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 40_000) ** 0.5)
    np.testing.assert_allclose(y[~dropped], 3 / (1 - rate), rtol=1e-6)
    assert y.mean() == pytest.approx(3, rel=0.05)


def test_does_nothing_out_of_training(variant):
    x = jnp.arange(5.0)
    np.testing.assert_array_equal(variant(dropout, static_argnames="train")(None, x, 0.5, train=False), x)


def test_rate_zero_keeps_all_and_rate_one_drops_all():
    x = jnp.linspace(-2.0, 2.0, 1000)
    np.testing.assert_array_equal(dropout(KEY, x, 0.0, True), x)
    np.testing.assert_array_equal(dropout(KEY, x, 1.0, True), np.zeros(1000))
    np.testing.assert_array_equal(jax.grad(lambda x: dropout(KEY, x, 1.0, True).sum())(x), np.zeros(1000))


def test_a_traced_rate_gives_what_a_number_gives_in_one_compilation():
    x = jnp.ones((50, 20))
    traced = jax.jit(chex.assert_max_traces(lambda rate: dropout(KEY, x, rate, True), n=1))
    for rate in (0.0, 0.25, 0.9):
        np.testing.assert_allclose(traced(rate), dropout(KEY, x, rate, True), rtol=1e-6)


def test_rates_under_vmap():
    x = jnp.ones(5000)
    rates = jnp.array([0.0, 0.3, 0.7])
    y = jax.vmap(lambda rate: dropout(KEY, x, rate, True))(rates)
    np.testing.assert_allclose((y == 0).mean(1), rates, atol=0.03)
    np.testing.assert_allclose(y.max(1), 1 / (1 - rates), rtol=1e-6)


def test_what_is_dropped_has_no_gradient_and_the_rest_the_same_factor():
    x = jnp.linspace(1.0, 2.0, 100)
    y = dropout(KEY, x, 0.5, True)
    np.testing.assert_array_equal(
        jax.grad(lambda x: dropout(KEY, x, 0.5, True).sum())(x), np.where(y == 0, 0.0, 2.0)
    )


def test_the_key_decides():
    x = jnp.ones(100)
    np.testing.assert_array_equal(dropout(KEY, x, 0.5, True), dropout(KEY, x, 0.5, True))
    assert not np.array_equal(dropout(KEY, x, 0.5, True), dropout(jax.random.key(1), x, 0.5, True))


def test_types():
    assert dropout(KEY, jnp.ones(3, jnp.bfloat16), 0.5, True).dtype == jnp.bfloat16
    assert dropout(KEY, jnp.ones(3, jnp.uint8), 0.5, True).dtype == jnp.float32


def test_no_key(variant):
    with pytest.raises(ConfigError, match="wants a key, got None"):
        variant(dropout, static_argnames="train")(None, jnp.ones(3), 0.5, train=True)


@pytest.mark.parametrize("rate", [-0.1, 1.5, np.float32(2), float("nan")])
def test_rate_out_of_range(rate):
    with pytest.raises(ConfigError, match=rf"rate in \[0, 1\].*got {rate}"):
        dropout(KEY, jnp.ones(3), rate, True)
