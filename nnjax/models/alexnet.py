"""AlexNet, as published (two groups, response normalisation) and in the single-column form of torchvision."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import jax
from flax import nnx

from nnjax.errors import ConfigError
from nnjax.layers.activations import relu
from nnjax.layers.dropout import dropout as drop
from nnjax.layers.initializers import he_normal
from nnjax.layers.modules import Conv, Dense, MaxPool, functional
from nnjax.layers.normalisation import local_response_normalisation
from nnjax.types import Array, Key, Net


class Row(NamedTuple):
    """One convolution: channels, window, stride, padding, groups, and whether it is normalised and pooled."""

    channels: int
    window: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    normalised: bool = False
    pooled: bool = False


FORMS = {
    "published": (
        Row(96, 11, stride=4, padding=2, normalised=True, pooled=True),
        Row(256, 5, padding=2, groups=2, normalised=True, pooled=True),
        Row(384, 3, padding=1),
        Row(384, 3, padding=1, groups=2),
        Row(256, 3, padding=1, groups=2, pooled=True),
    ),
    "torchvision": (
        Row(64, 11, stride=4, padding=2, pooled=True),
        Row(192, 5, padding=2, pooled=True),
        Row(384, 3, padding=1),
        Row(256, 3, padding=1),
        Row(256, 3, padding=1, pooled=True),
    ),
}


class AlexNet(nnx.Module):
    """Five convolutions and three dense layers."""

    def __init__(
        self,
        rngs: nnx.Rngs,
        rows: tuple[Row, ...],
        classes: int,
        side: int,
        hidden: int,
        remat: bool,
    ) -> None:
        before = 3
        for i, row in enumerate(rows, 1):
            pad = ((row.padding, row.padding), (row.padding, row.padding))
            how = {"stride": row.stride, "padding": pad, "groups": row.groups, "initializer": he_normal}
            setattr(self, f"conv_{i}", Conv(before, row.channels, row.window, rngs=rngs, **how))
            before = row.channels
        left = side_left(rows, side)
        self.dense_6 = Dense(left * left * before, hidden, rngs=rngs, initializer=he_normal)
        self.dense_7 = Dense(hidden, hidden, rngs=rngs, initializer=he_normal)
        self.dense_8 = Dense(hidden, classes, rngs=rngs)
        self.rows, self.pool, self.remat = rows, MaxPool(3, 2), remat

    def trunk(self, x: Array) -> dict[str, Array]:
        """What the convolutions give after ReLU, and what their normalisation and pooling make of it."""
        found: dict[str, Array] = {}
        for i, row in enumerate(self.rows, 1):
            x = found[f"conv_{i}"] = relu(getattr(self, f"conv_{i}")(x))
            if row.normalised:
                x = found[f"norm_{i}"] = local_response_normalisation(x)
            if row.pooled:
                x = found[f"pool_{i}"] = self.pool(x)
        return found

    def features(
        self, x: Array, *, key: Key | None = None, train: bool = False, dropout: float | Array = 0.0
    ) -> dict[str, Array]:
        """What every layer gives, and the logits as "dense_8"."""
        found = (jax.checkpoint(self.trunk) if self.remat else self.trunk)(x)
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        drops = not (isinstance(dropout, Real) and dropout == 0)
        x = found[f"pool_{len(self.rows)}"].reshape(len(x), -1)
        for name, k in zip(("dense_6", "dense_7"), keys, strict=True):
            x = drop(k, x, dropout, train) if drops else x
            x = found[name] = relu(getattr(self, name)(x))
        return found | {"dense_8": self.dense_8(x)}

    def __call__(self, x: Array) -> Array:
        """[N, side, side, 3] to logits [N, K]."""
        return self.features(x)["dense_8"]


def alexnet(
    classes: int = 1000,
    side: int = 224,
    hidden: int = 4096,
    dropout: float | Array = 0.5,
    *,
    form: str = "torchvision",
    remat: bool = False,
    features: bool = False,
) -> Net:
    """AlexNet: 61,100,840 parameters in torchvision's form, 60,965,224 as published, for 1,000 classes.

    Published, its second, fourth and fifth convolutions have two groups (one for each of the two graphics
    cards of 2012), and the first two are followed by `local_response_normalisation`. torchvision's form has
    neither; it is that of Krizhevsky 2014, "One weird trick", https://arxiv.org/abs/1404.5997.

    Args:
        classes: K (static).
        side: H = W of the images, at least 63 (static).
        hidden: Neurons of each hidden dense layer (static).
        dropout: Probability to drop what enters the two hidden dense layers in training; may be a tracer.
        form: "torchvision" or "published" (static).
        remat: Whether the backward pass computes the activations again instead of keeping them (static).
            XLA's CPU compiler undoes it: there `Plan.pieces` is what saves memory.
        features: Whether the outputs are what every layer gives, by its name, instead of the logits (static).

    Returns:
        A Net from images [N, side, side, 3] to logits [N, K].

    Raises:
        ConfigError: If a setting is out of range.

    Source: Krizhevsky, Sutskever and Hinton 2012, https://doi.org/10.1145/3065386
    """
    if form not in FORMS:
        raise ConfigError(f"form wants one of {', '.join(FORMS)}, got {form!r}")
    if side_left(FORMS[form], side) < 1:
        raise ConfigError(f"alexnet wants images of at least 63 pixels a side, got {side}")

    def make(rngs: nnx.Rngs) -> AlexNet:
        return AlexNet(rngs, FORMS[form], classes, side, hidden, remat)

    # The rate comes in from outside: a module cannot hold a tracer.
    def call(net: AlexNet, x: Array, *, key: Key | None = None, train: bool = False) -> Any:
        found = net.features(x, key=key, train=train, dropout=dropout)
        return found if features else found["dense_8"]

    return functional(make, call)


def side_left(rows: tuple[Row, ...], side: int) -> int:
    """How many pixels a side the convolutions leave.

    >>> side_left(FORMS["torchvision"], 224), side_left(FORMS["published"], 227)
    (6, 6)
    """
    for row in rows:
        side = (side + 2 * row.padding - row.window) // row.stride + 1
        side = (side - 3) // 2 + 1 if row.pooled else side
    return side
