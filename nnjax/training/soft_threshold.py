"""The L1 penalty taken after the step instead of through its slope, so that weights become exactly 0."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from nnjax.errors import ConfigError
from nnjax.training.penalties import decay_mask
from nnjax.types import Array, Params


def soft_threshold(threshold: float | Array) -> optax.GradientTransformation:
    """w <- sign(v) max(|v| - threshold, 0), where v is the weight after the step; biases are left alone.

    The last link of a chain. A gradient step on a penalty strength * sum |w| never lands on 0: near it the
    weight jumps from one side to the other by learning_rate * strength. This step pulls towards 0 by as much,
    and stops there. After plain SGD, with threshold = learning_rate * strength, both lower the same cost:

        optax.chain(optax.sgd(learning_rate), soft_threshold(learning_rate * strength))

    Args:
        threshold: How far every weight moves towards 0 in a step, >= 0; may be a tracer.

    Returns:
        An Optax transformation; its update wants the params.

    Raises:
        ConfigError: If the update comes without params.

    >>> params = {"weights": jnp.array([0.5, -0.2, 0.05]), "bias": jnp.array([0.05])}
    >>> still = jax.tree.map(jnp.zeros_like, params)
    >>> thresholded = soft_threshold(0.1)
    >>> updates, _ = thresholded.update(still, thresholded.init(params), params)
    >>> optax.apply_updates(params, updates)["weights"].round(3).tolist()
    [0.4000000059604645, -0.10000000149011612, 0.0]

    Source: Daubechies, Defrise and De Mol 2004, https://arxiv.org/abs/math/0307152
    """

    def moved(is_weight: bool, weight: Array, update: Array) -> Array:
        if not is_weight:
            return update
        after = weight + update
        return jnp.sign(after) * jnp.maximum(jnp.abs(after) - threshold, 0) - weight

    def update(updates: Any, state: Any, params: Params | None = None) -> tuple[Any, Any]:
        if params is None:
            raise ConfigError("soft_threshold wants the params beside the updates, got None")
        return jax.tree.map(moved, decay_mask(params), params, updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
