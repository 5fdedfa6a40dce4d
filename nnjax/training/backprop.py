"""Forward and back propagation by hand, in matrix form, for any `nnjax.mlp`: what `jax.grad` hides.

    forward    z_l = a_{l-1} W_l + b_l,  a_l = f(z_l),  and both are kept for every layer
    backward   dJ/da -> dJ/dz = dJ/da * f'(z) -> dJ/dW = a_{l-1}^T dJ/dz -> dJ/da_{l-1} = dJ/dz W_l^T
    update     W_l <- W_l - learning_rate dJ/dW_l

J is the mean cost over the N examples, and every derivative here is one of J. The engine itself uses
`jax.grad`; the tests hold the two together.

Source: Rumelhart, Hinton and Williams 1986, https://doi.org/10.1038/323533a0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.activations import ACTIVATIONS, Activation, identity, sigmoid, sigmoid_derivative, softmax
from nnjax.training.losses import (
    PerExample,
    binary_cross_entropy,
    cross_entropy,
    one_column,
    paired,
    squared_error,
)
from nnjax.types import Array, Params


class Forward(NamedTuple):
    """What the forward pass keeps of one layer.

    Attributes:
        inputs: a_{l-1} [N, D], the activation of the layer before.
        aggregation: z_l = a_{l-1} W_l + b_l, [N, M].
        activation: a_l = f(z_l), [N, M]; of the last layer what its loss makes of z: the probabilities,
            or z itself.
    """

    inputs: Array
    aggregation: Array
    activation: Array


class Backward(NamedTuple):
    """The links of the chain rule in one layer.

    Attributes:
        cost_by_activation: dJ/da_l [N, M].
        activation_by_aggregation: da_l/dz_l: f'(z_l) [N, M]; of a softmax, where every activation
            depends on every aggregation, its Jacobian [N, K, K].
        cost_by_aggregation: dJ/dz_l [N, M], the product of the two.
        aggregation_by_weights: dz_l/dW_l = a_{l-1} [N, D]: the weight of an input is multiplied by it.
        cost_by_weights: dJ/dW_l = a_{l-1}^T dJ/dz_l, [D, M].
        cost_by_bias: dJ/db_l [M], the sum of dJ/dz_l over the examples: the bias has the input 1.
    """

    cost_by_activation: Array
    activation_by_aggregation: Array
    cost_by_aggregation: Array
    aggregation_by_weights: Array
    cost_by_weights: Array
    cost_by_bias: Array


class Cost(NamedTuple):
    """A loss as the last layer sees it; a are activations, z aggregations, t targets, each [N, M].

    Attributes:
        output: `a = output(z)`.
        targets: `targets(z, given) -> t`: labels become rows of 0 and 1.
        of_activation: The loss of each example as a function of (a, t), [N].
        by_activation: `d loss / da` as a function of (z, t), [N, M].
        output_derivative: `da / dz` as a function of z: [N, M], or [N, K, K] of a softmax.
        by_aggregation: `d loss / dz` as a function of (z, t): what the product of the two comes to.
        formula: The loss of one example in plain text.
        output_formula: The activation of the last layer in plain text.
    """

    output: Callable[[Array], Array]
    targets: Callable[[Array, Any], Array]
    of_activation: Callable[[Array, Array], Array]
    by_activation: Callable[[Array, Array], Array]
    output_derivative: Callable[[Array], Array]
    by_aggregation: Callable[[Array, Array], Array]
    formula: str
    output_formula: str


def forward(
    params: Params, inputs: Array, activation: Callable[[Array], Array], loss: PerExample
) -> list[Forward]:
    """The forward pass of an `nnjax.mlp`, with the aggregation and the activation of each layer kept.

    Args:
        params: {"layer_0": {"weights": [D, M], "bias": [M]}, "layer_1": ...}.
        inputs: Array [N, ...].
        activation: f of every layer but the last, one of `ACTIVATIONS`.
        loss: `squared_error`, `binary_cross_entropy` or `cross_entropy`; it decides what the last layer's
            activation is (identity, sigmoid, softmax).

    Raises:
        ConfigError: If the activation or the loss is another.

    >>> params = {"layer_0": {"weights": jnp.array([[4.0], [5.0]]), "bias": jnp.array([-6.0])}}
    >>> forward(params, jnp.array([[1.0, 1.0]]), sigmoid, squared_error)[0].aggregation.tolist()
    [[3.0]]
    """
    hidden, output = activation_of(activation), cost_of(loss).output
    a = jnp.asarray(inputs)
    a = a.reshape(len(a), -1).astype(jnp.result_type(a, float))
    layers = []
    for i in range(len(params)):
        weights, bias = params[f"layer_{i}"]["weights"], params[f"layer_{i}"]["bias"]
        z = a @ weights + bias[None, :]
        f = hidden.function if i < len(params) - 1 else output
        layers.append(Forward(inputs=a, aggregation=z, activation=f(z)))
        a = layers[-1].activation
    return layers


def backward(
    params: Params,
    layers: Sequence[Forward],
    targets: Any,
    activation: Callable[[Array], Array],
    loss: PerExample,
) -> list[Backward]:
    """The backward pass: the chain rule link by link, from the cost back to the first weights.

    Args:
        params: The parameters that `forward` used.
        layers: What it kept.
        targets: As the loss takes them: labels [N], or [N, M].
        activation: f of every layer but the last.
        loss: The loss.

    Returns:
        The links of each layer, the first layer first.

    >>> params = {"layer_0": {"weights": jnp.array([[2.0]]), "bias": jnp.array([0.0])}}
    >>> layers = forward(params, jnp.array([[3.0]]), identity, squared_error)
    >>> backward(params, layers, jnp.array([[5.0]]), identity, squared_error)[0].cost_by_weights.tolist()
    [[6.0]]
    """
    hidden, cost = activation_of(activation), cost_of(loss)
    z = layers[-1].aggregation
    t, count = cost.targets(z, targets), len(z)
    by_activation, by_aggregation = cost.by_activation(z, t) / count, cost.by_aggregation(z, t) / count
    derivative = cost.output_derivative(z)
    links: list[Backward] = []
    for i in reversed(range(len(layers))):
        if i < len(layers) - 1:
            by_activation = by_aggregation @ params[f"layer_{i + 1}"]["weights"].T
            derivative = hidden.derivative(layers[i].aggregation)
            by_aggregation = by_activation * derivative
        a = layers[i].inputs
        links.append(
            Backward(
                cost_by_activation=by_activation,
                activation_by_aggregation=derivative,
                cost_by_aggregation=by_aggregation,
                aggregation_by_weights=a,
                cost_by_weights=a.T @ by_aggregation,
                cost_by_bias=by_aggregation.sum(axis=0),
            )
        )
    return links[::-1]


def gradient(links: Sequence[Backward]) -> Params:
    """dJ/dW and dJ/db of every layer, in the form of the params."""
    return {
        f"layer_{i}": {"weights": layer.cost_by_weights, "bias": layer.cost_by_bias}
        for i, layer in enumerate(links)
    }


def descend(params: Params, slope: Params, learning_rate: float | Array) -> Params:
    """The update: params - learning_rate * dJ/dparams.

    >>> descend({"bias": jnp.array([1.0])}, {"bias": jnp.array([2.0])}, 0.25)["bias"].tolist()
    [0.5]
    """
    return jax.tree.map(lambda parameter, g: parameter - learning_rate * g, params, slope)


def activation_of(function: Callable[[Array], Array]) -> Activation:
    """The entry of `ACTIVATIONS` with this function, which has its derivative written by hand.

    Raises:
        ConfigError: If there is none.
    """
    for entry in ACTIVATIONS.values():
        if entry.function is function:
            return entry
    name = getattr(function, "__name__", repr(function))
    raise ConfigError(f"backprop wants one of the activations {', '.join(ACTIVATIONS)}, got {name}")


def cost_of(loss: PerExample) -> Cost:
    """The entry of `COSTS` for this loss.

    Raises:
        ConfigError: If there is none.
    """
    if loss in COSTS:
        return COSTS[loss]
    names = ", ".join(known.__name__ for known in COSTS)
    raise ConfigError(
        f"backprop wants one of the losses {names}, got {getattr(loss, '__name__', repr(loss))}"
    )


def _column(z: Array, given: Any) -> Array:
    return one_column(z, given, "backprop")[1][:, None]


def _one_hot(z: Array, given: Any) -> Array:
    given = jnp.asarray(given)
    return given.astype(z.dtype) if given.ndim == 2 else jax.nn.one_hot(given, z.shape[1], dtype=z.dtype)


def _softmax_jacobian(z: Array) -> Array:
    """da_j/dz_k = a_j (1 - a_j) where j = k, -a_j a_k elsewhere: [N, K, K]."""
    a = softmax(z)
    return a[:, :, None] * (jnp.eye(z.shape[1], dtype=z.dtype)[None] - a[:, None, :])


# dJ/dz of the two cross entropies is written in closed form, since an activation that has saturated to
# 0 or 1 makes the product of its links 0 times infinity.
COSTS: dict[PerExample, Cost] = {
    squared_error: Cost(
        output=identity,
        targets=lambda z, given: paired(z, given, "backprop")[1].reshape(z.shape),
        of_activation=lambda a, t: jnp.sum(jnp.square(a - t), axis=1),
        by_activation=lambda z, t: 2 * (z - t),
        output_derivative=jnp.ones_like,
        by_aggregation=lambda z, t: 2 * (z - t),
        formula="sum (a - t)^2",
        output_formula="a = z",
    ),
    binary_cross_entropy: Cost(
        output=sigmoid,
        targets=_column,
        of_activation=lambda a, t: -jnp.sum(t * jnp.log(a) + (1 - t) * jnp.log1p(-a), axis=1),
        by_activation=lambda z, t: (1 - t) / sigmoid(-z) - t / sigmoid(z),
        output_derivative=sigmoid_derivative,
        by_aggregation=lambda z, t: sigmoid(z) - t,
        formula="-t log(a) - (1 - t) log(1 - a)",
        output_formula="a = 1 / (1 + exp(-z))",
    ),
    cross_entropy: Cost(
        output=softmax,
        targets=_one_hot,
        of_activation=lambda a, t: -jnp.sum(t * jnp.log(a), axis=1),
        by_activation=lambda z, t: -t / softmax(z),
        output_derivative=_softmax_jacobian,
        by_aggregation=lambda z, t: softmax(z) * t.sum(axis=1, keepdims=True) - t,
        formula="-sum t log(a)",
        output_formula="a_k = exp(z_k) / sum_j exp(z_j)",
    ),
}
