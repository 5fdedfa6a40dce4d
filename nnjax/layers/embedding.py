"""The embedding: each token of a vocabulary has a row of numbers that are learned."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array, Key

ONE_HOT_ROWS = 1024  # up to this many rows a product with one-hot columns is faster than a scatter on a CPU


def embedding_init(key: Key, vocabulary: int, d_out: int, scale: float = 1.0) -> Array:
    """A table of V rows drawn from a normal distribution of deviation `scale`.

    Args:
        key: A key of `jax.random.key`.
        vocabulary: V, how many tokens there are (static).
        d_out: M, how many numbers a token (static).
        scale: The deviation; 1 as in PyTorch.

    Returns:
        Float32 [V, M].

    Raises:
        ConfigError: If V or M is not a positive integer.

    >>> embedding_init(jax.random.key(0), 10, 4).shape
    (10, 4)
    """
    for name, size in (("vocabulary", vocabulary), ("d_out", d_out)):
        if size != int(size) or size < 1:
            raise ConfigError(f"{name} must be a positive integer, got {size!r}")
    return scale * jax.random.normal(key, (int(vocabulary), int(d_out)))


def embed(table: Array, tokens: Array) -> Array:
    """y = table[token], for every token: the same as one-hot(tokens) @ table.

    Args:
        table: Float array [V, M].
        tokens: Integers [...] in 0..V-1; one outside is taken as the nearest that exists.

    Returns:
        Float array [..., M].

    Raises:
        ConfigError: If the table is not [V, M] or the tokens are no integers.

    >>> embed(jnp.array([[0.0, 1.0], [2.0, 3.0]]), jnp.array([[1, 0, 1]])).tolist()
    [[[2.0, 3.0], [0.0, 1.0], [2.0, 3.0]]]
    """
    tokens = jnp.asarray(tokens)
    if table.ndim != 2 or not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ConfigError(f"embed wants a table [V, M] and integers, got {table.shape} and {tokens.dtype}")
    return _rows(table, jnp.clip(tokens.astype(jnp.int32), 0, len(table) - 1))


@jax.custom_vjp
def _rows(table: Array, tokens: Array) -> Array:
    return table.at[tokens].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _rows_forward(table: Array, tokens: Array) -> tuple[Array, tuple[Array, Array]]:
    return _rows(table, tokens), (tokens, table)


def _rows_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, None]:
    tokens, table = saved
    flat, rows = tokens.reshape(-1), gradient.reshape(-1, table.shape[1])
    if len(table) > ONE_HOT_ROWS:
        return jax.ops.segment_sum(rows, flat, num_segments=len(table)), None
    one_hot = (jnp.arange(len(table))[:, None] == flat[None, :]).astype(rows.dtype)
    return one_hot @ rows, None


_rows.defvjp(_rows_forward, _rows_backward)
