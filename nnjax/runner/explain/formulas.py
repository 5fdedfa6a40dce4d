"""Activations and losses once more, in NumPy: what is recomputed rests on nothing of the library."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnjax.layers.activations import ACTIVATIONS


def softmax(z: np.ndarray) -> np.ndarray:
    """exp(z_k) / sum_j exp(z_j) along the last axis."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z))."""
    return 0.5 * (1 + np.tanh(z / 2))


class Cost(NamedTuple):
    """A loss of one example, in NumPy: z and t are [..., M].

    Attributes:
        loss: The loss, [...].
        slope: d loss / dz, [..., M].
        output: What the last layer's aggregation becomes.
        formula: The loss in plain text, of a and t.
        output_formula: The output in plain text.
        slope_formula: The slope in plain text.
    """

    loss: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], Any]
    output: Callable[[Any], Any]
    formula: str
    output_formula: str
    slope_formula: str


FORMULAS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "identity": (lambda z: z, np.ones_like),
    "step": (lambda z: (z >= 0).astype(float), np.zeros_like),
}
COSTS: dict[str, Cost] = {
    "cross_entropy": Cost(
        lambda z, t: (
            t.sum(-1) * (np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1)) + z.max(-1)) - (t * z).sum(-1)
        ),
        lambda z, t: t.sum(-1, keepdims=True) * softmax(z) - t,
        softmax,
        "J = -sum t log(a)",
        "a = softmax(z)",
        "dJ/dz = a - t",
    ),
    "binary_cross_entropy": Cost(
        lambda z, t: (np.logaddexp(0, z) - t * z)[..., 0],
        lambda z, t: sigmoid(z) - t,
        sigmoid,
        "J = -t log(a) - (1 - t) log(1 - a)",
        "a = sigmoid(z)",
        "dJ/dz = a - t",
    ),
    "squared_error": Cost(
        lambda z, t: np.square(z - t).sum(-1),
        lambda z, t: 2 * (z - t),
        lambda z: z,
        "J = sum (a - t)^2",
        "a = z",
        "dJ/dz = 2 (a - t)",
    ),
}


def formula_of(name: str | None) -> tuple[str, str]:
    """The formulas of a hidden layer's activation and of its derivative in plain text, in a and z.

    >>> formula_of("tanh")
    ('a = tanh(z)', "f'(z) = 1 - f(z)^2")
    """
    if name is None:
        return "a = f(z), which is none of those known here", "f'(z)"
    entry = ACTIVATIONS[name]
    formula, derivative = (re.sub(r"\bx\b", "z", text) for text in (entry.formula, entry.derivative_formula))
    return formula.replace("f(z)", "a", 1), derivative
