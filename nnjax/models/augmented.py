"""Augmentation as the first thing a net does in training."""

from __future__ import annotations

from typing import Any

import jax

from nnjax.errors import ConfigError
from nnjax.layers.augmentation import Augmentation, augment
from nnjax.types import Array, Key, Net, Params


def augmented(net: Net, augmentation: Augmentation) -> Net:
    """The net that sees its images transformed by chance in training, and as they are otherwise.

    The key of an example is folded from the step's key and its place in the batch. So a training
    is a function of its seed and layout; for transforms that depend on an example's row alone, call
    `nnjax.layers.augmentation.augment` with `Batch.index` in a loop of your own.

    Args:
        net: Any Net whose inputs are images [N, H, W] or [N, H, W, C]. Augment outside of `rescale`,
            so that `fill` is a pixel of the data set and brightness and contrast act on its values.
        augmentation: The strengths; they may be tracers.

    Returns:
        A Net with the params of `net`.

    >>> seen = augmented(Net(lambda key: {}, lambda params, x, **_: x), Augmentation(horizontal_flip=1.0))
    >>> image = jax.numpy.array([[[1.0, 2.0]]])
    >>> seen.apply({}, image, key=jax.random.key(0), train=True).tolist()
    [[[2.0, 1.0]]]
    >>> seen.apply({}, image).tolist()
    [[[1.0, 2.0]]]
    """

    def apply(params: Params, inputs: Array, *, key: Key | None = None, train: bool = False) -> Any:
        if not train:
            return net.apply(params, inputs, key=key, train=train)
        if key is None:
            raise ConfigError(
                "augmented with train=True wants a key, got None: pass key=jax.random.key(seed)"
            )
        chance, inner = jax.random.split(key)
        return net.apply(params, augment(chance, inputs, augmentation), key=inner, train=train)

    return Net(net.init, apply)
