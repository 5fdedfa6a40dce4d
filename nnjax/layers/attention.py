"""Attention: every position asks all others, and takes a mean of what those hold that answer best."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.initializers import glorot_uniform
from nnjax.layers.positions import rotary
from nnjax.types import Array, Key, Params

PROJECTIONS = ("query", "key", "value", "output")


def attention(queries: Array, keys: Array, values: Array, mask: Array | None = None) -> tuple[Array, Array]:
    """y = A v, A = softmax(q k' / sqrt(d)), of every head; where the mask is False, A is exactly 0.

    Args:
        queries: q [N, T, H, d].
        keys: k [N, S, H, d].
        values: v [N, S, H, e].
        mask: Bool, broadcast against [N, H, T, S]: whether position t may see position s. Each t must see
            some s. None lets all see all.

    Returns:
        y [N, T, H, e] and the attention A [N, H, T, S], whose rows add up to 1.

    Raises:
        ConfigError: If the shapes do not fit.

    >>> q, k, v = jnp.zeros((1, 1, 1, 2)), jnp.zeros((1, 2, 1, 2)), jnp.array([[[[1.0]], [[3.0]]]])
    >>> y, weights = attention(q, k, v)
    >>> y.tolist(), weights.tolist()
    ([[[[2.0]]]], [[[[0.5, 0.5]]]])

    Source: Vaswani et al. 2017, equation 1, https://arxiv.org/abs/1706.03762
    """
    fits = queries.ndim == keys.ndim == values.ndim == 4 and keys.shape[:3] == values.shape[:3]
    if not fits or (queries.shape[0], *queries.shape[2:]) != (keys.shape[0], *keys.shape[2:]):
        raise ConfigError(
            f"attention wants queries [N, T, H, d], keys [N, S, H, d] and values [N, S, H, e], got "
            f"{queries.shape}, {keys.shape} and {values.shape}"
        )
    scores = jnp.einsum("nthd,nshd->nhts", queries, keys) / math.sqrt(queries.shape[-1])
    if mask is not None:
        scores = jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
    weights = jax.nn.softmax(scores, axis=-1)
    return jnp.einsum("nhts,nshe->nthe", weights, values), weights


def causal_mask(steps: int) -> Array:
    """True where s <= t: nobody sees what comes later, [1, 1, T, T].

    >>> causal_mask(2)[0, 0].tolist()
    [[True, False], [True, True]]
    """
    return (jnp.arange(steps)[None, :] <= jnp.arange(steps)[:, None])[None, None]


def padding_mask(true_steps: Array) -> Array:
    """True where s is a true step, [N, 1, 1, S], from bool [N, S]."""
    return true_steps[:, None, None, :]


class Cache(NamedTuple):
    """What the positions so far answer with, so that a new one need not compute them again.

    Attributes:
        keys: [N, S, H, d], zeros behind the positions so far.
        values: [N, S, H, d].
    """

    keys: Any
    values: Any


def multi_head_init(key: Key, width: int, heads: int) -> Params:
    """Parameters of multi-head attention: four dense layers of D by D, Glorot, bias 0.

    Args:
        key: A key of `jax.random.key`.
        width: D, a multiple of H (static).
        heads: H (static).

    Returns:
        {"query": {"weights": [D, D], "bias": [D]}, "key": ..., "value": ..., "output": ...}.

    Raises:
        ConfigError: If D is not a multiple of H.
    """
    if heads < 1 or width % heads:
        raise ConfigError(
            f"multi_head_init wants a width that is a multiple of heads, got {width} and {heads}"
        )
    keys = jax.random.split(key, len(PROJECTIONS))
    return {
        name: dense_init(k, width, width, glorot_uniform) for name, k in zip(PROJECTIONS, keys, strict=True)
    }


def multi_head_attention(
    params: Params,
    x: Array,
    heads: int,
    *,
    memory: Array | None = None,
    mask: Array | None = None,
    rotate: bool = False,
) -> tuple[Array, Array]:
    """H attentions side by side, each on its own D / H columns of x W_q, m W_k and m W_v, joined by W_o.

    Args:
        params: As of `multi_head_init`.
        x: Who asks, [N, T, D].
        heads: H (static).
        memory: Who is asked, m [N, S, D]; None: x itself.
        mask: As in `attention`.
        rotate: Whether queries and keys are turned by their position, see `rotary` (static).

    Returns:
        [N, T, D], and the attention [N, H, T, S].

    Raises:
        ConfigError: If the shapes do not fit.
    """
    memory = x if memory is None else memory
    queries = split_heads(dense(params["query"], x), heads)
    keys, values = keys_and_values(params, memory, heads)
    if rotate:
        queries = rotary(queries, jnp.arange(x.shape[1]))
        keys = rotary(keys, jnp.arange(memory.shape[1]))
    y, weights = attention(queries, keys, values, mask)
    return dense(params["output"], y.reshape(x.shape)), weights


def cached_attention(
    params: Params, x: Array, heads: int, cache: Cache, position: Array, rotate: bool = False
) -> tuple[Array, Cache]:
    """Causal self-attention of one new position to itself and all before it.

    Args:
        params: As of `multi_head_init`.
        x: The new position, [N, 1, D].
        heads: H (static).
        cache: The keys and values of the positions before.
        position: Which it is, an integer scalar; may be a tracer.
        rotate: As in `multi_head_attention` (static).

    Returns:
        [N, 1, D], and the cache with the new position.
    """
    queries = split_heads(dense(params["query"], x), heads)
    keys, values = keys_and_values(params, x, heads)
    if rotate:
        at = jnp.reshape(position, (1,))
        queries, keys = rotary(queries, at), rotary(keys, at)
    put = lambda held, new: jax.lax.dynamic_update_slice_in_dim(
        held, new.astype(held.dtype), position, axis=1
    )
    cache = Cache(put(cache.keys, keys), put(cache.values, values))
    seen = (jnp.arange(cache.keys.shape[1]) <= position)[None, None, None, :]
    y, _ = attention(queries, cache.keys, cache.values, seen)
    return dense(params["output"], y.reshape(x.shape)), cache


def keys_and_values(params: Params, memory: Array, heads: int) -> tuple[Array, Array]:
    """What the positions of `memory` [N, S, D] can be asked for and what they answer, [N, S, H, d] each."""
    return split_heads(dense(params["key"], memory), heads), split_heads(
        dense(params["value"], memory), heads
    )


def split_heads(x: Array, heads: int) -> Array:
    """[N, T, D] as [N, T, H, D / H]."""
    if x.ndim != 3 or x.shape[-1] % heads:
        raise ConfigError(f"attention wants x [N, T, D] with D a multiple of {heads} heads, got {x.shape}")
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)
