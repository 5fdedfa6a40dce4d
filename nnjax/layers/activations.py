"""Activations: what a neuron does with its aggregation.

The five of the course stand in `ACTIVATIONS` with their derivative, written by hand, their formulas
and their range. Softmax and the straight-through step are here too, but not in the table: the first
acts on a whole row, the second is the step with another gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nnjax.types import Array


class Activation(NamedTuple):
    """An activation as a chapter shows it.

    Attributes:
        function: `f(x)`, elementwise.
        derivative: `f'(x)`, elementwise, written by hand.
        formula: `f(x)` in plain text.
        derivative_formula: `f'(x)` in plain text.
        range: The values that `f` takes, as an interval or a set in plain text.
    """

    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    formula: str
    derivative_formula: str
    range: str


def _as_float(condition: Array, like: Array) -> Array:
    """1 where `condition` holds, else 0, in the float type that `like` has or promotes to."""
    return condition.astype(jnp.result_type(like, float))


def identity(x: Array) -> Array:
    """f(x) = x.

    >>> identity(2.0)
    2.0
    """
    return x


def identity_derivative(x: Array) -> Array:
    """f'(x) = 1."""
    return jnp.ones_like(x, dtype=jnp.result_type(x, float))


def unit_step(x: Array) -> Array:
    """f(x) = 0 if x < 0, 1 if x >= 0: the threshold of McCulloch and Pitts, with f(0) = 1.

    Its derivative is 0 wherever it exists, so that gradient descent cannot train through it: use
    `straight_through`, or the perceptron rule (`nnjax.training.losses.perceptron_loss`).

    >>> unit_step(jnp.array([-0.5, 0.0, 2.0])).tolist()
    [0.0, 1.0, 1.0]

    Source: McCulloch and Pitts 1943, https://doi.org/10.1007/BF02478259
    """
    x = jnp.asarray(x)
    return _as_float(x >= 0, x)


def unit_step_derivative(x: Array) -> Array:
    """f'(x) = 0. At x = 0, where the step has no derivative, 0 by convention."""
    return jnp.zeros_like(x, dtype=jnp.result_type(x, float))


@jax.custom_vjp
def straight_through(x: Array) -> Array:
    """`unit_step` forwards; backwards the gradient passes unchanged where |x| <= 1 and is 0 elsewhere.

    So a net of steps can be trained by gradient descent. Only reverse-mode derivatives exist.

    >>> jax.vmap(jax.grad(straight_through))(jnp.array([-2.0, -1.0, 0.5])).tolist()
    [0.0, 1.0, 1.0]

    Source: Bengio, Léonard and Courville 2013, https://arxiv.org/abs/1308.3432; the window |x| <= 1 is
    from Courbariaux, Hubara et al. 2016, https://arxiv.org/abs/1602.02830
    """
    return unit_step(x)


def _straight_through_forward(x: Array) -> tuple[Array, Array]:
    return unit_step(x), jnp.abs(x) <= 1


def _straight_through_backward(passes: Array, gradient: Array) -> tuple[Array]:
    return (jnp.where(passes, gradient, 0),)


straight_through.defvjp(_straight_through_forward, _straight_through_backward)


def sigmoid(x: Array) -> Array:
    """f(x) = 1 / (1 + exp(-x)), the logistic function.

    >>> sigmoid(jnp.array([0.0])).tolist()
    [0.5]
    """
    return jax.nn.sigmoid(x)


def sigmoid_derivative(x: Array) -> Array:
    """f'(x) = f(x) (1 - f(x)), at most 1/4."""
    # 1 - f(x) is f(-x), which keeps its digits where f(x) rounds to 1.
    return jax.nn.sigmoid(x) * jax.nn.sigmoid(-x)


def tanh(x: Array) -> Array:
    """f(x) = tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    >>> tanh(jnp.array([0.0])).tolist()
    [0.0]
    """
    return jnp.tanh(x)


def tanh_derivative(x: Array) -> Array:
    """f'(x) = 1 - tanh(x)^2, at most 1."""
    y = jnp.tanh(x)
    return (1 - y) * (1 + y)


def relu(x: Array) -> Array:
    """f(x) = max(0, x), the rectified linear unit.

    >>> relu(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]

    Source: Nair and Hinton 2010, https://icml.cc/Conferences/2010/papers/432.pdf
    """
    return jax.nn.relu(x)


def relu_derivative(x: Array) -> Array:
    """f'(x) = 0 if x <= 0, 1 if x > 0. At x = 0, where there is none, 0 by convention."""
    x = jnp.asarray(x)
    return _as_float(x > 0, x)


def softmax(x: Array, axis: int = -1) -> Array:
    """f(x)_k = exp(x_k) / sum_j exp(x_j): logits to probabilities that sum to 1 along `axis`.

    Computed from x - max(x), so that no exponential overflows.

    Args:
        x: Float array [..., K].
        axis: The axis of the K classes (static).

    >>> softmax(jnp.zeros((1, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]

    Source: Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28
    """
    return jax.nn.softmax(x, axis=axis)


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(identity, identity_derivative, "f(x) = x", "f'(x) = 1", "(-inf, inf)"),
    "step": Activation(
        unit_step, unit_step_derivative, "f(x) = 0 if x < 0, 1 if x >= 0", "f'(x) = 0 for x != 0", "{0, 1}"
    ),
    "sigmoid": Activation(
        sigmoid, sigmoid_derivative, "f(x) = 1 / (1 + exp(-x))", "f'(x) = f(x) (1 - f(x))", "(0, 1)"
    ),
    "tanh": Activation(tanh, tanh_derivative, "f(x) = tanh(x)", "f'(x) = 1 - f(x)^2", "(-1, 1)"),
    "relu": Activation(
        relu, relu_derivative, "f(x) = max(0, x)", "f'(x) = 0 if x <= 0, 1 if x > 0", "[0, inf)"
    ),
}
