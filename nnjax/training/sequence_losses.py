"""Losses and metrics of every step of a sequence: a per-example function, lifted to the true steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.padding import true_steps
from nnjax.training.losses import PerExample, per_example
from nnjax.types import Array, Batch, Mean, Sequences


def per_step(function: PerExample) -> Callable[[Any, Batch], Mean]:
    """Lifts a loss or metric of examples to a weighted mean over the true steps of a batch of sequences.

    total = sum_n sum_{t < length_n} w_n f_nt, count = sum_n w_n length_n: a long sequence counts for more
    than a short one. A step in the padding adds exactly 0 to the total and to every gradient, even where
    NaN stands there.

    Args:
        function: `f(outputs [M, ...], targets [M, ...]) -> [M]`, such as `cross_entropy`.

    Returns:
        `(outputs, batch) -> Mean`, the form of a Task's loss and metrics, for outputs that are Sequences
        of values [N, T, ...] and targets [N, T, ...], as an array or as Sequences.

    Raises:
        ConfigError: If the outputs are no Sequences, the targets have other steps, or f does not give one
            number a step.

    >>> from nnjax.training.losses import squared_error
    >>> targets = jnp.array([[1.0, 2.0], [4.0, jnp.nan]])
    >>> batch = Batch(None, targets, jnp.array([1.0, 1.0]), jnp.arange(2))
    >>> mean = per_step(squared_error)(Sequences(jnp.zeros((2, 2)), jnp.array([2, 1])), batch)
    >>> float(mean.total), float(mean.count)
    (21.0, 3.0)
    """
    over_steps = per_example(function)

    def lifted(outputs: Any, batch: Batch) -> Mean:
        if not isinstance(outputs, Sequences):
            raise ConfigError(f"per_step wants outputs that are Sequences, got {type(outputs).__name__}")
        targets = batch.targets.values if isinstance(batch.targets, Sequences) else batch.targets
        shape = jnp.shape(outputs.values)[:2]
        weights = jnp.where(true_steps(outputs), batch.weights[:, None], 0)
        rows, targets = jax.tree.map(lambda leaf: _steps_as_rows(leaf, shape), (outputs.values, targets))
        index = jnp.repeat(batch.index, shape[1])
        return over_steps(rows, Batch(None, targets, weights.reshape(-1), index))

    return lifted


def lift(function: PerExample) -> Callable[[Any, Batch], Mean]:
    """`per_step` where a network's outputs are Sequences, `per_example` where they are not."""
    of_steps, of_examples = per_step(function), per_example(function)

    def lifted(outputs: Any, batch: Batch) -> Mean:
        return (of_steps if isinstance(outputs, Sequences) else of_examples)(outputs, batch)

    return lifted


def _steps_as_rows(leaf: Array, shape: tuple[int, ...]) -> Array:
    """[N, T, ...] as [N T, ...]."""
    if jnp.shape(leaf)[:2] != shape:
        raise ConfigError(f"per_step wants outputs and targets [N, T, ...] of one N and T, got {leaf.shape}")
    return jnp.reshape(leaf, (shape[0] * shape[1], *jnp.shape(leaf)[2:]))
