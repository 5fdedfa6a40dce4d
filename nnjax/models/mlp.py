"""The multilayer perceptron: dense layers with an activation after every one but the last."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.activations import identity, relu
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.dropout import dropout as drop
from nnjax.layers.initializers import Initializer, initializer_for
from nnjax.types import Array, Key, Net, Params


def mlp(
    sizes: Sequence[int],
    activation: Callable[[Array], Array] = relu,
    dropout: float | Array = 0.0,
    initializer: Initializer | None = None,
) -> Net:
    """A multilayer perceptron: a_0 = inputs, a_l = f(a_{l-1} W_l + b_l), the last layer without f.

    The outputs are logits (or, for regression, the predictions themselves). Params are
    {"layer_0": {"weights": [D, M], "bias": [M]}, "layer_1": ...}.

    Args:
        sizes: (D, hidden, ..., M): inputs, hidden neurons a layer, outputs (static).
        activation: f, after every layer but the last (static).
        dropout: Probability to drop each hidden activation in training; may be a tracer. With the
            Python number 0 no random numbers are drawn.
        initializer: For all weights (static); None chooses by activation, see `initializer_for`.

    Returns:
        A Net. Its inputs are [N, ...], flattened to [N, D]; integers are taken as floats.

    Raises:
        ConfigError: If there are fewer than two sizes, one is not a positive integer, or the inputs
            do not have D values each.

    >>> net = mlp((4, 8, 3))
    >>> net.apply(net.init(jax.random.key(0)), jnp.ones((5, 2, 2))).shape
    (5, 3)
    """
    sizes = tuple(sizes)
    if len(sizes) < 2:
        raise ConfigError(f"mlp wants at least the sizes of its inputs and outputs, got {sizes}")
    last = len(sizes) - 2
    drops = not (isinstance(dropout, Real) and dropout == 0)
    hidden = initializer or initializer_for(activation)
    final = initializer or initializer_for(identity)

    def init(key: Key) -> Params:
        keys = jax.random.split(key, last + 1)
        return {
            f"layer_{i}": dense_init(keys[i], sizes[i], sizes[i + 1], final if i == last else hidden)
            for i in range(last + 1)
        }

    def apply(params: Params, inputs: Array, *, key: Key | None = None, train: bool = False) -> Array:
        keys = [None] * last if key is None or not (drops and train) else jax.random.split(key, last)
        x = _rows(inputs)
        for i in range(last):
            x = activation(dense(params[f"layer_{i}"], x))
            if drops:
                x = drop(keys[i], x, dropout, train)
        return dense(params[f"layer_{last}"], x)

    return Net(init, apply)


def mlp_features(
    params: Params, inputs: Array, activation: Callable[[Array], Array] = relu
) -> dict[str, dict[str, Array]]:
    """What every layer of an `mlp` computes on `inputs`, without dropout.

    Args:
        params: The params of an `mlp`.
        inputs: Array [N, ...].
        activation: The activation that the net was made with (static).

    Returns:
        {"layer_0": {"aggregation": [N, M], "activation": [N, M]}, ...}: x W + b, and f of it. The last
        layer has no activation, so there both are the outputs.

    >>> net = mlp((2, 3, 1))
    >>> list(mlp_features(net.init(jax.random.key(0)), jnp.ones((1, 2))))
    ['layer_0', 'layer_1']
    """
    features, x = {}, _rows(inputs)
    for i in range(len(params)):
        aggregation = dense(params[f"layer_{i}"], x)
        x = activation(aggregation) if i < len(params) - 1 else aggregation
        features[f"layer_{i}"] = {"aggregation": aggregation, "activation": x}
    return features


def _rows(inputs: Array) -> Array:
    """Inputs [N, ...] as floats [N, D]."""
    inputs = jnp.asarray(inputs)
    if inputs.ndim == 0:
        raise ConfigError("mlp wants inputs [N, ...], got a single number")
    # The product is written out, since reshape cannot infer an axis of an array without elements.
    return inputs.reshape(len(inputs), math.prod(inputs.shape[1:])).astype(jnp.result_type(inputs, float))
