"""Which steps of padded sequences exist, and arrays without what stands in the padding."""

from __future__ import annotations

import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array, Sequences


def true_steps(sequences: Sequences) -> Array:
    """Which steps exist: t < length.

    Args:
        sequences: Values [N, T, ...], lengths [N].

    Returns:
        Bool [N, T].

    >>> true_steps(Sequences(jnp.zeros((2, 3)), jnp.array([3, 1]))).tolist()
    [[True, True, True], [True, False, False]]
    """
    steps = jnp.arange(jnp.shape(sequences.values)[1])
    return steps[None, :] < jnp.asarray(sequences.lengths)[:, None]


def only_true(values: Array, mask: Array, other: float = 0.0) -> Array:
    """`values` where the mask is True, `other` elsewhere, even in place of NaN; so is the gradient, with 0.

    Args:
        values: Array [N, T, ...].
        mask: Bool [N, T].
        other: What stands in the padding.

    >>> only_true(jnp.array([[1.0, jnp.nan]]), jnp.array([[True, False]])).tolist()
    [[1.0, 0.0]]
    """
    wide = mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))
    return jnp.where(wide, values, jnp.asarray(other, values.dtype))


def time_major(sequences: Sequences, tokens: bool = False) -> tuple[Array, Array]:
    """Sequences with the axis of time first, which is how a loop over time reads them.

    Args:
        sequences: Values [N, T, D], or tokens [N, T].
        tokens: Whether they are tokens, which stay integers (static).

    Returns:
        Floats [T, N, D] (tokens: integers [T, N]) with zeros in the padding, and the true steps, bool [T, N].

    Raises:
        ConfigError: If the values are not [N, T, D] (tokens: not integers [N, T]) or the lengths not [N].
    """
    if not isinstance(sequences, Sequences):
        raise ConfigError(f"wanted Sequences(values, lengths), got {type(sequences).__name__}")
    values, lengths = jnp.asarray(sequences.values), jnp.asarray(sequences.lengths)
    wanted = "tokens [N, T]" if tokens else "values [N, T, D]"
    if values.ndim != (2 if tokens else 3) or lengths.shape != values.shape[:1]:
        raise ConfigError(f"wanted {wanted} with lengths [N], got {values.shape} with {lengths.shape}")
    if tokens and not jnp.issubdtype(values.dtype, jnp.integer):
        raise ConfigError(f"wanted integer tokens [N, T], got {values.dtype}")
    values = values if tokens else values.astype(jnp.result_type(values, float))
    mask = true_steps(sequences).T
    return only_true(values.swapaxes(0, 1), mask), mask
