"""Initialisers: `initializer(key, shape, dtype) -> weights`, and which activation wants which.

The last axis of `shape` counts the outputs and the one before it the inputs; axes before those (the
window of a convolution) multiply both fans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.layers import activations
from nnjax.types import Array, Key

Initializer = Callable[..., Array]  # initializer(key, shape, dtype=float32) -> weights


def glorot_uniform(key: Key, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
    """Uniform on (-a, a), a = sqrt(6 / (fan_in + fan_out)): variance 2 / (fan_in + fan_out).

    Keeps the variance of signals and gradients where the activation is linear at 0 with slope 1.

    >>> bool(abs(glorot_uniform(jax.random.key(0), (3, 3))).max() <= 1)
    True

    Source: Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
    """
    return jax.nn.initializers.glorot_uniform()(key, tuple(shape), dtype)


def glorot_normal(key: Key, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
    """Normal, cut at two deviations, with variance 2 / (fan_in + fan_out) after the cut.

    >>> glorot_normal(jax.random.key(0), (3, 2)).shape
    (3, 2)

    Source: Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html
    """
    return jax.nn.initializers.glorot_normal()(key, tuple(shape), dtype)


def he_normal(key: Key, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
    """Normal, cut at two deviations, with variance 2 / fan_in after the cut.

    ReLU sets half of the signal to 0, and the 2 makes up for it.

    >>> he_normal(jax.random.key(0), (3, 2)).shape
    (3, 2)

    Source: He et al. 2015, https://arxiv.org/abs/1502.01852
    """
    return jax.nn.initializers.he_normal()(key, tuple(shape), dtype)


def lecun_normal(key: Key, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
    """Normal, cut at two deviations, with variance 1 / fan_in after the cut.

    >>> lecun_normal(jax.random.key(0), (3, 2)).shape
    (3, 2)

    Source: LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", https://doi.org/10.1007/3-540-49430-8_2
    """
    return jax.nn.initializers.lecun_normal()(key, tuple(shape), dtype)


def uniform(limit: float) -> Initializer:
    """An initialiser that draws from [-limit, limit), whatever the fans: the small random start of 1986.

    >>> bool(abs(uniform(0.3)(jax.random.key(0), (4, 2))).max() <= 0.3)
    True

    Source: Rumelhart, Hinton and Williams 1986, https://doi.org/10.1038/323533a0
    """

    def initializer(key: Key, shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, tuple(shape), dtype, -limit, limit)

    return initializer


def initializer_for(activation: Callable[[Array], Array]) -> Initializer:
    """The initialiser that suits a layer followed by `activation`.

    ReLU: `he_normal`. Tanh, sigmoid, identity and softmax: `glorot_uniform`. Any other: `lecun_normal`,
    which assumes nothing but inputs of variance 1.

    Args:
        activation: A function of `nnjax.layers.activations`, the same of `jax.nn`, or one's own (static).

    >>> initializer_for(activations.relu) is he_normal
    True
    """
    if activation in (activations.relu, jax.nn.relu):
        return he_normal
    of_course = (activations.tanh, activations.sigmoid, activations.identity, activations.softmax)
    if activation in (*of_course, jnp.tanh, jax.nn.sigmoid, jax.nn.softmax):
        return glorot_uniform
    return lecun_normal
