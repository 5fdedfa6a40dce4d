"""The engine for big nets: one call of a compiled program a step, outside any compiled loop.

On a CPU, XLA computes large convolutions inside a loop much slower than outside, and what a call
costs is nothing beside a step of a tenth of a second. `compile_steps` gives a function that is called
like that of `compile_chunk` and moves on the same grid of segments; only the state that a diverging
member keeps differs: here it is that of its last good step, since a copy for each segment would cost
as much memory as the parameters and the optimiser's state. A step is two programs, the gradient and
the update, since only then does XLA hold one gradient and update the state in place. Without a
validation part the best parameters are the last ones, and are not held twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec

from nnjax.training.engine import (
    CHUNK_ROWS,
    Row,
    all_finite,
    batch_rows,
    compiler_options,
    everywhere_of,
    judge,
    mesh,
    noise_key,
    place,
    row_names,
    score,
    select,
)
from nnjax.training.member import DIVERGED, RUNNING, Data, Member
from nnjax.training.step import divide, objective
from nnjax.types import Array, Mean, Params, Plan, Recipe, Task

HELD_TWICE = 2**24  # parameters up to which a step may hold the state before it and after it
Sums = dict[str, Mean]


class Sloped(NamedTuple):
    """What the first half of a step gives to the second.

    Attributes:
        value: What training lowers, before the step.
        gradient: Its gradient, a pytree like the parameters.
        measured: The loss and metrics of the batch.
    """

    value: Array
    gradient: Params
    measured: Sums


def gradient_of_step(recipe: Recipe, plan: Plan, data: Data, member: Member) -> Sloped:
    """The first half of a step: the value and its gradient on the batch that the member's position names."""
    lowered = lowered_by(recipe(member.hyper), plan, data, member)
    (value, measured), gradient = jax.value_and_grad(lowered, has_aux=True)(member.params)
    return Sloped(value, gradient, measured)


def update_of_step(
    recipe: Recipe, plan: Plan, data: Data, member: Member, sloped: Sloped, sums: Sums
) -> tuple[Member, Sums]:
    """The second half: the optimizer's update, and what the step measured added to the sums of its segment.

    A member that is not running stays as it is. One whose loss or parameters would not be finite keeps the
    state before the step, and is DIVERGED.
    """
    task = recipe(member.hyper)
    optimizer = optax.with_extra_args_support(task.optimizer)
    value, gradient, measured = sloped
    lowered = lowered_by(task, plan, data, member)
    more: dict[str, Any] = {"value": value, "grad": gradient, "value_fn": lambda params: lowered(params)[0]}

    def updated() -> tuple[Params, Any]:
        updates, opt_state = optimizer.update(gradient, member.opt_state, member.params, **more)
        return optax.apply_updates(member.params, updates), opt_state

    def good(params: Params) -> Array:
        return all_finite((value, measured["loss"].total, params))

    running = member.status == RUNNING
    if sum(leaf.size for leaf in jax.tree.leaves(member.params)) > HELD_TWICE:
        # Tried first, in a branch of its own, so that XLA does not hold what the trial has found: then
        # everything is updated in place, for the price of the update's arithmetic done twice.
        go = jax.lax.cond(running, lambda: good(updated()[0]), lambda: jnp.bool_(False))
        params, opt_state = updated()
    else:
        params, opt_state = updated()
        go = running & good(params)
    member = member._replace(
        step=member.step + go,
        params=select(go, params, member.params),
        opt_state=select(go, opt_state, member.opt_state),
        status=jnp.where(running & ~go, DIVERGED, member.status),
    )
    return member, jax.tree.map(jnp.add, sums, measured)


def lowered_by(task: Task, plan: Plan, data: Data, member: Member) -> Callable[[Params], Any]:
    """What the member's next step lowers, as a function of the parameters, see `objective`."""
    batch = data.train.batch(batch_rows(plan, data.train, member, 1)[0])
    return objective(task, batch, noise_key(plan, member), everywhere_of(plan), plan.pieces)


def end_of_segment(
    recipe: Recipe, plan: Plan, data: Data, member: Member, sums: Sums
) -> tuple[Member, Row, Sums]:
    """The evaluation at the end of a segment; gives the row, and sums of zero for the next."""
    row = {f"train_{name}": divide(mean) for name, mean in sums.items()}
    task = recipe(member.hyper)
    params = task.scored(member.params, member.opt_state)
    if data.valid is None:
        member = member._replace(best_params=params)
    else:
        scored = score(task, plan, data.valid, params, member.fold)
        row |= {f"valid_{name}": divide(mean) for name, mean in scored.items()}
    member = select(member.status == RUNNING, judge(plan, row, member, params), member)
    return lean(data, member), row, jax.tree.map(jnp.zeros_like, sums)


