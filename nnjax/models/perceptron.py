"""The perceptron: one neuron, the first network that learned."""

from __future__ import annotations

import jax

from nnjax.layers.initializers import Initializer
from nnjax.models.mlp import mlp
from nnjax.types import Net


def perceptron(d_in: int, initializer: Initializer = jax.nn.initializers.zeros) -> Net:
    """One neuron: z = x W + b, with weights [D, 1].

    The output is the aggregation z, [N, 1]; the answer is `unit_step(z)`. With
    `nnjax.training.losses.perceptron_loss`, SGD and batches of one example it learns by Rosenblatt's
    rule; with `binary_cross_entropy` it is logistic regression.

    Args:
        d_in: D, how many inputs (static).
        initializer: For the weights (static); they start at 0 unless it says otherwise.

    Returns:
        A Net with params {"layer_0": {"weights": [D, 1], "bias": [1]}}.

    >>> perceptron(2).init(jax.random.key(0))["layer_0"]["weights"].tolist()
    [[0.0], [0.0]]

    Source: Rosenblatt 1958, https://doi.org/10.1037/h0042519
    """
    return mlp((d_in, 1), initializer=initializer)
