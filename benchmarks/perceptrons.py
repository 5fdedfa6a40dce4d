"""The multilayer perceptron in every library, and what is the same in all of them: W1 and W3."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.work import Trainer, Weights, Work

SCORED_AT_ONCE = 2048  # examples: the judge must not be what sets a process's peak memory


def flops(sizes: Sequence[int], examples: int) -> float:
    """Operations of a training that sees `examples` examples: three products a layer, two in the first.

    Forward, the gradient of the weights, and the gradient of what came in, which the first layer does
    not need; each is D M multiply-adds an example.
    """
    layers = [2.0 * d * m for d, m in pairwise(sizes)]
    return examples * (3 * sum(layers) - layers[0])


def initial_weights(work: Work, seed: int = 0) -> Weights:
    """Weights of variance 1 / fan in, biases 0, drawn by NumPy: the same for every library."""
    rng, sizes = np.random.default_rng(seed), work.net["sizes"]
    drawn = []
    for d, m in pairwise(sizes):
        drawn += [(rng.standard_normal((d, m)) / np.sqrt(d)).astype(np.float32), np.zeros(m, np.float32)]
    return drawn


def score(work: Work, weights: Weights) -> float:
    """The mean loss over all training examples, in float64 NumPy: one judge for all libraries."""
    from benchmarks.peers.numpy_loop import forward, losses

    weights, total = [np.asarray(w, np.float64) for w in weights], 0.0
    for first in range(0, len(work.inputs), SCORED_AT_ONCE):
        rows = slice(first, first + SCORED_AT_ONCE)
        inputs = work.inputs[rows].astype(np.float64) * work.scale
        outputs = forward(weights, inputs, work.net["activation"])[-1]
        total += losses(outputs, work.targets[rows], work.loss).sum()
    return float(total / len(work.inputs))


def nnjax_perceptron(work: Work) -> Any:
    """`nnjax.mlp`, which takes bytes where the data are bytes."""
    from nnjax import mlp, relu, rescale, tanh

    net = mlp(work.net["sizes"], tanh if work.net["activation"] == "tanh" else relu)
    return net if work.scale == 1 else rescale(net, scale=work.scale)


def nnjax(work: Work) -> Trainer:
    """`nnjax.fit` with its progress bar on, after `nnjax.configure()`."""
    from benchmarks.peers.nnjax_fit import Fit
    from nnjax import configure

    configure()
    return Fit(work, nnjax_perceptron(work))


def numpy(work: Work) -> Trainer:
    """Forward, backward and update written out in NumPy."""
    from benchmarks.peers.numpy_loop import Loop

    return Loop(work, initial_weights)


def torch_perceptron(work: Work) -> Any:
    """`nn.Sequential` of linear layers."""
    from torch import nn

    sizes, layers = work.net["sizes"], []
    for d, m in pairwise(sizes):
        layers += [nn.Linear(d, m), nn.Tanh() if work.net["activation"] == "tanh" else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def pytorch(work: Work) -> Trainer:
    """Eager, as PyTorch's tutorials write it."""
    from benchmarks.peers.pytorch import Eager

    return Eager(work, torch_perceptron)


def pytorch_fused(work: Work) -> Trainer:
    """Eager with `fused=True`, the fastest optimiser that PyTorch documents."""
    from benchmarks.peers.pytorch import Eager

    return Eager(work, torch_perceptron, fused=True)


def pytorch_compile(work: Work) -> Trainer:
    """`torch.compile` of the net, and a fused optimiser."""
    from benchmarks.peers.pytorch import Eager

    return Eager(work, torch_perceptron, fused=True, compiled=True)


def flax_nnx(work: Work) -> Trainer:
    """An `nnx.Module`, `nnx.value_and_grad`, `nnx.Optimizer` and `nnx.jit`."""
    from benchmarks.peers.flax_nnx import Jitted, perceptron

    return Jitted(work, perceptron)


def equinox(work: Work) -> Trainer:
    """An `eqx.Module`, `eqx.filter_value_and_grad` and `eqx.filter_jit`."""
    from benchmarks.peers.equinox_jit import Jitted, perceptron

    return Jitted(work, perceptron)


def keras(work: Work) -> Trainer:
    """`Model.fit` on whichever backend KERAS_BACKEND names."""
    from benchmarks.peers.keras_fit import Fit, perceptron

    return Fit(work, perceptron)


def scikit_learn(work: Work) -> Trainer:
    """`MLPClassifier.fit`."""
    from benchmarks.peers.scikit import Classifier

    return Classifier(work)


TRAINERS = {
    "nnjax": nnjax,
    "pytorch": pytorch,
    "pytorch-fused": pytorch_fused,
    "pytorch-compile": pytorch_compile,
    "flax-nnx": flax_nnx,
    "equinox": equinox,
    "keras-jax": keras,
    "keras-torch": keras,
    "scikit-learn": scikit_learn,
    "numpy": numpy,
}
