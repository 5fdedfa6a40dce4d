"""What a classifier's outputs say: a probability for each class, and the class itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Answers(NamedTuple):
    """What a net says of N examples.

    Attributes:
        probabilities: Float array [N, K]; a row sums to 1.
        labels: Int array [N], the class with the largest probability.
    """

    probabilities: np.ndarray
    labels: np.ndarray


def answers(outputs: Any, classes: int = 0) -> Answers | None:
    """Reads logits [N, K] by the softmax, and logits [N] or [N, 1] by the sigmoid, as two classes.

    Args:
        outputs: What the net gave.
        classes: K where it is known, 0 where it is not.

    Returns:
        The answers, or None where the outputs are not those of a classifier of K classes.

    >>> answers(np.array([[0.0], [np.log(3.0)]])).probabilities.round(2).tolist()
    [[0.5, 0.5], [0.25, 0.75]]
    """
    logits = np.asarray(outputs, np.float64)
    if logits.ndim == 1 or (logits.ndim == 2 and logits.shape[1] == 1):
        logits = np.stack([np.zeros(len(logits)), logits.reshape(-1)], axis=1)
    if logits.ndim != 2 or (classes and logits.shape[1] != classes):
        return None
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    return Answers(probabilities, logits.argmax(axis=1))
