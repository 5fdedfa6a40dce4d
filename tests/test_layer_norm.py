"""Layer normalisation: mean 0 and variance 1, wherever the vector lay and however long it was."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.layer_norm import layer_norm, layer_norm_init


def test_each_vector_has_mean_zero_and_variance_one_whatever_its_place_and_length() -> None:
    x = np.random.default_rng(0).normal(5, 3, (4, 7, 16)).astype(np.float32)
    y = layer_norm(layer_norm_init(16), x)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-4)
    np.testing.assert_allclose(layer_norm(layer_norm_init(16), 8 * x + 2), y, atol=1e-4)


def test_scale_and_bias_come_after() -> None:
    params = {"scale": jnp.array([2.0, 3.0]), "bias": jnp.array([10.0, 20.0])}
    assert layer_norm(params, jnp.array([1.0, 3.0]), epsilon=0.0).tolist() == [8.0, 23.0]


def test_a_constant_vector_is_no_division_by_zero() -> None:
    assert layer_norm(layer_norm_init(3), jnp.full(3, 7.0)).tolist() == [0.0, 0.0, 0.0]


def test_shapes_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"D = 3, got x \(2, 4\)"):
        layer_norm(layer_norm_init(3), jnp.zeros((2, 4)))
    with pytest.raises(ConfigError, match="positive integer width, got 0"):
        layer_norm_init(0)
