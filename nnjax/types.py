"""The few types that everything passes around.

Letters in shapes: N examples, D features in, M features out, C and O channels, T time,
K classes, P members of a population.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

Array = jax.Array
Key = jax.Array
Params = Any  # a pytree of arrays; for networks a plain nested dict with readable names
Hyper = Mapping[str, Any]  # the traced hyperparameters, float scalars: what a sweep varies


class Net(NamedTuple):
    """A network: two pure functions.

    Attributes:
        init: `init(key) -> params`, the parameters at the start.
        apply: `apply(params, inputs, *, key=None, train=False) -> outputs`. `key` feeds what is
            random (dropout); `train` is static.
    """

    init: Callable[[Key], Params]
    apply: Callable[..., Any]


class Mean(NamedTuple):
    """A mean that can still be added to: `total / count`, divided once at the very end.

    Attributes:
        total: The weighted sum, a float scalar.
        count: The sum of the weights, a float scalar.
    """

    total: Array
    count: Array


class Batch(NamedTuple):
    """The examples of one step.

    Attributes:
        inputs: Pytree of arrays [N, ...], as the data lie (uint8 images stay uint8).
        targets: Pytree of arrays [N, ...].
        weights: Float array [N]; 0 marks the padding of a last partial batch.
        index: Int array [N], each example's row in its data set; a key that belongs to an
            example is made from it, so that it does not depend on batches or devices.
    """

    inputs: Any
    targets: Any
    weights: Array
    index: Array


class Sequences(NamedTuple):
    """Sequences of different lengths, padded at their ends to one.

    What stands in the padding never changes a value or a gradient. A NamedTuple of arrays is a
    pytree, so Sequences stand wherever inputs, outputs or targets do.

    Attributes:
        values: Array [N, T, ...], T the longest length (or more).
        lengths: Integer array [N], each in 1..T.
    """

    values: Any
    lengths: Any


def no_penalty(params: Params) -> float:
    """The penalty of a task that has none: 0."""
    del params
    return 0.0


def last_params(params: Params, opt_state: Any) -> Params:
    """The parameters that a task is scored with where it names none: those of the last step."""
    del opt_state
    return params


class Task(NamedTuple):
    """What is learned.

    Attributes:
        net: The network.
        loss: `loss(outputs, batch) -> Mean`; see `nnjax.per_example`.
        optimizer: Any Optax transformation.
        penalty: `penalty(params) -> scalar`, added once to the mean loss (L1, L2).
        metrics: Name to `metric(outputs, batch) -> Mean`; reported, never differentiated.
        scored: `scored(params, opt_state) -> params`, those that are scored and kept; training goes on
            with the last ones. See `nnjax.training.averaging`.
    """

    net: Net
    loss: Callable[[Any, Batch], Mean]
    optimizer: Any
    penalty: Callable[[Params], Any] = no_penalty
    metrics: Mapping[str, Callable[[Any, Batch], Mean]] = {}
    scored: Callable[[Params, Any], Params] = last_params


Recipe = Callable[[Hyper], Task]  # called inside the trace, so that hyperparameters may be tracers


@dataclass(frozen=True)
class Dataset:
    """Examples on the host, as they lie on the disk.

    Attributes:
        inputs: Array [N, ...] (uint8 images stay uint8), or any pytree of such arrays.
        targets: Array [N] of integer labels, or [N, M] of floats.
        name: What the set is called.
        classes: The K class names in the order of their labels; empty for regression.
        value_range: The smallest and largest value an input can have, where that is known.
        weights: Float array [N] of example weights, or None for equal ones.
    """

    inputs: Any
    targets: Any
    name: str = ""
    classes: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(jax.tree.leaves((self.inputs, self.targets))[0])

    def take(self, rows: Any) -> Dataset:
        """The examples at `rows` (an integer or boolean array, or a slice)."""
        inputs, targets = jax.tree.map(lambda leaf: leaf[rows], (self.inputs, self.targets))
        weights = None if self.weights is None else self.weights[rows]
        return Dataset(inputs, targets, self.name, self.classes, self.value_range, weights)


class Standardizer(NamedTuple):
    """`(inputs - mean) / std`, with statistics of the training part only.

    Attributes:
        mean: Float array, broadcast against one example.
        std: Float array, positive.
    """

    mean: np.ndarray
    std: np.ndarray

    def __call__(self, inputs: Any) -> Any:
        """Standardises `inputs`, [N, ...] or Sequences of [N, T, D], to float32."""
        if isinstance(inputs, Sequences):
            return inputs._replace(values=self(inputs.values))
        return ((np.asarray(inputs, np.float32) - self.mean) / self.std).astype(np.float32)


class Splits(NamedTuple):
    """One data set in its parts, which share no example.

    Attributes:
        train: The part that is fitted.
        valid: The part that settings and stopping are chosen on, or None.
        test: The part that is scored once, at the end, or None.
        scaler: The standardisation that was applied to the inputs, or None.
    """

    train: Dataset
    valid: Dataset | None = None
    test: Dataset | None = None
    scaler: Standardizer | None = None


@dataclass(frozen=True)
class Plan:
    """How a training runs. All of it is static and saved in config.json.

    Attributes:
        segments: How many segments; the grid on which metrics, stopping and saving lie.
        segment_steps: Optimiser steps a segment.
        batch_size: Examples a step.
        patience: Segments without improvement before a member stops; None never stops early.
        min_delta: How much the monitored value must improve to count.
        monitor: The row entry that decides what is best; its sign says nothing, see `maximize`.
        maximize: Whether a larger monitored value is better.
        layout: "one" device, "batch" (each batch sharded over `devices`) or "lanes" (the members of
            a population shared out over them).
        devices: How many devices of the machine are used.
        lanes: How many members of a population are on the devices at once.
        pieces: Into how many pieces a device cuts its share of a batch, to compute them one after
            another in less memory (gradient accumulation).
        looped: Whether a whole chunk is one compiled program; where a step is so large that it is
            faster outside a loop, each step is a call of its own.
        buckets: For sequences of different lengths: (examples, width) of each bucket, shortest
            first; a batch is cut to the width of its bucket. Empty: all are as wide as the data.
    """

    segments: int
    segment_steps: int
    batch_size: int
    patience: int | None = None
    min_delta: float = 0.0
    monitor: str = "valid_loss"
    maximize: bool = False
    layout: str = "one"
    devices: int = 1
    lanes: int = 1
    pieces: int = 1
    looped: bool = True
    buckets: tuple[tuple[int, int], ...] = ()
