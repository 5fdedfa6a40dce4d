"""The embedding: a product with one-hot rows, however its gradient is computed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers import embedding
from nnjax.layers.embedding import embed, embedding_init


@pytest.mark.parametrize("rows", [0, 1024])
def test_against_a_product_with_one_hot_rows(rows, monkeypatch):
    monkeypatch.setattr(embedding, "ONE_HOT_ROWS", rows)  # both ways to the gradient
    table, tokens = embedding_init(jax.random.key(0), 6, 3), jnp.array([[0, 5, 5], [2, 0, 5]], jnp.int16)
    fast = jax.value_and_grad(lambda table: jnp.sum(jnp.sin(embed(table, tokens))))(table)
    plain = jax.value_and_grad(lambda table: jnp.sum(jnp.sin(jax.nn.one_hot(tokens, 6) @ table)))(table)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), fast, plain)


def test_a_token_outside_is_the_nearest_that_exists(variant):
    assert variant(embed)(jnp.array([[1.0], [2.0]]), jnp.array([-3, 9])).tolist() == [[1.0], [2.0]]


def test_the_start_has_the_deviation_asked_for():
    table = embedding_init(jax.random.key(0), 100, 50, scale=0.1)
    assert float(table.std()) == pytest.approx(0.1, rel=0.05)


def test_errors():
    with pytest.raises(ConfigError, match=r"table \[V, M\] and integers, got \(2, 2\) and float32"):
        embed(jnp.zeros((2, 2)), jnp.zeros(3))
    with pytest.raises(ConfigError, match="vocabulary must be a positive integer, got 0"):
        embedding_init(jax.random.key(0), 0, 3)