def lean(data: Data, member: Member) -> Member:
    """Without a validation part there are no best parameters to hold: the last ones are used."""
    return member if data.valid is not None else member._replace(best_params=None)


class Analysis(NamedTuple):
    """The bytes of all programs of a step, as XLA names those of one."""

    argument_size_in_bytes: int
    temp_size_in_bytes: int
    output_size_in_bytes: int
    alias_size_in_bytes: int


class Stepwise:
    """Compiled steps, called as `compile_chunk`'s function is: `stepwise(data, member, n)`."""

    def __init__(
        self, slope: Any, update: Any, end: Any, plan: Plan, names: list[str], zero: Callable[[], Sums]
    ) -> None:
        self._slope, self._update, self._end = slope, update, end
        self._plan, self._names, self._zero = plan, names, zero

    def memory_analysis(self) -> Analysis | None:
        """What a step takes at most: its gradient, and what either half needs for a moment."""
        slope, update = self._slope.memory_analysis(), self._update.memory_analysis()
        if slope is None or update is None:  # some backends do not say
            return None
        temporary = max(slope.temp_size_in_bytes, update.temp_size_in_bytes)
        sizes = (
            slope.argument_size_in_bytes,
            temporary,
            slope.output_size_in_bytes,
            slope.alias_size_in_bytes,
        )
        return Analysis(*sizes)

    def step(self, data: Data, member: Member, sums: Sums) -> tuple[Member, Sums]:
        """One step, and when it is done; `member` and `sums` are donated."""
        sloped = self._slope(data, member)
        # One at a time: devices that wait for each other inside a program must not be given
        # more programs than their queues hold, or the one waits for a place that never comes.
        jax.block_until_ready(sloped.value)
        return jax.block_until_ready(self._update(data, member, sloped, sums))

    def __call__(self, data: Data, member: Member, n: Any) -> tuple[Member, Row, Array]:
        """Up to `n` segments, fewer when the member stops; `member` is donated."""
        table = {name: np.zeros(min(self._plan.segments, CHUNK_ROWS), np.float32) for name in self._names}
        done, sums, member = 0, self._zero(), lean(data, member)
        while done < int(n) and int(member.status) == RUNNING:
            into = int(member.step) % self._plan.segment_steps  # not 0 after a remedy for a divergence
            for _ in range(self._plan.segment_steps - into):
                member, sums = self.step(data, member, sums)
            member, row, sums = self._end(data, member, sums)
            for name, value in row.items():
                table[name][done] = value
            done += 1
        if data.valid is None:
            member = member._replace(best_params=member.params, best_step=jnp.copy(member.step))
        return member, {name: jnp.asarray(column) for name, column in table.items()}, jnp.int32(done)


def compile_steps(recipe: Recipe, plan: Plan, data: Data, member: Member) -> Stepwise:
    """Compiles a step and the end of a segment for the shapes of `data` and `member`."""
    member = lean(data, member)
    solo = dataclasses.replace(plan, layout="one", devices=1)
    sloped = jax.eval_shape(partial(gradient_of_step, recipe, solo), data, member)

    def zero() -> Sums:
        return place(plan, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), sloped.measured))

    options = compiler_options(plan, member.params)

    def compiled(function: Callable, *given: Any, donated: tuple[int, ...] = ()) -> Any:
        run: Callable = partial(function, recipe, plan)
        if plan.layout == "batch":
            everyone = PartitionSpec()
            run = jax.shard_map(run, mesh=mesh(plan), in_specs=everyone, out_specs=everyone, check_vma=False)
        lowered = jax.jit(run, donate_argnums=donated).lower(data, member, *given)
        return lowered.compile(compiler_options=options)

    placed = sloped if plan.layout == "one" else on_all(plan, sloped)
    return Stepwise(
        compiled(gradient_of_step),
        compiled(update_of_step, placed, zero(), donated=(1, 3)),
        compiled(end_of_segment, zero(), donated=(1, 2)),
        plan,
        row_names(recipe(member.hyper), data),
        zero,
    )


def on_all(plan: Plan, shapes: Any) -> Any:
    """Shapes of arrays that every device of the plan has a copy of."""
    everywhere = jax.sharding.NamedSharding(mesh(plan), PartitionSpec())
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=everywhere), shapes)
