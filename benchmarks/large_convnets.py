"""AlexNet and VGG-16 (W6, W7) in nnjax and in PyTorch, and one judge for both.

A net is rows of convolutions and dense layers in `work.net`, from which PyTorch's net and the judge are
made; nnjax's are its own `alexnet` and `vgg16`. Dropout is left out for all, since it draws differently.
Weights are [filters [kh, kw, C, O], bias, ..., weights [D, M], bias, ...], as nnjax turns them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.work import Trained, Trainer, Weights, Work

CENTRE = 127.5  # of the bytes
STEPS = 6  # of one training
ALEXNET = [[64, 11, 4, 2, 3], [192, 5, 1, 2, 3], [384, 3, 1, 1, 0], [256, 3, 1, 1, 0], [256, 3, 1, 1, 3]]
VGG = [
    [channels, 3, 1, 1, 2 * (i == count)]
    for count, channels in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
    for i in range(1, count + 1)
]
CONVOLUTIONS = {"alexnet": ALEXNET, "vgg16": VGG}  # channels, window, stride, padding, pooling's window


def work_of(name: str, kind: str, batch_size: int, side: int = 224, hidden: int = 4096) -> Work:
    """Random images and labels: what a step costs does not depend on them."""
    rng, examples = np.random.default_rng(0), STEPS * batch_size
    net = {"kind": kind, "side": side, "hidden": hidden, "classes": 1000}
    return Work(
        name=name,
        title=f"{kind}, images {side}x{side}, 1,000 classes",
        details=f"{STEPS} steps of batch {batch_size}, Adam, random images",
        inputs=rng.integers(0, 256, (examples, side, side, 3), np.uint8),
        targets=rng.permutation(examples).astype(
            np.int32
        ),  # a set must have some of every class up to its last
        scale=1 / CENTRE,
        net=net,
        loss="cross_entropy",
        optimizer="adam",
        learning_rate=1e-4,
        batch_size=batch_size,
        epochs=1,
        flops=flops(net, examples),
    )


def shapes(net: dict[str, Any]) -> tuple[list[tuple[int, ...]], list[int]]:
    """Of all weights, biases left out, and how many places each has in one image."""
    found, places, before, side = [], [], 3, net["side"]
    for channels, window, stride, padding, pool in CONVOLUTIONS[net["kind"]]:
        side = (side + 2 * padding - window) // stride + 1
        found.append((window, window, before, channels))
        places.append(side * side)
        side, before = (side - pool) // 2 + 1 if pool else side, channels
    sizes = [side * side * before, net["hidden"], net["hidden"], net["classes"]]
    return found + list(itertools.pairwise(sizes)), places + [1] * 3


def flops(net: dict[str, Any], examples: int) -> float:
    """Operations of a training that sees `examples` examples: three products a layer, two in the first."""
    layers = [2.0 * n * np.prod(shape) for shape, n in zip(*shapes(net), strict=True)]
    return float(examples * (3 * sum(layers) - layers[0]))


def initial_weights(work: Work, seed: int = 0) -> Weights:
    """Weights of variance 2 / fan in, biases 0, drawn by NumPy: the same for every library."""
    rng, drawn = np.random.default_rng(seed), []
    for shape in shapes(dict(work.net))[0]:
        scale = np.float32(np.sqrt(2 / np.prod(shape[:-1])))
        drawn += [rng.standard_normal(shape, np.float32) * scale, np.zeros(shape[-1], "f")]
    return drawn


def score(work: Work, weights: Weights) -> float:
    """The mean loss over one batch, in NumPy: one judge for all libraries."""
    from benchmarks.peers.numpy_loop import losses

    images, targets = work.inputs[: work.batch_size], work.targets[: work.batch_size]
    logits = [forward(work, weights, image[None].astype("f") / np.float32(CENTRE) - 1) for image in images]
    return float(losses(np.concatenate(logits).astype(np.float64), targets, work.loss).mean())


def forward(work: Work, weights: Weights, x: np.ndarray) -> np.ndarray:
    """The logits [N, K] of images [N, H, W, 3] from -1 to 1."""
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    rows = CONVOLUTIONS[work.net["kind"]]
    for (filters, bias), (_, window, stride, padding, pool) in zip(pairs, rows, strict=False):
        padded = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
        seen = windows(padded, window, stride)
        n, h, w = seen.shape[:3]
        matrix = seen.transpose(0, 1, 2, 4, 5, 3).reshape(n * h * w, -1)
        x = (matrix @ filters.reshape(-1, filters.shape[-1]) + bias).reshape(n, h, w, -1)
        x = np.maximum(windows(x, pool, 2).max(axis=(4, 5)) if pool else x, 0)
    x = x.reshape(len(x), -1)
    for matrix, bias in pairs[len(rows) : -1]:
        x = np.maximum(x @ matrix + bias, 0)
    return x @ pairs[-1][0] + pairs[-1][1]


def windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """[N, h, w, C, size, size]."""
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]


def nnjax(work: Work) -> Trainer:
    """`nnjax.fit` with its progress bar on, after `nnjax.configure()`."""
    from benchmarks.peers.nnjax_fit import Fit
    from nnjax import configure, rescale

    configure()
    return Fit(work, rescale(numbered(work), CENTRE, work.scale))


def numbered(work: Work) -> Any:
    """nnjax's net, with layer_0, layer_1, ... for the names of its layers."""
    import jax

    from nnjax import Net
    from nnjax.models.alexnet import alexnet
    from nnjax.models.vgg16 import vgg16

    net = dict(work.net)
    kind = {"alexnet": alexnet, "vgg16": vgg16}[net["kind"]]
    built = kind(net["classes"], net["side"], net["hidden"], dropout=0.0)
    names = sorted(jax.eval_shape(built.init, jax.random.key(0)))  # "conv..." comes before "dense_..."
    kinds = ["weights" if name.startswith("dense") else "filters" for name in names]

    def init(key: Any) -> Any:
        params = built.init(key)
        layers = [params[name] for name in names]
        pairs = zip(layers, kinds, strict=True)
        return {f"layer_{i}": {"weights": p[k], "bias": p["bias"]} for i, (p, k) in enumerate(pairs)}

    def apply(params: Any, inputs: Any, **options: Any) -> Any:
        layers = [params[f"layer_{i}"] for i in range(len(names))]
        parts = zip(names, kinds, layers, strict=True)
        named = {name: {kind: p["weights"], "bias": p["bias"]} for name, kind, p in parts}
        return built.apply(named, inputs, **options)

    return Net(init, apply)


