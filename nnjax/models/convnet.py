"""A small convolutional network: convolutions with pooling, then dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

from flax import nnx

from nnjax.errors import ConfigError
from nnjax.layers.activations import relu
from nnjax.layers.dropout import dropout as drop
from nnjax.layers.modules import Conv, Dense, MaxPool, functional
from nnjax.types import Array, Key, Net


class ConvNet(nnx.Module):
    """For each number of channels a 3x3 convolution, ReLU, pooling by two; then a hidden layer and logits."""

    def __init__(
        self,
        rngs: nnx.Rngs,
        image: tuple[int, int, int],
        channels: Sequence[int],
        hidden: int,
        classes: int,
    ) -> None:
        height, width, before = image
        for i, after in enumerate(channels, start=1):
            setattr(self, f"conv_{i}", Conv(before, after, 3, padding="SAME", rngs=rngs))
            height, width, before = height // 2, width // 2, after
        self.dense = Dense(height * width * before, hidden, rngs=rngs)
        self.output = Dense(hidden, classes, rngs=rngs)
        self.pool, self.depth = MaxPool(2), len(channels)

    def features(
        self, x: Array, *, key: Key | None = None, train: bool = False, dropout: float | Array = 0.0
    ) -> dict[str, Array]:
        """What each layer gives, after ReLU, and the logits."""
        found: dict[str, Array] = {}
        for i in range(1, self.depth + 1):
            found[f"conv_{i}"] = relu(getattr(self, f"conv_{i}")(x))
            x = found[f"pool_{i}"] = self.pool(found[f"conv_{i}"])
        x = found["dense"] = relu(self.dense(x.reshape(len(x), -1)))
        if not (isinstance(dropout, Real) and dropout == 0):
            x = drop(key, x, dropout, train)
        return found | {"output": self.output(x)}

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to logits [N, K]."""
        return self.features(x)["output"]


def convnet(
    image: tuple[int, int, int] = (28, 28, 1),
    channels: Sequence[int] = (32, 64),
    hidden: int = 128,
    classes: int = 10,
    dropout: float | Array = 0.0,
    *,
    features: bool = False,
) -> Net:
    """conv 3x3, ReLU, max pooling by two, once for each number of channels; dense, ReLU, dropout; logits.

    Args:
        image: (H, W, C) (static).
        channels: The filters of each convolution (static).
        hidden: Neurons of the hidden dense layer (static).
        classes: K (static).
        dropout: Probability to drop a hidden neuron in training; may be a tracer.
        features: Whether the outputs are what every layer gives, by its name, instead of the logits (static).

    Returns:
        A Net from images [N, H, W, C] to logits [N, K].

    Raises:
        ConfigError: If pooling leaves nothing of the image.

    >>> import jax
    >>> params = convnet().init(jax.random.key(0))
    >>> sum(leaf.size for leaf in jax.tree.leaves(params))
    421642
    """
    if min(image[:2]) >> len(channels) < 1:
        raise ConfigError(f"an image {image} is too small to be halved {len(channels)} times")

    def make(rngs: nnx.Rngs) -> ConvNet:
        return ConvNet(rngs, image, tuple(channels), hidden, classes)

    # The rate comes in from outside: a module cannot hold a tracer.
    def call(net: ConvNet, x: Array, *, key: Key | None = None, train: bool = False) -> Any:
        found = net.features(x, key=key, train=train, dropout=dropout)
        return found if features else found["output"]

    return functional(make, call)
