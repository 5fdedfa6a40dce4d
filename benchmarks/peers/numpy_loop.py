"""Plain NumPy: what a person writes after the first lecture, and the judge of all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.work import Trained, Weights, Work, epochs_of_batches


def forward(weights: Weights, inputs: np.ndarray, activation: str) -> list[np.ndarray]:
    """The inputs, the activations of every layer and last the logits."""
    layers = [inputs]
    for i in range(0, len(weights), 2):
        x = layers[-1] @ weights[i] + weights[i + 1]
        if i < len(weights) - 2:
            x = np.tanh(x) if activation == "tanh" else np.maximum(x, 0)
        layers.append(x)
    return layers


def losses(outputs: np.ndarray, targets: np.ndarray, loss: str) -> np.ndarray:
    """The loss of each example, [N]."""
    if loss == "binary_cross_entropy":
        z = outputs[:, 0]
        return np.maximum(z, 0) - z * targets + np.log1p(np.exp(-np.abs(z)))
    shifted = outputs - outputs.max(1, keepdims=True)
    return np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(targets)), targets]


def slope(outputs: np.ndarray, targets: np.ndarray, loss: str) -> np.ndarray:
    """The gradient of the mean loss in the logits, [N, K]."""
    if loss == "binary_cross_entropy":
        return (1 / (1 + np.exp(-outputs)) - targets[:, None].astype(outputs.dtype)) / len(targets)
    exponentials = np.exp(outputs - outputs.max(1, keepdims=True))
    gradient = exponentials / exponentials.sum(1, keepdims=True)
    gradient[np.arange(len(targets)), targets] -= 1
    return gradient / len(targets)


def gradients(weights: Weights, layers: list[np.ndarray], gradient: np.ndarray, activation: str) -> Weights:
    """Back propagation: the gradient of the mean loss in every parameter."""
    found: Weights = []
    for i in range(len(weights) - 2, -1, -2):
        x = layers[i // 2]
        found[:0] = [x.T @ gradient, gradient.sum(0)]
        if i:
            gradient = gradient @ weights[i].T * (1 - x * x if activation == "tanh" else x > 0)
    return found


class Adam:
    """Kingma and Ba 2015, https://arxiv.org/abs/1412.6980"""

    def __init__(self, weights: Weights, learning_rate: float) -> None:
        self.rate, self.t = learning_rate, 0
        self.means = [np.zeros_like(w) for w in weights]
        self.squares = [np.zeros_like(w) for w in weights]

    def update(self, weights: Weights, gradient: Weights) -> None:
        """One step, in place."""
        self.t += 1
        rate = np.float32(self.rate * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t))
        for w, g, mean, square in zip(weights, gradient, self.means, self.squares, strict=True):
            mean += np.float32(0.1) * (g - mean)
            square += np.float32(0.001) * (g * g - square)
            w -= rate * mean / (np.sqrt(square) + np.float32(1e-8))


class Sgd:
    """w <- w - r g."""

    def __init__(self, weights: Weights, learning_rate: float) -> None:
        self.rate = np.float32(learning_rate)

    def update(self, weights: Weights, gradient: Weights) -> None:
        """One step, in place."""
        for w, g in zip(weights, gradient, strict=True):
            w -= self.rate * g


class Loop:
    """A loop over batches."""

    def __init__(self, work: Work, start: Callable[[Work, int], Weights]) -> None:
        self.work, self.start, self.inputs = work, start, work.floats()

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        work, weights = self.work, self.start(self.work, seed)
        optimizer = {"sgd": Sgd, "adam": Adam}[work.optimizer](weights, work.learning_rate)
        for rows in epochs_of_batches(len(self.inputs), work.batch_size, work.epochs, seed):
            optimizer.update(weights, self.gradient(weights, rows)[1])
        return Trained(weights)

    def gradient(self, weights: Weights, rows: np.ndarray) -> tuple[np.ndarray, Weights]:
        """The logits of a batch, and the gradient of its mean loss."""
        work, targets = self.work, self.work.targets[rows]
        layers = forward(weights, self.inputs[rows], work.net["activation"])
        outwards = slope(layers[-1], targets, work.loss)
        return layers[-1], gradients(weights, layers, outwards, work.net["activation"])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD."""
        weights, measured = [w.copy() for w in weights], []
        optimizer = Sgd(weights, learning_rate)
        for rows in batches:
            outputs, gradient = self.gradient(weights, rows)
            measured.append(float(losses(outputs, self.work.targets[rows], self.work.loss).mean()))
            optimizer.update(weights, gradient)
        return measured
