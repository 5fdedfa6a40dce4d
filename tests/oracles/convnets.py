"""Writes convnets.npz: what PyTorch answers, and with which gradients, for small versions of four conv nets.

Run with a Python that has torch: `python tests/oracles/convnets.py`. What both sides compute with is drawn
here, so it need not be stored; of a large gradient its length and some of its entries are. The twins are
functions of sizes: the slow tests, which want torch, build the full nets of them.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
FORMS = {  # channels, window, stride, padding, groups
    "torchvision": (
        (64, 11, 4, 2, 1),
        (192, 5, 1, 2, 1),
        (384, 3, 1, 1, 1),
        (256, 3, 1, 1, 1),
        (256, 3, 1, 1, 1),
    ),
    "published": (
        (96, 11, 4, 2, 1),
        (256, 5, 1, 2, 2),
        (384, 3, 1, 1, 1),
        (384, 3, 1, 1, 2),
        (256, 3, 1, 1, 2),
    ),
}
SMALL: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {  # twin, sizes, images [N, H, W, C]
    "lenet": ("lenet", {"classes": 4}, (2, 32, 32, 1)),
    "convnet": (
        "convnet",
        {"image": (9, 11, 2), "channels": (3, 4), "hidden": 5, "classes": 4},
        (3, 9, 11, 2),
    ),
    "torchvision": (
        "alexnet",
        {"form": "torchvision", "classes": 3, "side": 63, "hidden": 8},
        (1, 63, 63, 3),
    ),
    "published": ("alexnet", {"form": "published", "classes": 3, "side": 63, "hidden": 8}, (1, 63, 63, 3)),
    "vgg16": (
        "vgg16",
        {"blocks": ((2, 4), (3, 5)), "classes": 3, "side": 16, "hidden": 6},
        (2, 16, 16, 3),
    ),
}
ENTRIES = 64  # of a gradient that are recorded


def normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Float32 numbers that depend on the name and the shape alone."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.standard_normal(shape, dtype=np.float32)


def drawn(shapes: Mapping[str, Mapping[str, tuple[int, ...]]]) -> dict[str, dict[str, np.ndarray]]:
    """Parameters of these shapes, in our layouts; the variance of an activation stays about what it was."""

    def leaf(layer: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
        scale = 0.1 if name == "bias" else np.sqrt(2 / np.prod(shape[:-1]))
        return normal(f"{layer}/{name}", shape) * np.float32(scale)

    return {
        layer: {name: leaf(layer, name, tuple(s)) for name, s in of.items()} for layer, of in shapes.items()
    }


def labels(count: int) -> np.ndarray:
    """The labels of the images."""
    return np.arange(count, dtype=np.int32) % 3


def of_case(case: str) -> dict[str, np.ndarray]:
    """What is recorded of one case."""
    with np.load(Path(__file__).with_suffix(".npz")) as file:
        return {name.removeprefix(f"{case}/"): file[name] for name in file if name.startswith(f"{case}/")}


def sampled(gradient: np.ndarray) -> np.ndarray:
    """The length of a gradient and ENTRIES of its entries (all, where it has no more)."""
    flat = gradient.reshape(-1)
    places = np.linspace(0, flat.size - 1, min(flat.size, ENTRIES)).astype(int)
    return np.concatenate([[np.linalg.norm(flat)], flat[places]])


def to_torch(leaf: np.ndarray, channels: int) -> np.ndarray:
    """[kh, kw, C, O] to [O, C, kh, kw]; [D, M] to [M, D], where D counts `channels` first, not last."""
    if leaf.ndim == 4:
        return leaf.transpose(3, 2, 0, 1)
    return leaf if leaf.ndim == 1 else leaf.reshape(-1, channels, leaf.shape[1]).T.reshape(leaf.shape[1], -1)


def from_torch(leaf: np.ndarray, channels: int) -> np.ndarray:
    """The inverse of `to_torch`."""
    if leaf.ndim == 4:
        return leaf.transpose(2, 3, 1, 0)
    return leaf if leaf.ndim == 1 else leaf.reshape(len(leaf), channels, -1).T.reshape(-1, len(leaf))


def flattened(params: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, int]:
    """Layer to the channels of the image that it reads as one vector; 1 for all but the first dense layer."""
    convs = [of["filters"] for of in params.values() if "filters" in of]
    dense = next(layer for layer in sorted(params) if "weights" in params[layer])
    return {layer: convs[-1].shape[-1] if layer == dense else 1 for layer in params}


def lenet(classes: int = 10) -> Any:
    """LeNet-5."""
    from torch import nn

    layers: list[tuple[str, Any]] = [("conv_1", nn.Conv2d(1, 6, 5)), ("tanh_1", nn.Tanh())]
    layers += [("pool_2", nn.AvgPool2d(2)), ("conv_3", nn.Conv2d(6, 16, 5)), ("tanh_3", nn.Tanh())]
    layers += [("pool_4", nn.AvgPool2d(2)), ("conv_5", nn.Conv2d(16, 120, 5)), ("tanh_5", nn.Tanh())]
    layers += [("flat", nn.Flatten()), ("dense_6", nn.Linear(120, 84)), ("tanh_6", nn.Tanh())]
    return nn.Sequential(OrderedDict([*layers, ("output", nn.Linear(84, classes))]))


def convnet(image: tuple[int, int, int], channels: tuple[int, ...], hidden: int, classes: int) -> Any:
    """Convolutions 3x3 with ReLU and pooling, and two dense layers."""
    from torch import nn

    height, width, before = image
    layers: list[tuple[str, Any]] = []
    for i, after in enumerate(channels, 1):
        conv = nn.Conv2d(before, after, 3, padding=1)
        layers += [(f"conv_{i}", conv), (f"relu_{i}", nn.ReLU()), (f"pool_{i}", nn.MaxPool2d(2))]
        height, width, before = height // 2, width // 2, after
    layers += [("flat", nn.Flatten()), ("dense", nn.Linear(height * width * before, hidden))]
    return nn.Sequential(OrderedDict([*layers, ("relu", nn.ReLU()), ("output", nn.Linear(hidden, classes))]))


def alexnet(form: str = "torchvision", classes: int = 1000, side: int = 224, hidden: int = 4096) -> Any:
    """AlexNet without its dropout."""
    from torch import nn

    layers: list[tuple[str, Any]] = []
    before = 3
    for i, (after, window, stride, padding, groups) in enumerate(FORMS[form], 1):
        conv = nn.Conv2d(before, after, window, stride, padding, groups=groups)
        layers += [(f"conv_{i}", conv), (f"relu_{i}", nn.ReLU())]
        if form == "published" and i <= 2:  # PyTorch divides alpha by the number of channels that it sums
            layers.append((f"norm_{i}", nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)))
        if i in (1, 2, 5):
            layers.append((f"pool_{i}", nn.MaxPool2d(3, 2)))
        before = after
    return nn.Sequential(OrderedDict([*layers, *head(layers, classes, side, hidden)]))


def vgg16(
    blocks: tuple[tuple[int, int], ...] = BLOCKS, classes: int = 1000, side: int = 224, hidden: int = 4096
) -> Any:
    """VGG-16 without its dropout."""
    from torch import nn

    layers: list[tuple[str, Any]] = []
    before = 3
    for b, (count, after) in enumerate(blocks, 1):
        for i in range(1, count + 1):
            conv = nn.Conv2d(before, after, 3, padding=1)
            layers += [(f"conv{b}_{i}", conv), (f"relu{b}_{i}", nn.ReLU())]
            before = after
        layers.append((f"pool{b}", nn.MaxPool2d(2)))
    return nn.Sequential(OrderedDict([*layers, *head(layers, classes, side, hidden)]))


def head(trunk: list[tuple[str, Any]], classes: int, side: int, hidden: int) -> list[tuple[str, Any]]:
    """The three dense layers on a trunk."""
    import torch
    from torch import nn

    with torch.no_grad():
        left = nn.Sequential(OrderedDict(trunk))(torch.zeros(1, 3, side, side)).numel()
    first = [("flat", nn.Flatten()), ("dense_6", nn.Linear(left, hidden)), ("relu_6", nn.ReLU())]
    return [
        *first,
        ("dense_7", nn.Linear(hidden, hidden)),
        ("relu_7", nn.ReLU()),
        ("dense_8", nn.Linear(hidden, classes)),
    ]


TWINS: dict[str, Callable[..., Any]] = {
    "lenet": lenet,
    "convnet": convnet,
    "alexnet": alexnet,
    "vgg16": vgg16,
}


def shapes_of(twin: Any) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shapes of a twin's parameters, as ours."""
    from torch import nn

    found = {}
    for name, layer in twin.named_children():
        if isinstance(layer, nn.Conv2d):
            o, c, kh, kw = layer.weight.shape
            found[name] = {"filters": (kh, kw, c, o), "bias": (o,)}
        elif isinstance(layer, nn.Linear):
            found[name] = {"weights": (layer.in_features, layer.out_features), "bias": (layer.out_features,)}
    return found


