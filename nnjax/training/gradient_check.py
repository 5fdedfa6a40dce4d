"""Is a gradient right? Finite differences, and every link of the chain rule against two references.

Both need double precision: in float32 a difference quotient has about three digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from nnjax.training.backprop import activation_of, backward, cost_of, forward
from nnjax.training.losses import PerExample
from nnjax.types import Array, Params

STEP = 1e-6  # near the cube root of double precision's 1e-16, where rounding and curvature cost the same


def finite_difference(function: Callable[[Any], Array], point: Any, step: float = STEP) -> Any:
    """The slope of `function` at `point`, entry by entry: (f(x + h) - f(x - h)) / 2h.

    Args:
        function: From a pytree of float arrays to a scalar.
        point: Where; computed in float64, whatever it comes as.
        step: h.

    Returns:
        NumPy arrays in the form of `point`, float64. The error is about h^2 f'''/6 + 1e-16 |f| / h.

    >>> finite_difference(lambda x: jnp.sum(x**3), np.array([1.0, 2.0])).round(6).tolist()
    [3.0, 12.0]
    """
    with jax.enable_x64(True):
        flat, rebuild = ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), point))
        ends = jax.jit(jax.vmap(lambda x: function(rebuild(x))))
        moves = step * jnp.eye(len(flat))
        slope = (ends(flat[None] + moves) - ends(flat[None] - moves)) / (2 * step)
        return jax.tree.map(np.asarray, rebuild(slope))


def check_links(
    params: Params,
    inputs: Array,
    targets: Any,
    activation: Callable[[Array], Array],
    loss: PerExample,
) -> list[dict[str, Any]]:
    """Every link of `nnjax.training.backprop` against `jax.grad` and against finite differences.

    The cost is written a second time, with a zero added to each aggregation and each activation: its
    slope by that zero is the slope by what it was added to.

    Args:
        params: Those of an `mlp`; a few hundred at most, since each entry costs two forward passes.
        inputs: Array [N, ...].
        targets: As the loss takes them.
        activation: Of the hidden layers.
        loss: The loss.

    Returns:
        A row a link: "derivative", "entries" (how many), "largest" (of their absolute values), and
        "off_jax_grad" and "off_differences": the largest absolute difference from either.

    >>> params = {"layer_0": {"weights": jnp.array([[2.0]]), "bias": jnp.array([0.0])}}
    >>> from nnjax import sigmoid, squared_error
    >>> rows = check_links(params, jnp.array([[3.0]]), jnp.array([[5.0]]), sigmoid, squared_error)
    >>> [row["derivative"] for row in rows]
    ['dJ/da_0', 'dJ/dz_0', 'dJ/dW_0', 'dJ/db_0']
    """
    with jax.enable_x64(True):
        params, inputs = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), (params, inputs))
        layers = forward(params, inputs, activation, loss)
        links = backward(params, layers, targets, activation, loss)
        zeros = {f"layer_{i}": jnp.zeros_like(layer.aggregation) for i, layer in enumerate(layers)}

        def cost(moved: tuple[Params, Any, Any]) -> Array:
            return _with_additions(*moved, inputs, targets, activation, loss)

        point = (params, zeros, zeros)
        references = (jax.tree.map(np.asarray, jax.grad(cost)(point)), finite_difference(cost, point))
    rows = []
    for i, link in enumerate(links):
        name = f"layer_{i}"
        for text, value, pick in (
            (f"dJ/da_{i}", link.cost_by_activation, lambda by, name=name: by[2][name]),
            (f"dJ/dz_{i}", link.cost_by_aggregation, lambda by, name=name: by[1][name]),
            (f"dJ/dW_{i}", link.cost_by_weights, lambda by, name=name: by[0][name]["weights"]),
            (f"dJ/db_{i}", link.cost_by_bias, lambda by, name=name: by[0][name]["bias"]),
        ):
            hand = np.asarray(value)
            off = [float(np.abs(hand - pick(reference)).max()) for reference in references]
            row = {"derivative": text, "entries": hand.size, "largest": float(np.abs(hand).max())}
            rows.append(row | {"off_jax_grad": off[0], "off_differences": off[1]})
    return rows


def _with_additions(
    params: Params,
    to_aggregation: dict[str, Array],
    to_activation: dict[str, Array],
    inputs: Array,
    targets: Any,
    activation: Callable[[Array], Array],
    loss: PerExample,
) -> Array:
    """J, with something added to each aggregation and each activation on the way."""
    hidden, cost = activation_of(activation).function, cost_of(loss)
    a = inputs.reshape(len(inputs), -1)
    z = a
    for i in range(len(params)):
        name = f"layer_{i}"
        z = a @ params[name]["weights"] + params[name]["bias"][None, :] + to_aggregation[name]
        f = hidden if i < len(params) - 1 else cost.output
        a = f(z) + to_activation[name]
    return jnp.mean(cost.of_activation(a, cost.targets(z, targets)))
