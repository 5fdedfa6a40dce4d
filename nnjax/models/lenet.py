"""LeNet-5: the convolutional network that read the digits on cheques."""

from __future__ import annotations

from flax import nnx

from nnjax.layers.activations import tanh
from nnjax.layers.initializers import glorot_uniform
from nnjax.layers.modules import AvgPool, Conv, Dense, functional
from nnjax.types import Array, Net

SIDE = 32  # pixels: digits of 20 with a border, so that C5 sees the whole image


class LeNet5(nnx.Module):
    """Five layers with weights on images [N, 32, 32, C].

    C1: 6 filters 5x5; S2: means of 2x2; C3: 16 filters 5x5, each over all six maps (in the paper over some
    of them); S4; C5: 120 filters 5x5, which see all of what is left; F6: 84 neurons; the outputs.
    """

    def __init__(self, rngs: nnx.Rngs, classes: int = 10, channels: int = 1) -> None:
        draw = {"rngs": rngs, "initializer": glorot_uniform}
        self.conv_1 = Conv(channels, 6, 5, **draw)
        self.conv_3 = Conv(6, 16, 5, **draw)
        self.conv_5 = Conv(16, 120, 5, **draw)
        self.dense_6 = Dense(120, 84, **draw)
        self.output = Dense(84, classes, **draw)
        self.pool = AvgPool(2)

    def features(self, x: Array) -> dict[str, Array]:
        """What each layer gives, after tanh, and the logits."""
        found = {"conv_1": tanh(self.conv_1(x))}
        found["pool_2"] = self.pool(found["conv_1"])
        found["conv_3"] = tanh(self.conv_3(found["pool_2"]))
        found["pool_4"] = self.pool(found["conv_3"])
        found["conv_5"] = tanh(self.conv_5(found["pool_4"]))
        found["dense_6"] = tanh(self.dense_6(found["conv_5"].reshape(len(x), -1)))
        return found | {"output": self.output(found["dense_6"])}

    def __call__(self, x: Array) -> Array:
        """[N, 32, 32, C] to logits [N, K]."""
        return self.features(x)["output"]


def lenet5(classes: int = 10, channels: int = 1, *, features: bool = False) -> Net:
    """LeNet-5 with a softmax at its end in place of the paper's radial basis functions: 61,706 parameters.

    Args:
        classes: K (static).
        channels: C (static).
        features: Whether the outputs are what every layer gives, {"conv_1": [N, 28, 28, 6], ...}, instead of
            the logits (static).

    Returns:
        A Net from images [N, 32, 32, C] to logits [N, K].

    >>> import jax
    >>> params = lenet5().init(jax.random.key(0))
    >>> sum(leaf.size for leaf in jax.tree.leaves(params))
    61706

    Source: LeCun, Bottou, Bengio and Haffner 1998, https://doi.org/10.1109/5.726791
    """
    return functional(lambda rngs: LeNet5(rngs, classes, channels), LeNet5.features if features else None)