def answers(
    twin: Any, params: Mapping[str, Mapping[str, np.ndarray]], images: np.ndarray
) -> dict[str, np.ndarray]:
    """Logits, mean cross entropy, and its gradients by the parameters and the images, in our layouts."""
    import torch

    kind = next(twin.parameters()).dtype
    channels = flattened(params)
    twin.zero_grad(set_to_none=True)
    names = {"filters": "weight", "weights": "weight", "bias": "bias"}
    with torch.no_grad():
        for layer, of in params.items():
            for name, leaf in of.items():
                given = torch.from_numpy(np.ascontiguousarray(to_torch(leaf, channels[layer])))
                getattr(getattr(twin, layer), names[name]).copy_(given)
    seen = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(kind).requires_grad_()
    logits = twin(seen)
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels(len(images))).long())
    loss.backward()
    found = {"logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
    found["images"] = seen.grad.numpy().transpose(0, 2, 3, 1)
    for layer, of in params.items():
        for name in of:
            gradient = getattr(getattr(twin, layer), names[name]).grad.numpy()
            found[f"{layer}/{name}"] = from_torch(gradient, channels[layer])
    return found


def of_nnjax(net: Any, params: Any, images: np.ndarray, dtype: Any = np.float32) -> dict[str, np.ndarray]:
    """The same numbers from a Net of ours, computed in float32 or float64."""
    import jax

    from nnjax import cross_entropy

    def scored(params: Any, images: Any) -> Any:
        logits = net.apply(params, images)
        return cross_entropy(logits, labels(len(images))).mean(), logits

    differentiate = jax.jit(jax.value_and_grad(scored, argnums=(0, 1), has_aux=True))
    with jax.enable_x64(dtype == np.float64):
        given = jax.tree.map(lambda leaf: leaf.astype(dtype), (params, images))
        (loss, logits), (by_params, by_images) = jax.device_get(differentiate(*given))
    found = {"logits": logits, "loss": loss, "images": by_images}
    return found | {f"{layer}/{name}": leaf for layer, of in by_params.items() for name, leaf in of.items()}


def errors(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The length of each difference over that of what PyTorch gives. Raises KeyError for other names."""
    if ours.keys() != theirs.keys():
        raise KeyError(f"ours {sorted(ours)}, theirs {sorted(theirs)}")
    return {
        name: float(np.linalg.norm(np.ravel(ours[name] - array)) / np.linalg.norm(np.ravel(array)))
        for name, array in theirs.items()
    }


def of_small(case: str, net: Any, params: Any) -> dict[str, np.ndarray]:
    """What a Net of ours gives for a small case, as it is recorded."""
    return kept(of_nnjax(net, params, normal("images", SMALL[case][2])))


def kept(answer: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is recorded of an answer."""
    return {name: array if name in ("logits", "loss") else sampled(array) for name, array in answer.items()}


def recorded() -> dict[str, np.ndarray]:
    """The small nets in float64."""
    found: dict[str, np.ndarray] = {}
    for case, (name, sizes, shape) in SMALL.items():
        twin = TWINS[name](**sizes).double()
        answer = answers(twin, drawn(shapes_of(twin)), normal("images", shape))
        found |= {f"{case}/{of}": array for of, array in kept(answer).items()}
    return found


if __name__ == "__main__":
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **recorded())