def pytorch(work: Work) -> Trainer:
    """Eager, as PyTorch's tutorials write it."""
    return torch_trainer(work)


def pytorch_fused(work: Work) -> Trainer:
    """Eager with `fused=True`, the fastest optimiser that PyTorch documents."""
    return torch_trainer(work, fused=True)


def torch_trainer(work: Work, **modes: bool) -> Trainer:
    """PyTorch's loop over torchvision's form of the net, images channels first as PyTorch wants them."""
    import torch
    from torch import nn

    from benchmarks.peers.pytorch import Eager

    def build(work: Work) -> nn.Module:
        layers: list[nn.Module] = []
        for shape, row in zip(shapes(dict(work.net))[0], CONVOLUTIONS[work.net["kind"]], strict=False):
            layers += [nn.Conv2d(shape[2], row[0], row[1], row[2], row[3]), nn.ReLU()]
            layers += [nn.MaxPool2d(row[4], 2)] if row[4] else []
        layers.append(nn.Flatten())
        for shape in shapes(dict(work.net))[0][-3:]:
            layers += [nn.Linear(*shape), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    class Turned(Eager):
        def __init__(self, work: Work, build: Callable[[Work], nn.Module], **modes: bool) -> None:
            super().__init__(work, build, **modes)
            self.inputs = (self.inputs - 1).permute(0, 3, 1, 2).contiguous()

        def train(self, seed: int) -> Trained:
            trained = super().train(seed)
            return Trained(turn(work, trained.weights, (2, 3, 1, 0), channels_first=True))

        def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
            turned = turn(work, weights, (3, 2, 0, 1), channels_first=False)
            return super().steps(turned, batches, learning_rate)

    torch.manual_seed(0)
    return Turned(work, build, **modes)


def turn(work: Work, weights: Weights, axes: tuple[int, ...], channels_first: bool) -> Weights:
    """Filters with their axes in another order, and so the inputs of the first dense layer."""
    first = 2 * len(CONVOLUTIONS[work.net["kind"]])
    channels = CONVOLUTIONS[work.net["kind"]][-1][0]
    turned = [a.transpose(axes) if a.ndim == 4 else a for a in weights]
    size = round((len(weights[first]) / channels) ** 0.5)
    shape = (channels, size, size, -1) if channels_first else (size, size, channels, -1)
    order = (1, 2, 0, 3) if channels_first else (2, 0, 1, 3)
    turned[first] = weights[first].reshape(shape).transpose(order).reshape(weights[first].shape)
    return [np.ascontiguousarray(array) for array in turned]


TRAINERS = {"nnjax": nnjax, "pytorch": pytorch, "pytorch-fused": pytorch_fused}
