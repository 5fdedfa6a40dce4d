"""Losses: `f(outputs, targets) -> [N]`, one number an example, and `per_example`, which sums them.

Their shapes are checked before anything is compiled. What the targets hold cannot be: that labels lie
in 0..K-1 and that nothing is NaN is checked on the host, when the data are read.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.activations import unit_step
from nnjax.types import Array, Batch, Mean

PerExample = Callable[[Any, Any], Array]  # f(outputs, targets) -> [N]


def per_example(function: PerExample) -> Callable[[Any, Batch], Mean]:
    """Lifts a loss or metric of examples to a weighted mean over a batch.

    total = sum_n w_n f_n, count = sum_n w_n. An example of weight 0 adds exactly 0 to the total and to
    every gradient with respect to the outputs, even where its loss is not finite.

    Args:
        function: `f(outputs, targets) -> [N]`; the leaves of outputs and targets are [N, ...].

    Returns:
        `(outputs, batch) -> Mean`, the form of a Task's loss and metrics.

    Raises:
        ConfigError: If f does not give one number an example.

    >>> batch = Batch(None, jnp.array([1.0, 9.0]), jnp.array([1.0, 0.0]), jnp.arange(2))
    >>> mean = per_example(squared_error)(jnp.array([3.0, jnp.inf]), batch)
    >>> float(mean.total), float(mean.count)
    (4.0, 1.0)
    """

    def lifted(outputs: Any, batch: Batch) -> Mean:
        counts = batch.weights != 0
        # The outputs and targets of weightless examples are replaced before f sees them: choosing
        # afterwards alone would leave NaN in the gradient, since 0 times an infinite slope is NaN.
        outputs, targets = jax.tree.map(lambda leaf: _only(counts, leaf), (outputs, batch.targets))
        values = function(outputs, targets)
        if values.shape != counts.shape:
            raise ConfigError(
                f"a per-example function must give one number for each of {len(counts)} examples, "
                f"shape {counts.shape}, but {getattr(function, '__name__', function)} gave {values.shape}"
            )
        total = jnp.sum(jnp.where(counts, batch.weights * values, 0))
        return Mean(total, jnp.sum(batch.weights))

    return lifted


def cross_entropy(outputs: Array, targets: Array, label_smoothing: float | Array = 0.0) -> Array:
    """l_n = -sum_k t_nk log softmax(z_n)_k; for a label t_n it is -log softmax(z_n)_{t_n}.

    With smoothing s the targets become (1 - s) t + s / K.

    Args:
        outputs: Logits z [N, K], K >= 2.
        targets: Integer labels [N] in 0..K-1, or distributions [N, K].
        label_smoothing: s in [0, 1]; may be a tracer.

    Returns:
        Float array [N], in nats.

    Raises:
        ConfigError: If the shapes or types do not fit, or s is a number outside [0, 1].

    >>> cross_entropy(jnp.array([[1e4, 0.0], [0.0, 5e3]]), jnp.array([1, 1])).tolist()
    [10000.0, 0.0]

    Source: smoothing is from Szegedy et al. 2016, https://arxiv.org/abs/1512.00567
    """
    outputs, targets = jnp.asarray(outputs), jnp.asarray(targets)
    _check_classes(outputs, targets)
    if isinstance(label_smoothing, Real) and not 0 <= label_smoothing <= 1:
        raise ConfigError(f"cross_entropy wants label_smoothing in [0, 1], got {label_smoothing}")
    # The largest logit is taken off first, so that no exponential overflows; it cancels, and has no gradient.
    shifted = outputs - jax.lax.stop_gradient(jnp.max(outputs, axis=-1, keepdims=True))
    log_total = jnp.log(jnp.sum(jnp.exp(shifted), axis=-1))
    if targets.ndim == 1:
        # A mask and a sum, not a gather: its gradient is a select, which fuses on a CPU; a scatter does not.
        is_label = targets[:, None] == jnp.arange(outputs.shape[1])[None, :]
        losses = log_total - jnp.sum(jnp.where(is_label, shifted, 0), axis=-1)
    else:
        weights = targets.astype(outputs.dtype)
        losses = jnp.sum(weights, axis=-1) * log_total - jnp.sum(weights * shifted, axis=-1)
    if isinstance(label_smoothing, Real) and label_smoothing == 0:
        return losses
    uniform = log_total - jnp.mean(shifted, axis=-1)
    return (1 - label_smoothing) * losses + label_smoothing * uniform


def binary_cross_entropy(outputs: Array, targets: Array) -> Array:
    """l_n = -t log(p) - (1 - t) log(1 - p), p = sigmoid(z_n): max(z, 0) - z t + log(1 + exp(-|z|)).

    Args:
        outputs: Logits z [N] or [N, 1].
        targets: t in [0, 1], [N] or [N, 1], of any type.

    Returns:
        Float array [N], in nats.

    Raises:
        ConfigError: If there is more than one output or target an example, or their numbers differ.

    >>> binary_cross_entropy(jnp.array([1e4, -1e4]), jnp.array([1, 1])).tolist()
    [0.0, 10000.0]
    """
    z, t = one_column(outputs, targets, "binary_cross_entropy")
    return _logistic(z, t)


@jax.custom_jvp
def _logistic(z: Array, t: Array) -> Array:
    # Not log(1 + exp(z)) - z t: that loses all digits of a small loss at a large logit.
    return jnp.maximum(z, 0) - z * t + jnp.log1p(jnp.exp(-jnp.abs(z)))


@_logistic.defjvp
def _logistic_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    # By hand, since JAX gives |z| the slope 1 at 0, and 0 is where the logits of a zero start all lie.
    (z, t), (dz, dt) = primals, tangents
    return _logistic(z, t), (jax.nn.sigmoid(z) - t) * dz - z * dt


def squared_error(outputs: Array, targets: Array) -> Array:
    """l_n = sum_m (y_nm - t_nm)^2: a sum over the M outputs, without a half.

    Args:
        outputs: Predictions y [N] or [N, ...].
        targets: t, of the same shape; [N, 1] and [N] are taken as the same.

    Returns:
        Float array [N], in the square of the targets' unit.

    Raises:
        ConfigError: If the shapes differ.

    >>> squared_error(jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 4.0]])).tolist()
    [5.0]
    """
    y, t = paired(outputs, targets, "squared_error")
    return jnp.sum(jnp.square(y - t), axis=tuple(range(1, y.ndim)))


def perceptron_loss(outputs: Array, targets: Array) -> Array:
    """l_n = (step(z_n) - t_n) z_n, where the bracket counts as a constant.

    It is |z| on mistakes and 0 elsewhere. Its gradient with respect to z is step(z) - t, so that SGD
    with learning rate r moves w by r (t - step(z)) x: Rosenblatt's rule.

    Args:
        outputs: Aggregations z [N] or [N, 1].
        targets: t, 0 or 1, [N] or [N, 1].

    Returns:
        Float array [N].

    Raises:
        ConfigError: If there is more than one output or target an example, or their numbers differ.

    >>> perceptron_loss(jnp.array([2.0, -3.0, 1.0]), jnp.array([0, 1, 1])).tolist()
    [2.0, 3.0, 0.0]

    Source: Rosenblatt 1958, https://doi.org/10.1037/h0042519
    """
    z, t = one_column(outputs, targets, "perceptron_loss")
    return jax.lax.stop_gradient(unit_step(z) - t) * z


def paired(outputs: Array, targets: Array, name: str) -> tuple[Array, Array]:
    """Outputs and targets in one shape and float type; an [N, 1] beside an [N] loses its axis.

    Raises:
        ConfigError: If they still differ: broadcasting would compare every example with every other.
    """
    y, t = jnp.asarray(outputs), jnp.asarray(targets)
    if {y.ndim, t.ndim} == {1, 2} and 1 in (y if y.ndim == 2 else t).shape[1:]:
        y, t = y.reshape(-1), t.reshape(-1)
    if y.ndim == 0 or y.shape != t.shape:
        raise ConfigError(
            f"{name} wants outputs and targets [N, ...] of one shape, got outputs {jnp.shape(outputs)} "
            f"and targets {jnp.shape(targets)}"
        )
    dtype = jnp.result_type(y, float)
    return y.astype(dtype), t.astype(dtype)


def one_column(outputs: Array, targets: Array, name: str) -> tuple[Array, Array]:
    """Outputs and targets [N] or [N, 1] as floats [N].

    Raises:
        ConfigError: If there is more than one an example, or their numbers differ.
    """
    y, t = paired(outputs, targets, name)
    if y.ndim > 2 or y.shape[1:] not in ((), (1,)):
        raise ConfigError(f"{name} wants one output an example, [N] or [N, 1], got {y.shape}")
    return y.reshape(-1), t.reshape(-1)


def _check_classes(outputs: Array, targets: Array) -> None:
    """Logits [N, K] with integer labels [N] or distributions [N, K], or a ConfigError."""
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        raise ConfigError(
            f"cross_entropy wants logits [N, K] with K >= 2 classes, got {outputs.shape}"
            + (
                "; for one output an example use binary_cross_entropy"
                if outputs.shape[1:] in ((), (1,))
                else ""
            )
        )
    if targets.shape != outputs.shape and targets.shape != outputs.shape[:1]:
        raise ConfigError(
            f"cross_entropy wants labels [N] or distributions [N, K] beside logits {outputs.shape}, "
            f"got targets {targets.shape}"
        )
    if targets.ndim == 1 and not jnp.issubdtype(targets.dtype, jnp.integer):
        raise ConfigError(
            f"cross_entropy wants integer labels, got targets {targets.shape} of type {targets.dtype}; "
            "for regression use squared_error"
        )


def _only(counts: Array, leaf: Array) -> Array:
    """`leaf` [N, ...] with zeros in the rows that do not count."""
    leaf = jnp.asarray(leaf)
    if leaf.shape[:1] != counts.shape:
        raise ConfigError(
            f"a loss or metric of examples wants outputs and targets [N, ...] with N = {len(counts)}, "
            f"as many as weights, got {leaf.shape}"
        )
    return jnp.where(counts.reshape(counts.shape + (1,) * (leaf.ndim - 1)), leaf, jnp.zeros((), leaf.dtype))
