"""Layer normalisation: each vector gets mean 0 and variance 1, then a learned scale and bias."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array, Params


def layer_norm_init(width: int) -> Params:
    """{"scale": ones [D], "bias": zeros [D]}.

    Args:
        width: D (static).

    Raises:
        ConfigError: If D is not a positive integer.
    """
    if width != int(width) or width < 1:
        raise ConfigError(f"layer_norm_init wants a positive integer width, got {width!r}")
    return {"scale": jnp.ones(int(width)), "bias": jnp.zeros(int(width))}


def layer_norm(params: Params, x: Array, epsilon: float = 1e-5) -> Array:
    """y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, over the last axis.

    Args:
        params: {"scale": [D], "bias": [D]}.
        x: Float array [..., D].
        epsilon: Keeps the division finite where all of x is equal (static).

    Returns:
        Float array [..., D].

    Raises:
        ConfigError: If the last axis of x is not D long.

    >>> layer_norm(layer_norm_init(2), jnp.array([[1.0, 3.0]]), epsilon=0.0).tolist()
    [[-1.0, 1.0]]

    Source: Ba, Kiros and Hinton 2016, https://arxiv.org/abs/1607.06450
    """
    scale, bias = params["scale"], params["bias"]
    if x.ndim == 0 or x.shape[-1:] != scale.shape:
        raise ConfigError(f"layer_norm wants x [..., D] with D = {scale.shape[0]}, got x {x.shape}")
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=-1, keepdims=True)
    wide = (1,) * (x.ndim - 1) + scale.shape
    return centred * jax.lax.rsqrt(variance + epsilon) * scale.reshape(wide) + bias.reshape(wide)
