"""Dropout: a random part of the signal is set to 0 in training, so that no neuron relies on another."""

from __future__ import annotations

from numbers import Real

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array, Key


def dropout(key: Key | None, x: Array, rate: float | Array, train: bool) -> Array:
    """In training y = x m / (1 - rate) with m = 0 with probability `rate`, else 1; otherwise y = x.

    The division keeps the mean of y at x, so that nothing needs rescaling when the net is used
    ("inverted" dropout).

    Args:
        key: A key of `jax.random.key`; None is enough where `train` is False.
        x: Array [...].
        rate: The probability to drop, in [0, 1]; may be a tracer. At 1 everything is 0.
        train: Whether to drop at all (static).

    Returns:
        Float array of the shape of x; x itself where `train` is False.

    Raises:
        ConfigError: If `train` is True without a key, or `rate` is a number outside [0, 1].

    >>> dropout(None, jnp.ones(3), 0.5, train=False).tolist()
    [1.0, 1.0, 1.0]
    >>> sorted(set(dropout(jax.random.key(0), jnp.ones(100), 0.5, train=True).tolist()))
    [0.0, 2.0]

    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """
    if isinstance(rate, Real) and not 0 <= rate <= 1:
        raise ConfigError(f"dropout wants a rate in [0, 1], the probability to drop; got {rate}")
    if not train:
        return x
    if key is None:
        raise ConfigError("dropout with train=True wants a key, got None: pass key=jax.random.key(seed)")
    keep = jax.random.uniform(key, x.shape) >= rate
    # The factor is chosen before the product: at rate 1 the division gives inf, and inf * 0 would be NaN.
    factor = jnp.where(keep, 1 / (1 - jnp.asarray(rate, jnp.float32)), 0)
    return x * factor.astype(jnp.result_type(x, float))
