"""Padding: which steps exist, and that nothing of what stands in it comes through."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.padding import only_true, time_major, true_steps
from nnjax.types import Sequences


def test_true_steps_count_to_the_lengths(variant):
    mask = variant(true_steps)(Sequences(jnp.zeros((3, 4, 2)), jnp.array([4, 1, 2])))
    assert mask.sum(axis=1).tolist() == [4, 1, 2]
    assert mask[:, 0].all()


def test_nan_in_the_padding_gives_no_gradient():
    x, mask = jnp.array([[1.0, jnp.nan]]), jnp.array([[True, False]])
    value, slope = jax.value_and_grad(lambda x: jnp.sum(jnp.sqrt(only_true(x, mask, 4.0))))(x)
    assert (float(value), slope.tolist()) == (3.0, [[0.5, 0.0]])


def test_time_first():
    values = np.arange(12, dtype=np.int16).reshape(2, 3, 2)
    x, mask = time_major(Sequences(values, np.array([3, 1])))
    assert x.dtype == jnp.float32
    assert x[:, 1].tolist() == [[6, 7], [0, 0], [0, 0]]
    assert mask.T.tolist() == [[True] * 3, [True, False, False]]
    tokens, _ = time_major(Sequences(values[..., 0], np.array([3, 1])), tokens=True)
    assert tokens.dtype == jnp.int16
    assert tokens.T.tolist() == [[0, 2, 4], [6, 0, 0]]


def test_tokens_are_integers():
    with pytest.raises(ConfigError, match=r"integer tokens \[N, T\], got float32"):
        time_major(Sequences(jnp.zeros((2, 3)), jnp.array([3, 1])), tokens=True)
