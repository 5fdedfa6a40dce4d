"""Local response normalisation: each value is divided by the strength of its neighbours in other channels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.types import Array


def local_response_normalisation(
    x: Array,
    neighbours: int = 5,
    alpha: float | Array = 1e-4,
    beta: float | Array = 0.75,
    k: float | Array = 2.0,
) -> Array:
    """y[c] = x[c] / (k + alpha sum over c' of x[c']^2) ^ beta, c' the nearest `neighbours` channels.

    The sum reaches from c - floor(n / 2) to c + floor(n / 2), n = `neighbours`, where these channels exist.
    This is the published form: alpha multiplies the sum itself. PyTorch's `LocalResponseNorm` divides alpha
    by n first, so its alpha is n times ours.

    Args:
        x: Float array [..., C].
        neighbours: n, an odd number, the channel itself included (static).
        alpha: Strength; may be a tracer.
        beta: Exponent; may be a tracer.
        k: What the division starts from; may be a tracer.

    Returns:
        Float array of the shape of x.

    Raises:
        ConfigError: If `neighbours` is not a positive odd number.

    >>> local_response_normalisation(jnp.array([1.0, 2.0]), neighbours=1, alpha=1.0, beta=1.0).tolist()
    [0.3333333432674408, 0.3333333432674408]

    Source: Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural
    networks", https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b
    """
    if neighbours != int(neighbours) or neighbours < 1 or neighbours % 2 == 0:
        raise ConfigError(f"neighbours must be a positive odd number, got {neighbours!r}")
    if x.ndim == 0:
        raise ConfigError(f"local_response_normalisation wants x [..., C], got {x.shape}")
    side = int(neighbours) // 2
    # A sum of shifted copies is one pass on every device; a moving window over the minor axis is none.
    zeros = [(0, 0)] * (x.ndim - 1)
    squares = jax.lax.pad(x * x, np.zeros((), x.dtype), [(a, b, 0) for a, b in [*zeros, (side, side)]])
    channels = x.shape[-1]
    total = sum(squares[..., shift : shift + channels] for shift in range(int(neighbours)))
    return x * jnp.power(k + alpha * total, -beta)
