"""The bare training step: loss, gradient, update, on one batch that may be shared by several devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from nnjax.types import Array, Batch, Key, Mean, Params, Task

Everywhere = Callable[[Any], Any]  # sums a pytree over the devices that share a batch


def here(tree: Any) -> Any:
    """The sum over the devices that share a batch, when there is only one: the tree itself."""
    return tree


def divide(mean: Mean) -> Array:
    """`total / count`, and 0 where nothing was counted."""
    return jnp.where(mean.count == 0, 0.0, mean.total / jnp.where(mean.count == 0, 1.0, mean.count))


def measure(task: Task, outputs: Any, batch: Batch) -> dict[str, Mean]:
    """The loss and every metric of one batch, as sums with counts."""
    return {"loss": task.loss(outputs, batch)} | {k: f(outputs, batch) for k, f in task.metrics.items()}


def summed(task: Task, params: Params, batch: Batch, key: Key) -> tuple[dict[str, Mean], Params]:
    """The loss and metrics of one batch, and the gradient of the loss's total."""

    def local(p: Params) -> tuple[Array, dict[str, Mean]]:
        measured = measure(task, task.net.apply(p, batch.inputs, key=key, train=True), batch)
        return measured["loss"].total, measured

    (_, measured), slope = jax.value_and_grad(local, has_aux=True)(params)
    return measured, slope


def accumulated(
    task: Task, params: Params, batch: Batch, key: Key, pieces: int
) -> tuple[dict[str, Mean], Params]:
    """`summed`, over `pieces` equal pieces of the batch one after another, in the memory of one.

    Sums are added and never means, so that the result is that of the whole batch whatever the
    weights in its pieces.
    """
    if pieces == 1:
        return summed(task, params, batch, key)
    cut = jax.tree.map(lambda leaf: leaf.reshape(pieces, -1, *leaf.shape[1:]), batch)

    def piece(i: Array) -> tuple[dict[str, Mean], Params]:
        return summed(task, params, jax.tree.map(lambda leaf: leaf[i], cut), jax.random.fold_in(key, i))

    def add(sums: Any, i: Array) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, sums, piece(i)), None

    return jax.lax.scan(add, piece(jnp.int32(0)), jnp.arange(1, pieces))[0]


def objective(
    task: Task, batch: Batch, key: Key, everywhere: Everywhere = here, pieces: int = 1
) -> Callable[[Params], Array]:
    """The scalar that training lowers, as a function of the parameters: mean loss + penalty.

    Its gradient is summed over the devices that share the batch, so that whatever asks for it
    (a line search, say) sees the whole batch.
    """

    def evaluated(params: Params) -> tuple[tuple[Array, dict[str, Mean]], Params]:
        measured, slope = everywhere(accumulated(task, params, batch, key, pieces))
        penalty, penalty_slope = jax.value_and_grad(lambda p: jnp.float32(task.penalty(p)))(params)
        loss = measured["loss"]
        gradient = jax.tree.map(lambda g, q: divide(Mean(g, loss.count)) + q, slope, penalty_slope)
        return (divide(loss) + penalty, measured), gradient

    @jax.custom_vjp
    def value(params: Params) -> tuple[Array, dict[str, Mean]]:
        return evaluated(params)[0]

    def backward(gradient: Params, cotangents: Any) -> tuple[Params]:
        return (jax.tree.map(lambda g: g * cotangents[0], gradient),)

    value.defvjp(evaluated, backward)
    return value


def step(
    task: Task,
    params: Params,
    opt_state: Any,
    batch: Batch,
    key: Key,
    everywhere: Everywhere = here,
    pieces: int = 1,
) -> tuple[Params, Any, dict[str, Mean]]:
    """One optimiser step on one batch; the bare form for people who write their own loop.

        value, gradient = d/dparams [ sum(weights * loss) / sum(weights) + penalty(params) ]
        params <- params + optimizer.update(gradient)

    Args:
        task: What is learned.
        params: The parameters.
        opt_state: `task.optimizer.init(params)`, or what the last step returned.
        batch: The examples.
        key: Random key of this step.
        everywhere: Sums a pytree over the devices that share the batch.
        pieces: Into how many equal pieces the batch is cut, computed one after another (static).

    Returns:
        The new parameters, the new optimiser state, and the loss and metrics of the batch before
        the step, as sums with counts.
    """
    lowered = objective(task, batch, key, everywhere, pieces)
    (value, measured), gradient = jax.value_and_grad(lowered, has_aux=True)(params)
    optimizer = optax.with_extra_args_support(task.optimizer)
    updates, opt_state = optimizer.update(
        gradient, opt_state, params, value=value, grad=gradient, value_fn=lambda p: lowered(p)[0]
    )
    return optax.apply_updates(params, updates), opt_state, measured
