"""Where a token stands: attention does not know unless it is told.

Learned positions are an `embedding`; here are the two that are computed.
"""

from __future__ import annotations

import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array

BASE = 10_000.0  # the slowest pair turns once in about 2 pi times as many steps


def sinusoidal_positions(positions: Array, width: int) -> Array:
    """p_2i = sin(t / BASE^(2i / D)), p_2i+1 = cos(t / BASE^(2i / D)).

    Args:
        positions: t, integers [...].
        width: D, even (static).

    Returns:
        Float32 [..., D], to be added to the embeddings.

    Raises:
        ConfigError: If D is odd.

    >>> sinusoidal_positions(jnp.array([0]), 4).tolist()
    [[0.0, 1.0, 0.0, 1.0]]

    Source: Vaswani et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762
    """
    angles = _angles(positions, width, "sinusoidal_positions")
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1).reshape(*angles.shape[:-1], width)


def rotary(x: Array, positions: Array) -> Array:
    """Turns each pair (x_i, x_{i + d/2}) of a query or key by the angle t / BASE^(2i / d).

    The product of a query at t and a key at s then depends on their distance t - s alone.

    Args:
        x: Queries or keys [N, T, H, d], d even.
        positions: t, integers [T].

    Returns:
        Float array [N, T, H, d], every vector as long as before.

    Raises:
        ConfigError: If d is odd, or there are not T positions.

    >>> rotary(jnp.ones((1, 1, 1, 2)), jnp.array([0])).tolist()
    [[[[1.0, 1.0]]]]

    Source: Su et al. 2021, https://arxiv.org/abs/2104.09864
    """
    if x.ndim != 4 or positions.shape != x.shape[1:2]:
        raise ConfigError(
            f"rotary wants x [N, T, H, d] and positions [T], got {x.shape} and {positions.shape}"
        )
    angles = _angles(positions, x.shape[-1], "rotary").astype(x.dtype)[None, :, None, :]
    cosine, sine = jnp.cos(angles), jnp.sin(angles)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1)


def _angles(positions: Array, width: int, name: str) -> Array:
    """t / BASE^(2i / D), [..., D / 2]."""
    if width % 2 or width < 2:
        raise ConfigError(f"{name} wants an even width, got {width}")
    frequencies = BASE ** (-jnp.arange(0, width, 2) / width)
    positions = jnp.asarray(positions)
    return positions[..., None].astype(frequencies.dtype) * frequencies.reshape(
        (1,) * positions.ndim + frequencies.shape
    )
