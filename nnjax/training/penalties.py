"""Penalties on the size of the weights, counted once a step, and the mask for decoupled weight decay.

All three touch the entries named "weights" (or "kernel", the name in Flax) and leave biases alone: a
bias does not multiply an input, so that shrinking it makes no function smoother.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array, Params

WEIGHT_NAMES = ("weights", "kernel")


def l1_penalty(params: Params, strength: float | Array) -> Array:
    """strength * sum |w|, over all weights and no biases. Drives weights to 0 exactly or nearly.

    Args:
        params: Nested dict with entries named "weights" or "kernel".
        strength: A number >= 0; may be a tracer.

    Returns:
        Float scalar. Where w = 0 the gradient is 0.

    Raises:
        ConfigError: If no entry has such a name.

    >>> float(l1_penalty({"layer_0": {"weights": jnp.array([[-3.0, 4.0]]), "bias": jnp.ones(2)}}, 0.5))
    3.5

    Source: Tibshirani 1996, https://doi.org/10.1111/j.2517-6161.1996.tb02080.x
    """
    # |w| as w sign(w): JAX gives abs the slope 1 at 0, which would push weights that are 0 away from it.
    absolute = lambda leaf: leaf * jax.lax.stop_gradient(jnp.sign(leaf))
    return strength * sum((jnp.sum(absolute(leaf)) for leaf in _weights(params)), start=jnp.zeros(()))


def l2_penalty(params: Params, strength: float | Array) -> Array:
    """strength * sum w^2, over all weights and no biases, without a half: its gradient is 2 strength w.

    It is part of the loss, so an adaptive optimiser divides its gradient as it divides the others, and
    weights with large gradients decay less: see `decay_mask` for the other way.

    Args:
        params: Nested dict with entries named "weights" or "kernel".
        strength: A number >= 0; may be a tracer.

    Returns:
        Float scalar.

    Raises:
        ConfigError: If no entry has such a name.

    >>> float(l2_penalty({"layer_0": {"weights": jnp.array([[-3.0, 4.0]]), "bias": jnp.ones(2)}}, 0.5))
    12.5

    Source: Krogh and Hertz 1991, https://papers.nips.cc/paper/1991/hash/8eefcfdf5990e441f0fb6f3fad709e21-Abstract.html
    """
    return strength * sum((jnp.sum(jnp.square(leaf)) for leaf in _weights(params)), start=jnp.zeros(()))


def decay_mask(params: Params) -> Params:
    """Which entries decay: True for weights, False for biases. For `optax.adamw(..., mask=decay_mask)`.

    Decoupled weight decay is not an L2 penalty. It takes learning_rate * decay * w off the weights
    beside the step, after the optimiser has scaled the gradient, so that all weights shrink at one rate.
    Under plain SGD the two agree, with decay = 2 * strength of `l2_penalty`; under Adam they do not, and the
    decoupled one lets the learning rate and the decay be chosen nearly independently.

    Args:
        params: Nested dict.

    Returns:
        A dict of the same structure with a bool at each leaf.

    >>> decay_mask({"layer_0": {"weights": jnp.ones((1, 2)), "bias": jnp.ones(2)}})
    {'layer_0': {'bias': False, 'weights': True}}

    Source: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101
    """
    return jax.tree_util.tree_map_with_path(lambda path, _: _is_weight(path), params)


def _weights(params: Params) -> list[Array]:
    """The leaves that a penalty counts."""
    found = [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params) if _is_weight(path)]
    if not found:
        names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
        raise ConfigError(f"a penalty wants params with an entry named {WEIGHT_NAMES}, got {names}")
    return found


def _is_weight(path: tuple[Any, ...]) -> bool:
    """Whether the innermost dict key on the way to a leaf is the name of weights."""
    keys = [entry.key for entry in path if isinstance(entry, jax.tree_util.DictKey)]
    return bool(keys) and keys[-1] in WEIGHT_NAMES
