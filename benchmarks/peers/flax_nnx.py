"""Flax NNX as its guides write it: a module, `nnx.Optimizer`, and a training step under `nnx.jit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from benchmarks.work import Trained, Weights, Work, epochs_of_batches


class Perceptron(nnx.Module):
    """Linear layers with an activation between them."""

    def __init__(self, sizes: Sequence[int], activation: Callable, rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([nnx.Linear(d, m, rngs=rngs) for d, m in pairwise(sizes)])
        self.activation = activation

    def __call__(self, x: Any) -> Any:
        """The logits."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


def perceptron(work: Work, seed: int) -> Perceptron:
    """A new perceptron."""
    activation = jnp.tanh if work.net["activation"] == "tanh" else nnx.relu
    return Perceptron(work.net["sizes"], activation, nnx.Rngs(seed))


def mean_loss(kind: str) -> Callable[[Any, Any], Any]:
    """The mean loss of a batch by Optax, from logits [N, K] and labels [N]."""
    if kind == "binary_cross_entropy":
        return lambda z, t: optax.sigmoid_binary_cross_entropy(z[:, 0], t.astype(jnp.float32)).mean()
    return lambda z, t: optax.softmax_cross_entropy_with_integer_labels(z, t).mean()


def optimizer_of(work: Work) -> optax.GradientTransformation:
    """Optax's SGD or Adam."""
    return {"sgd": optax.sgd, "adam": optax.adam}[work.optimizer](work.learning_rate)


class Jitted:
    """A step a call, from Python."""

    def __init__(self, work: Work, build: Callable[[Work, int], nnx.Module]) -> None:
        self.work, self.build, self.inputs = work, build, work.floats()
        loss = mean_loss(work.loss)

        @nnx.jit
        def train_step(model: Any, optimizer: nnx.Optimizer, x: Any, y: Any) -> Any:
            value, gradient = nnx.value_and_grad(lambda model: loss(model(x), y))(model)
            optimizer.update(model, gradient)
            return value

        self.step = train_step

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        work, model = self.work, self.build(self.work, seed)
        optimizer = nnx.Optimizer(model, optimizer_of(work), wrt=nnx.Param)
        for rows in epochs_of_batches(len(self.inputs), work.batch_size, work.epochs, seed):
            self.step(model, optimizer, self.inputs[rows], work.targets[rows])
        return Trained([np.asarray(w[...]) for w in parameters(model)])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD."""
        model = self.build(self.work, 0)
        for parameter, w in zip(parameters(model), weights, strict=True):
            parameter[...] = jnp.asarray(w)
        optimizer = nnx.Optimizer(model, optax.sgd(learning_rate), wrt=nnx.Param)
        return [
            float(self.step(model, optimizer, self.inputs[rows], self.work.targets[rows])) for rows in batches
        ]


def parameters(model: Any) -> list[Any]:
    """A perceptron's parameters in the order of its layers."""
    return [parameter for layer in model.layers for parameter in (layer.kernel, layer.bias)]
