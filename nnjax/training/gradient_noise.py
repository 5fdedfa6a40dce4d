"""How noisy the gradient of a batch is: the mean over B of N examples in place of the mean over all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from nnjax.errors import ConfigError
from nnjax.training.step import divide
from nnjax.types import Batch, Dataset, Params, Task


def example_gradients(task: Task, params: Params, dataset: Dataset) -> np.ndarray:
    """The gradient of each example's loss, without dropout and penalty, flat: [N, P].

    Args:
        task: Its net and its loss are used.
        params: The parameters, P numbers.
        dataset: N examples; N P numbers must fit into memory.

    >>> import optax
    >>> from nnjax import mlp, per_example, squared_error
    >>> task = Task(mlp((1, 1)), per_example(squared_error), optax.sgd(1.0))
    >>> params = {"layer_0": {"weights": jnp.zeros((1, 1)), "bias": jnp.zeros(1)}}
    >>> pairs = Dataset(np.array([[1.0], [2.0]], np.float32), np.array([[1.0], [1.0]], np.float32))
    >>> example_gradients(task, params, pairs).tolist()  # by the bias, and by the weight
    [[-2.0, -2.0], [-2.0, -4.0]]
    """
    flat, rebuild = ravel_pytree(params)

    def one(inputs: Any, targets: Any) -> Any:
        alone = lambda leaf: leaf[None]
        batch = Batch(alone(inputs), alone(targets), jnp.ones(1), jnp.zeros(1, jnp.int32))
        loss = lambda w: divide(task.loss(task.net.apply(rebuild(w), batch.inputs, train=False), batch))
        return jax.grad(loss)(flat)

    every = jax.jit(jax.vmap(one))
    return np.asarray(every(jnp.asarray(dataset.inputs), jnp.asarray(dataset.targets)))


def noise_by_batch_size(
    gradients: np.ndarray, batch_sizes: Sequence[int], draws: int = 200, seed: int = 0
) -> list[dict[str, float]]:
    """How far the gradient of a random batch lies from that of all examples, in units of the latter's length.

    With s^2 = mean_n |g_n - g|^2 the root of the expected squared distance is

        s / sqrt(B) * sqrt((N - B) / (N - 1))

    where the second factor is there because a batch is drawn without putting examples back.

    Args:
        gradients: [N, P], see `example_gradients`.
        batch_sizes: B, each in 1..N.
        draws: Batches drawn for each B.
        seed: Decides the draws.

    Returns:
        A row a batch size: "batch_size", "measured" (over the draws), "theory", and "cosine", the mean
        cosine of the angle between the two gradients.

    Raises:
        ConfigError: If a batch size is out of range.

    >>> rows = noise_by_batch_size(np.array([[1.0], [3.0]]), [1, 2])
    >>> [(row["theory"], row["measured"]) for row in rows]
    [(0.5, 0.5), (0.0, 0.0)]
    """
    count, rng = len(gradients), np.random.default_rng(seed)
    wrong = [size for size in batch_sizes if not 1 <= size <= count]
    if wrong:
        raise ConfigError(f"a batch of {count} examples has 1 to {count} of them, got {wrong[0]}")
    whole = gradients.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(whole)
    spread = np.sqrt(np.mean(np.sum(np.square(gradients - whole), axis=1)))
    rows = []
    for size in batch_sizes:
        chosen = [
            gradients[rng.choice(count, size, replace=False)].mean(axis=0, dtype=np.float64)
            for _ in range(draws)
        ]
        means = np.stack(chosen)
        distance = np.sqrt(np.mean(np.sum(np.square(means - whole), axis=1)))
        cosine = np.mean(means @ whole / (np.linalg.norm(means, axis=1) * length))
        theory = spread / np.sqrt(size) * np.sqrt((count - size) / max(count - 1, 1))
        rows.append(
            {
                "batch_size": size,
                "measured": float(distance / length),
                "theory": float(theory / length),
                "cosine": float(cosine),
            }
        )
    return rows


def gradient_memory(task: Task, params: Params, dataset: Dataset, batch_size: int) -> int:
    """The bytes that the compiled gradient of one batch takes besides the parameters and their gradient.

    These are the batch itself and what the forward pass keeps for the backward pass. XLA lays all buffers of
    a program out before it runs, so this is what it uses, not an estimate.

    Raises:
        ConfigError: If the backend does not tell.
    """
    part = dataset.take(np.arange(batch_size))

    def loss(p: Params, batch: Batch) -> Any:
        return divide(task.loss(task.net.apply(p, batch.inputs, train=False), batch))

    batch = Batch(part.inputs, part.targets, jnp.ones(batch_size), jnp.arange(batch_size))
    compiled = jax.jit(jax.grad(loss)).lower(params, batch).compile()
    sizes = compiled.memory_analysis()
    if sizes is None:
        raise ConfigError(f"the backend {jax.default_backend()} does not say how much memory a program takes")
    held = sum(leaf.nbytes for leaf in jax.tree.leaves((batch.inputs, batch.targets)))
    return int(sizes.temp_size_in_bytes) + held
