"""Positions: the paper's formula, and rotations that leave only distances."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.positions import rotary, sinusoidal_positions


def test_sinusoids_are_the_papers() -> None:
    p = sinusoidal_positions(jnp.arange(50), 6)
    for t in (0, 1, 49):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            assert float(p[t, 2 * i]) == pytest.approx(math.sin(angle), abs=1e-5)
            assert float(p[t, 2 * i + 1]) == pytest.approx(math.cos(angle), abs=1e-5)


def test_a_rotated_product_depends_on_the_distance_alone() -> None:
    q, k = jax.random.normal(jax.random.key(0), (2, 1, 1, 1, 8))

    def product(t: int, s: int) -> float:
        return float(jnp.sum(rotary(q, jnp.array([t])) * rotary(k, jnp.array([s]))))

    assert product(3, 1) == pytest.approx(product(103, 101), abs=1e-4)
    assert abs(product(3, 1) - product(3, 2)) > 1e-2


def test_a_rotation_keeps_lengths_and_turns_by_its_angle() -> None:
    x = jax.random.normal(jax.random.key(1), (2, 5, 3, 4))
    y = rotary(x, jnp.arange(5))
    np.testing.assert_allclose(jnp.linalg.norm(y, axis=-1), jnp.linalg.norm(x, axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(y[:, 0], x[:, 0])
    one = rotary(jnp.array([1.0, 0.0]).reshape(1, 1, 1, 2), jnp.array([2]))
    np.testing.assert_allclose(one.reshape(-1), [math.cos(2), math.sin(2)], rtol=1e-6)


def test_odd_widths_and_other_positions_are_refused() -> None:
    with pytest.raises(ConfigError, match="even width, got 3"):
        sinusoidal_positions(jnp.arange(2), 3)
    with pytest.raises(ConfigError, match=r"positions \[T\]"):
        rotary(jnp.zeros((1, 4, 1, 2)), jnp.arange(3))
