"""Metrics: how good the answers are. Reported, never differentiated.

`accuracy` and `mean_absolute_error` give one number an example: `per_example` makes them metrics of a
Task. `confusion_matrix` and `r2_score` need a whole data set at once.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from nnjax.errors import ConfigError, DataError
from nnjax.training.losses import one_column, paired
from nnjax.types import Array


def accuracy(outputs: Array, targets: Array) -> Array:
    """1 where the answer is right, else 0.

    With logits [N, K] the answer is the class of the largest (the first of equals); with one logit an
    example it is 1 where z >= 0, that is sigmoid(z) >= 1/2, as in `unit_step`.

    Args:
        outputs: Logits [N, K], or [N] or [N, 1] where there are two classes.
        targets: Integer labels [N] or distributions [N, K]; or 0 and 1 [N] or [N, 1] where there are two.

    Returns:
        Float array [N].

    Raises:
        ConfigError: If the shapes do not fit.

    >>> accuracy(jnp.array([[1.0, 3.0], [2.0, 0.0]]), jnp.array([1, 1])).tolist()
    [1.0, 0.0]
    >>> accuracy(jnp.array([[-1.0], [2.0]]), jnp.array([0, 0])).tolist()
    [1.0, 0.0]
    """
    outputs, targets = jnp.asarray(outputs), jnp.asarray(targets)
    if outputs.ndim == 1 or outputs.shape[1:] == (1,):
        z, t = one_column(outputs, targets, "accuracy")
        return ((z >= 0) == (t >= 0.5)).astype(jnp.float32)
    if outputs.ndim != 2 or targets.shape not in (outputs.shape, outputs.shape[:1]):
        raise ConfigError(
            f"accuracy wants logits [N, K] with labels [N] or distributions [N, K], got outputs "
            f"{outputs.shape} and targets {targets.shape}"
        )
    labels = targets if targets.ndim == 1 else jnp.argmax(targets, axis=-1)
    return (jnp.argmax(outputs, axis=-1) == labels).astype(jnp.float32)


def confusion_matrix(labels: Array, predictions: Array, classes: int) -> Array:
    """C_ij = how many examples of class i were taken for class j.

    Args:
        labels: The true classes, integers [N] in 0..K-1.
        predictions: The answers, integers [N] in 0..K-1.
        classes: K (static).

    Returns:
        Int array [K, K], rows true, columns predicted. Inside a compiled program, where values cannot
        be checked, an example with a class outside 0..K-1 is left out.

    Raises:
        ConfigError: If the shapes differ or are not [N], or the types are not integers.
        DataError: If a class lies outside 0..K-1; names the row.

    >>> confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 0, 1]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    labels, predictions = jnp.asarray(labels), jnp.asarray(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise ConfigError(
            f"confusion_matrix wants labels and predictions [N], got {labels.shape} and {predictions.shape}"
        )
    for name, values in (("labels", labels), ("predictions", predictions)):
        _check_range(name, values, classes)
    labels, predictions = labels.astype(jnp.int32), predictions.astype(jnp.int32)
    inside = (labels >= 0) & (labels < classes) & (predictions >= 0) & (predictions < classes)
    # What lies outside gets a cell past the end, which "drop" leaves out; a -1 would count from the end.
    cells = jnp.where(inside, labels * classes + predictions, classes * classes)
    counts = jnp.zeros(classes * classes, jnp.int32).at[cells].add(1, mode="drop")
    return counts.reshape(classes, classes)


def mean_absolute_error(outputs: Array, targets: Array) -> Array:
    """e_n = mean_m |y_nm - t_nm|: the mean over an example's M outputs.

    Args:
        outputs: Predictions y [N] or [N, ...].
        targets: t, of the same shape; [N, 1] and [N] are taken as the same.

    Returns:
        Float array [N], in the targets' unit.

    Raises:
        ConfigError: If the shapes differ.

    >>> mean_absolute_error(jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 5.0]])).tolist()
    [2.0]
    """
    y, t = paired(outputs, targets, "mean_absolute_error")
    return jnp.mean(jnp.abs(y - t), axis=tuple(range(1, y.ndim)))


def r2_score(outputs: Array, targets: Array) -> Array:
    """R^2 = 1 - sum_n (t_n - y_n)^2 / sum_n (t_n - mean(t))^2, the share of variance explained.

    1 is perfect, 0 is no better than the mean, and worse is negative. With M outputs it is the mean of
    theirs. Where a target is constant it is 1 if every prediction is exact, else 0.

    Args:
        outputs: Predictions y [N] or [N, M].
        targets: t, of the same shape; [N, 1] and [N] are taken as the same.

    Returns:
        Float scalar.

    Raises:
        ConfigError: If the shapes differ or N < 2.

    >>> float(r2_score(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 2.0, 4.0]))).__round__(4)
    0.7857
    """
    y, t = paired(outputs, targets, "r2_score")
    if len(y) < 2:
        raise ConfigError(f"r2_score wants at least 2 examples, got {len(y)}")
    residual = jnp.sum(jnp.square(t - y), axis=0)
    spread = jnp.sum(jnp.square(t - jnp.mean(t, axis=0, keepdims=True)), axis=0)
    constant = spread == 0
    explained = 1 - residual / jnp.where(constant, 1, spread)
    return jnp.mean(jnp.where(constant, jnp.where(residual == 0, 1.0, 0.0), explained))


def _check_range(name: str, values: Array, classes: int) -> None:
    """Integers in 0..K-1, as far as can be seen: a traced array has a type but no values."""
    if not jnp.issubdtype(values.dtype, jnp.integer):
        raise ConfigError(f"confusion_matrix wants integer {name}, got {values.dtype}")
    if isinstance(values, Tracer):
        return
    wrong = np.flatnonzero((np.asarray(values) < 0) | (np.asarray(values) >= classes))
    if len(wrong):
        raise DataError(
            f"{name} must lie in 0..{classes - 1}, got {int(values[wrong[0]])} in row {int(wrong[0])}"
        )
