"""VGG-16: thirteen 3x3 convolutions and three dense layers, as a table of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import jax
from flax import nnx

from nnjax.errors import ConfigError
from nnjax.layers.activations import relu
from nnjax.layers.dropout import dropout as drop
from nnjax.layers.initializers import he_normal
from nnjax.layers.modules import AvgPool, Conv, Dense, MaxPool, functional
from nnjax.types import Array, Key, Net

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions and their channels
LAYERS = tuple(f"conv{b}_{i}" for b, (count, _) in enumerate(BLOCKS, 1) for i in range(1, count + 1))
POOLINGS = {"max": MaxPool, "avg": AvgPool}
WEIGHTS = "vgg16"  # what `load_weights` knows it by


class Trunk(nnx.Module):
    """The convolutions of VGG-16: five blocks, each ended by a pooling that halves the image."""

    def __init__(
        self, rngs: nnx.Rngs, channels_in: int, blocks: Sequence[tuple[int, int]], pooling: str, remat: bool
    ) -> None:
        before = channels_in
        for b, (count, after) in enumerate(blocks, 1):
            for i in range(1, count + 1):
                conv = Conv(before, after, 3, padding="SAME", rngs=rngs, initializer=he_normal)
                setattr(self, f"conv{b}_{i}", conv)
                before = after
        self.counts, self.pool, self.remat = tuple(count for count, _ in blocks), POOLINGS[pooling](2), remat

    def block(self, b: int, x: Array) -> dict[str, Array]:
        """What the convolutions of block b give after ReLU, and its pooling."""
        found: dict[str, Array] = {}
        for i in range(1, self.counts[b - 1] + 1):
            x = found[f"conv{b}_{i}"] = relu(getattr(self, f"conv{b}_{i}")(x))
        return found | {f"pool{b}": self.pool(x)}

    def features(self, x: Array) -> dict[str, Array]:
        """All of them, by name."""
        found: dict[str, Array] = {}
        for b in range(1, len(self.counts) + 1):
            block = lambda x, b=b: self.block(b, x)
            made = (jax.checkpoint(block) if self.remat else block)(x)
            found, x = found | made, made[f"pool{b}"]
        return found

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, H/32, W/32, 512]."""
        for b in range(1, len(self.counts) + 1):
            block = lambda x, b=b: self.block(b, x)[f"pool{b}"]
            x = (jax.checkpoint(block) if self.remat else block)(x)
        return x


class VGG16(Trunk):
    """The trunk with its three dense layers."""

    def __init__(
        self,
        rngs: nnx.Rngs,
        classes: int,
        side: int,
        hidden: int,
        blocks: Sequence[tuple[int, int]],
        pooling: str,
        remat: bool,
    ) -> None:
        super().__init__(rngs, 3, blocks, pooling, remat)
        left = side >> len(blocks)
        self.dense_6 = Dense(left * left * blocks[-1][1], hidden, rngs=rngs, initializer=he_normal)
        self.dense_7 = Dense(hidden, hidden, rngs=rngs, initializer=he_normal)
        self.dense_8 = Dense(hidden, classes, rngs=rngs)

    def head(self, x: Array, key: Key | None, train: bool, dropout: float | Array) -> dict[str, Array]:
        """The dense layers on what the trunk gives."""
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        drops = not (isinstance(dropout, Real) and dropout == 0)
        x = x.reshape(len(x), -1)
        found: dict[str, Array] = {}
        for name, k in zip(("dense_6", "dense_7"), keys, strict=True):
            x = found[name] = relu(getattr(self, name)(x))
            x = drop(k, x, dropout, train) if drops else x
        return found | {"dense_8": self.dense_8(x)}

    def features(
        self, x: Array, *, key: Key | None = None, train: bool = False, dropout: float | Array = 0.0
    ) -> dict[str, Array]:
        """What every layer gives, after ReLU, and the logits as "dense_8"."""
        found = super().features(x)
        return found | self.head(found[f"pool{len(self.counts)}"], key, train, dropout)

    def __call__(
        self, x: Array, *, key: Key | None = None, train: bool = False, dropout: float | Array = 0.0
    ) -> Array:
        """[N, side, side, 3] to logits [N, K]."""
        return self.head(Trunk.__call__(self, x), key, train, dropout)["dense_8"]


def vgg16(
    classes: int = 1000,
    side: int = 224,
    hidden: int = 4096,
    dropout: float | Array = 0.5,
    *,
    blocks: Sequence[tuple[int, int]] = BLOCKS,
    pooling: str = "max",
    remat: bool = False,
    features: bool = False,
) -> Net:
    """VGG-16 (configuration D): 138,357,544 parameters for 1,000 classes of images 224x224.

    Params are {"conv1_1": {"filters": [3, 3, 3, 64], "bias": [64]}, ..., "dense_8": {"weights": ..., ...}}.

    Args:
        classes: K (static).
        side: H = W of the images, a multiple of 2 for each block (static).
        hidden: Neurons of each hidden dense layer (static).
        dropout: Probability to drop a hidden neuron in training; may be a tracer.
        blocks: (convolutions, channels) of each block (static).
        pooling: "max" or "avg" (static).
        remat: Whether the backward pass computes each block's activations again instead of keeping them:
            less memory, more time (static). XLA's CPU compiler undoes it: there `Plan.pieces` is what saves
            memory.
        features: Whether the outputs are what every layer gives, by its name, instead of the logits (static).

    Returns:
        A Net from images [N, side, side, 3] to logits [N, K].

    Raises:
        ConfigError: If a setting is out of range.

    Source: Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556
    """
    _check(pooling)
    if side % (1 << len(blocks)) or side < 1:
        raise ConfigError(f"vgg16 wants a side that can be halved {len(blocks)} times, got {side}")
    blocks = tuple(blocks)

    def make(rngs: nnx.Rngs) -> VGG16:
        return VGG16(rngs, classes, side, hidden, blocks, pooling, remat)

    # The rate comes in from outside: a module cannot hold a tracer.
    def call(net: VGG16, x: Array, *, key: Key | None = None, train: bool = False) -> Any:
        answer = net.features if features else net
        return answer(x, key=key, train=train, dropout=dropout)

    return functional(make, call)


def vgg16_trunk(
    *, pooling: str = "max", remat: bool = False, blocks: Sequence[tuple[int, int]] = BLOCKS
) -> Net:
    """The convolutions of VGG-16 alone, for images of any size: 14,714,688 parameters.

    Args:
        pooling: "max" or "avg" (static).
        remat: As in `vgg16` (static).
        blocks: (convolutions, channels) of each block (static).

    Returns:
        A Net from images [N, H, W, 3] to what every layer gives after ReLU, {"conv1_1": [N, H, W, 64], ...,
        "pool5": [N, H/32, W/32, 512]}; under `jit`, only what is used is computed.
    """
    _check(pooling)
    return functional(lambda rngs: Trunk(rngs, 3, tuple(blocks), pooling, remat), Trunk.features)


def _check(pooling: str) -> None:
    if pooling not in POOLINGS:
        raise ConfigError(f"pooling wants one of {', '.join(POOLINGS)}, got {pooling!r}")
