"""Equinox as its examples write it: a module, Optax, and a training step under `eqx.filter_jit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.peers.flax_nnx import mean_loss, optimizer_of
from benchmarks.work import Trained, Weights, Work, epochs_of_batches


class Perceptron(eqx.Module):
    """Linear layers with an activation between them, for one example."""

    layers: list[eqx.nn.Linear]
    activation: Callable = eqx.field(static=True)

    def __init__(self, sizes: Sequence[int], activation: Callable, key: Any) -> None:
        keys = jax.random.split(key, len(sizes) - 1)
        self.layers = [
            eqx.nn.Linear(d, m, key=k) for d, m, k in zip(sizes[:-1], sizes[1:], keys, strict=True)
        ]
        self.activation = activation

    def __call__(self, x: Any) -> Any:
        """The logits [K]."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


def perceptron(work: Work, seed: int) -> Perceptron:
    """A new perceptron."""
    activation = jnp.tanh if work.net["activation"] == "tanh" else jax.nn.relu
    return Perceptron(work.net["sizes"], activation, jax.random.key(seed))


class Jitted:
    """A step a call, from Python."""

    def __init__(self, work: Work, build: Callable[[Work, int], eqx.Module]) -> None:
        self.work, self.build, self.inputs = work, build, work.floats()
        self.step = step_with(work, optimizer_of(work))

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        work, model = self.work, self.build(self.work, seed)
        state = optimizer_of(work).init(eqx.filter(model, eqx.is_array))
        for rows in epochs_of_batches(len(self.inputs), work.batch_size, work.epochs, seed):
            model, state, _ = self.step(model, state, self.inputs[rows], work.targets[rows])
        return Trained([turned(w) for w in parameters(model)])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD."""
        optimizer, measured = optax.sgd(learning_rate), []
        model = eqx.tree_at(parameters, self.build(self.work, 0), [jnp.asarray(turned(w)) for w in weights])
        step, state = step_with(self.work, optimizer), optimizer.init(eqx.filter(model, eqx.is_array))
        for rows in batches:
            model, state, value = step(model, state, self.inputs[rows], self.work.targets[rows])
            measured.append(float(value))
        return measured


def step_with(work: Work, optimizer: optax.GradientTransformation) -> Callable[..., tuple[Any, Any, Any]]:
    """`step(model, state, x, y) -> (model, state, loss before the step)`."""
    loss = mean_loss(work.loss)

    @eqx.filter_jit
    def make_step(model: Any, state: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
        value, gradient = eqx.filter_value_and_grad(lambda model: loss(jax.vmap(model)(x), y))(model)
        updates, state = optimizer.update(gradient, state, eqx.filter(model, eqx.is_array))
        return eqx.apply_updates(model, updates), state, value

    return make_step


def parameters(model: Any) -> list[Any]:
    """A perceptron's parameters in the order of its layers."""
    return [parameter for layer in model.layers for parameter in (layer.weight, layer.bias)]


def turned(array: Any) -> np.ndarray:
    """A matrix [D, M] as Equinox keeps it, [M, D], and back; anything else as it is."""
    return np.asarray(array).T if array.ndim == 2 else np.asarray(array)
