"""The small convolutional net of W4 in nnjax and in PyTorch, and one judge for both.

Weights are [filters [kh, kw, C, O], bias, ..., weights [D, M], bias, ...], as nnjax turns them. PyTorch
keeps its channels first, so its first dense layer reads them in another order: it is turned as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.work import Trained, Trainer, Weights, Work

LAYERS = {"conv_1": "filters", "conv_2": "filters", "dense": "weights", "output": "weights"}
SCORED_AT_ONCE = 1000  # examples: the judge must not be what sets a process's peak memory


def shapes(net: dict[str, Any]) -> list[tuple[int, ...]]:
    """Of all weights, biases left out."""
    (first, second), size, hidden = net["channels"], net["pixels"] // 4, net["hidden"]
    return [(3, 3, 1, first), (3, 3, first, second), (size * size * second, hidden), (hidden, net["classes"])]


def flops(net: dict[str, Any], examples: int) -> float:
    """Operations of a training that sees `examples` examples: three products a layer, two in the first."""
    pixels = [net["pixels"] ** 2, (net["pixels"] // 2) ** 2, 1, 1]
    layers = [2.0 * places * np.prod(shape) for places, shape in zip(pixels, shapes(net), strict=True)]
    return float(examples * (3 * sum(layers) - layers[0]))


def initial_weights(work: Work, seed: int = 0) -> Weights:
    """Weights of variance 2 / fan in, biases 0, drawn by NumPy: the same for every library."""
    rng, drawn = np.random.default_rng(seed), []
    for shape in shapes(dict(work.net)):
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        drawn += [(rng.standard_normal(shape) * scale).astype("f"), np.zeros(shape[-1], "f")]
    return drawn


def score(work: Work, weights: Weights) -> float:
    """The mean loss over all training examples, in NumPy: one judge for all libraries."""
    from benchmarks.peers.numpy_loop import losses

    total = 0.0
    for first in range(0, len(work.inputs), SCORED_AT_ONCE):
        rows = slice(first, first + SCORED_AT_ONCE)
        images = work.inputs[rows].astype("f")[..., None] * np.float32(work.scale)
        logits = forward(weights, images).astype(np.float64)
        total += losses(logits, work.targets[rows], work.loss).sum()
    return float(total / len(work.inputs))


def forward(weights: Weights, x: np.ndarray) -> np.ndarray:
    """The logits [N, K] of images [N, H, W, 1]."""
    for filters, bias in (weights[0:2], weights[2:4]):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        matrix = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, filters.size // filters.shape[-1])
        y = matrix @ filters.reshape(-1, filters.shape[-1]) + bias
        n, h, w, _ = x.shape
        x = np.maximum(y.reshape(n, h // 2, 2, w // 2, 2, -1).max(axis=(2, 4)), 0)
    hidden = np.maximum(x.reshape(len(x), -1) @ weights[4] + weights[5], 0)
    return hidden @ weights[6] + weights[7]


def nnjax(work: Work) -> Trainer:
    """`nnjax.fit` with its progress bar on, after `nnjax.configure()`."""
    from benchmarks.peers.nnjax_fit import Fit
    from nnjax import configure, rescale

    configure()
    return Fit(work, rescale(numbered(work), scale=work.scale))


def numbered(work: Work) -> Any:
    """nnjax's net, with layer_0, layer_1, ... for the names of its layers, and images [N, H, W]."""
    from nnjax import Net
    from nnjax.models.convnet import convnet

    size, net = work.net["pixels"], dict(work.net)
    built = convnet((size, size, 1), net["channels"], net["hidden"], net["classes"])

    def init(key: Any) -> Any:
        params = built.init(key)
        pairs = [(params[name][kind], params[name]["bias"]) for name, kind in LAYERS.items()]
        return {f"layer_{i}": {"weights": weights, "bias": bias} for i, (weights, bias) in enumerate(pairs)}

    def apply(params: Any, inputs: Any, **options: Any) -> Any:
        layers = [params[f"layer_{i}"] for i in range(len(LAYERS))]
        named = {
            name: {kind: layer["weights"], "bias": layer["bias"]}
            for (name, kind), layer in zip(LAYERS.items(), layers, strict=True)
        }
        return built.apply(named, inputs[..., None], **options)

    return Net(init, apply)


def pytorch(work: Work) -> Trainer:
    """Eager, as PyTorch's tutorials write it."""
    return torch_trainer(work)


def pytorch_fused(work: Work) -> Trainer:
    """Eager with `fused=True`, the fastest optimiser that PyTorch documents."""
    return torch_trainer(work, fused=True)


def pytorch_compile(work: Work) -> Trainer:
    """`torch.compile` of the net, and a fused optimiser."""
    return torch_trainer(work, fused=True, compiled=True)


def torch_trainer(work: Work, **modes: bool) -> Trainer:
    """PyTorch's loop over a net of convolutions."""
    from torch import nn

    from benchmarks.peers.pytorch import Eager

    def build(work: Work) -> nn.Module:
        (first, second), size = work.net["channels"], work.net["pixels"] // 4
        return nn.Sequential(
            nn.Unflatten(1, (1, work.net["pixels"])),
            nn.Conv2d(1, first, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(size * size * second, work.net["hidden"]),
            nn.ReLU(),
            nn.Linear(work.net["hidden"], work.net["classes"]),
        )

    class Turned(Eager):
        def train(self, seed: int) -> Trained:
            trained = super().train(seed)
            return Trained(to_nnjax(work, trained.weights))

        def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
            return super().steps(to_torch(work, weights), batches, learning_rate)

    return Turned(work, build, **modes)


def to_torch(work: Work, weights: Weights) -> Weights:
    """Filters OIHW, and the first dense layer's inputs channels first; its matrices are still [D, M]."""
    size, turned = work.net["pixels"] // 4, list(weights)
    turned[0], turned[2] = weights[0].transpose(3, 2, 0, 1), weights[2].transpose(3, 2, 0, 1)
    by_pixel = weights[4].reshape(size, size, -1, weights[4].shape[1])
    turned[4] = by_pixel.transpose(2, 0, 1, 3).reshape(weights[4].shape)
    return [np.ascontiguousarray(array) for array in turned]


def to_nnjax(work: Work, weights: Weights) -> Weights:
    """The other way round."""
    size, turned = work.net["pixels"] // 4, list(weights)
    turned[0], turned[2] = weights[0].transpose(2, 3, 1, 0), weights[2].transpose(2, 3, 1, 0)
    by_channel = weights[4].reshape(-1, size, size, weights[4].shape[1])
    turned[4] = by_channel.transpose(1, 2, 0, 3).reshape(weights[4].shape)
    return turned


TRAINERS = {
    "nnjax": nnjax,
    "pytorch": pytorch,
    "pytorch-fused": pytorch_fused,
    "pytorch-compile": pytorch_compile,
}
