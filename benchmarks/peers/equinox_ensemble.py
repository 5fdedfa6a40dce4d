"""Equinox's own way to train many nets at once: `eqx.filter_vmap` of the training step.

Source: its page on ensembling, https://docs.kidger.site/equinox/tricks/#ensembling
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.peers.equinox_jit import Perceptron, parameters
from benchmarks.peers.flax_nnx import mean_loss, optimizer_of
from benchmarks.work import Trained, Weights, Work


class Ensemble:
    """P members, each with its own weights and its own order, in step."""

    def __init__(self, work: Work) -> None:
        self.work, self.inputs = work, work.floats()
        self.step = step_with(work, optimizer_of(work))

    def new(self, seed: int) -> Any:
        """A stack of nets."""
        make = eqx.filter_vmap(lambda key: Perceptron(self.work.net["sizes"], jnp.tanh, key))
        return make(jax.random.split(jax.random.key(seed), self.work.members))

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        work, model, rng = self.work, self.new(seed), np.random.default_rng(seed)
        state = eqx.filter_vmap(optimizer_of(work).init)(eqx.filter(model, eqx.is_array))
        rows = np.tile(np.arange(len(self.inputs)), (work.members, 1))
        for _ in range(work.epochs):
            order = rng.permuted(rows, axis=1)
            for first in range(0, len(self.inputs), work.batch_size):
                batch = order[:, first : first + work.batch_size]
                model, state, _ = self.step(model, state, self.inputs[batch], work.targets[batch])
        return Trained([stack_turned(w) for w in parameters(model)])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD."""
        optimizer, measured = optax.sgd(learning_rate), []
        model = eqx.tree_at(parameters, self.new(0), [jnp.asarray(stack_turned(w)) for w in weights])
        state = eqx.filter_vmap(optimizer.init)(eqx.filter(model, eqx.is_array))
        step = step_with(self.work, optimizer)
        for rows in batches:
            model, state, value = step(model, state, self.inputs[rows], self.work.targets[rows])
            measured.append(float(value.mean()))
        return measured


def step_with(work: Work, optimizer: optax.GradientTransformation) -> Callable[..., tuple[Any, Any, Any]]:
    """`step(model, state, x, y) -> (model, state, losses before the step [P])`."""
    loss = mean_loss(work.loss)

    @eqx.filter_jit
    @eqx.filter_vmap
    def make_step(model: Any, state: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
        value, gradient = eqx.filter_value_and_grad(lambda model: loss(jax.vmap(model)(x), y))(model)
        updates, state = optimizer.update(gradient, state, eqx.filter(model, eqx.is_array))
        return eqx.apply_updates(model, updates), state, value

    return make_step


def stack_turned(stacked: Any) -> np.ndarray:
    """Matrices [P, D, M] as Equinox keeps them, [P, M, D], and back; anything else as it is."""
    return np.asarray(stacked).swapaxes(1, 2) if stacked.ndim == 3 else np.asarray(stacked)
