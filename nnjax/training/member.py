"""One training as a value: its data on the device, its state, and the batch that its position names."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.types import Array, Batch, Hyper, Key, Params, Recipe

RUNNING, STOPPED, DIVERGED, FINISHED = 0, 1, 2, 3  # Member.status
INIT, NOISE = 0, 1  # what a member's random keys are for


class Part(NamedTuple):
    """One part of the data, on the device.

    Attributes:
        inputs: Pytree of arrays [N, ...].
        targets: Pytree of arrays [N, ...].
        weights: Float array [N], or None where all examples weigh the same.
        rows: Int array [F, n]: the rows that belong to this part in each of F folds, padded with
            -1; None where every example does.
    """

    inputs: Any
    targets: Any
    weights: Any = None
    rows: Any = None

    @property
    def size(self) -> int:
        """How many examples the part has, N (of a fold: at most)."""
        leaves = jax.tree.leaves((self.inputs, self.targets, self.weights))
        return len(leaves[0]) if self.rows is None else self.rows.shape[1]

    def choose(self, positions: Array, fold: Array) -> Array:
        """The rows at `positions` of the part in `fold`; -1 means none, before and after."""
        if self.rows is None:
            return positions
        return jnp.where(positions < 0, -1, self.rows[fold, positions])

    def batch(self, rows: Array) -> Batch:
        """The examples at `rows` [B]; where a row is -1 there is none, and its weight is 0."""
        inside = rows >= 0
        rows = jnp.maximum(rows, 0)

        def take(leaf: Array) -> Array:
            return leaf.at[rows].get(mode="promise_in_bounds", wrap_negative_indices=False)

        weights = inside.astype(jnp.float32)
        if self.weights is not None:
            weights = weights * take(self.weights)
        return Batch(jax.tree.map(take, self.inputs), jax.tree.map(take, self.targets), weights, rows)


class Data(NamedTuple):
    """What a training reads: the part it fits and the part it is judged on, or None."""

    train: Part
    valid: Part | None = None


class Member(NamedTuple):
    """One training: all that changes, and all that is saved.

    Attributes:
        seed: uint32; initial parameters, data order and dropout all follow from it.
        fold: int32, which rows are for training and which for validation.
        hyper: Name to float32 scalar.
        step: int32, optimiser steps done.
        params: The parameters.
        opt_state: The optimiser's state.
        best_params: The parameters at the best segment end so far.
        best_score: float32, the monitored value there, smaller is better.
        best_step: int32, the step there.
        waited: int32, segments since then.
        status: int32: RUNNING, FINISHED (the whole plan), STOPPED (early) or DIVERGED.
    """

    seed: Array
    fold: Array
    hyper: Hyper
    step: Array
    params: Params
    opt_state: Any
    best_params: Params
    best_score: Array
    best_step: Array
    waited: Array
    status: Array


def member_key(seed: Array, purpose: int, step: Array | int) -> Key:
    """The random key of one purpose at one step: `fold_in(fold_in(key(seed), purpose), step)`."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), purpose), step)


def new_member(recipe: Recipe, seed: Array, hyper: Hyper, fold: Array | int = 0) -> Member:
    """A training before its first step."""
    seed = jnp.asarray(seed, jnp.uint32)
    task = recipe(hyper)
    params = task.net.init(member_key(seed, INIT, 0))
    zero = jnp.int32(0)
    return Member(
        seed=seed,
        fold=jnp.asarray(fold, jnp.int32),
        hyper=hyper,
        step=zero,
        params=params,
        opt_state=task.optimizer.init(params),
        best_params=params,
        best_score=jnp.float32(jnp.inf),
        best_step=zero,
        waited=zero,
        status=jnp.int32(RUNNING),
    )
