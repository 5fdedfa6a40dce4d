"""Scoring a network on a whole data set, and asking it for its outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import DataError
from nnjax.training.buckets import by_length, lengths_of
from nnjax.training.engine import evaluation_batch, score
from nnjax.training.member import Part
from nnjax.training.step import divide
from nnjax.types import Dataset, Net, Params, Plan, Task

ALONE = Plan(segments=1, segment_steps=1, batch_size=1)  # one device


def part_of(dataset: Dataset) -> Part:
    """A data set as the engine reads it; sequences stand in the order of their lengths."""
    lengths = lengths_of(dataset.inputs)
    rows = None if lengths is None else by_length(np.arange(len(lengths), dtype=np.int32), lengths)[None]
    return Part(dataset.inputs, dataset.targets, dataset.weights, rows)


def evaluate(task: Task, params: Params, dataset: Dataset) -> dict[str, float]:
    """The mean loss and metrics over all of `dataset`, the last partial batch included.

    Args:
        task: Its net, loss and metrics are used.
        params: The parameters.
        dataset: N examples.

    Returns:
        {"loss": ..., "accuracy": ...} for whatever metrics the task names.

    Raises:
        DataError: If there are no examples.
    """
    if len(dataset) == 0:
        raise DataError("evaluate wants at least one example, got none")
    scored = jax.jit(lambda params, part: score(task, ALONE, part, params, jnp.int32(0)))
    means = scored(params, jax.device_put(part_of(dataset)))
    return {name: float(str(np.asarray(divide(mean)))) for name, mean in means.items()}


def predict(net: Net, params: Params, inputs: Any) -> Any:
    """The outputs of `net` for `inputs`, without dropout.

    Args:
        net: The network.
        params: Its parameters.
        inputs: Pytree of arrays [N, ...].

    Returns:
        NumPy arrays [N, ...]; the last partial batch is padded inside, so one program serves all.
    """
    size = len(jax.tree.leaves(inputs)[0])
    apply = jax.jit(lambda params, x: net.apply(params, x, train=False))
    batch = min(size, evaluation_batch(inputs))

    def piece(first: int) -> Any:
        rows = np.minimum(np.arange(first, first + batch), size - 1)
        outputs = apply(params, jax.tree.map(lambda leaf: np.asarray(leaf)[rows], inputs))
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: size - first], outputs)

    pieces = [piece(first) for first in range(0, size, batch)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *pieces)
