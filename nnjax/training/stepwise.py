"""The engine for big nets: one call of a compiled program a step, outside any compiled loop.

On a CPU, XLA computes large convolutions inside a loop much slower than outside, and what a call
costs is nothing beside a step of a tenth of a second. `compile_steps` gives a function that is called
like that of `compile_chunk` and moves on the same grid of segments; only the state that a diverging
member keeps differs: here it is that of its last good step, since a copy for each segment would cost
as much memory as the parameters and the optimiser's state.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from nnjax.training.engine import (
    CHUNK_ROWS,
    Row,
    advance,
    all_finite,
    batch_rows,
    compiler_options,
    judge,
    mesh,
    place,
    row_names,
    score,
    select,
)
from nnjax.training.member import DIVERGED, RUNNING, Data, Member
from nnjax.training.step import divide
from nnjax.types import Array, Mean, Plan, Recipe

Sums = dict[str, Mean]


def one_step(recipe: Recipe, plan: Plan, data: Data, member: Member, sums: Sums) -> tuple[Member, Sums]:
    """One step, and what it measured added to the sums of its segment.

    A member that is not running stays as it is. One whose loss or parameters stop being finite keeps
    the state before the step, and is DIVERGED.
    """
    rows = batch_rows(plan, data.train, member, 1)[0]
    after, measured = advance(recipe, plan, data, member, rows)
    running = member.status == RUNNING
    finite = all_finite((after.params, measured["loss"].total))
    member = select(running & finite, after, member)
    member = member._replace(status=jnp.where(running & ~finite, DIVERGED, member.status))
    return member, jax.tree.map(jnp.add, sums, measured)


def end_of_segment(
    recipe: Recipe, plan: Plan, data: Data, member: Member, sums: Sums
) -> tuple[Member, Row, Sums]:
    """The evaluation at the end of a segment; gives the row, and sums of zero for the next."""
    row = {f"train_{name}": divide(mean) for name, mean in sums.items()}
    task = recipe(member.hyper)
    params = task.scored(member.params, member.opt_state)
    if data.valid is not None:
        scored = score(task, plan, data.valid, params, member.fold)
        row |= {f"valid_{name}": divide(mean) for name, mean in scored.items()}
    member = select(member.status == RUNNING, judge(plan, row, member, params), member)
    return member, row, jax.tree.map(jnp.zeros_like, sums)


class Stepwise:
    """Compiled steps, called as `compile_chunk`'s function is: `stepwise(data, member, n)`."""

    def __init__(self, step: Any, end: Any, plan: Plan, names: list[str], zero: Callable[[], Sums]) -> None:
        self._step, self._end, self._plan, self._names, self._zero = step, end, plan, names, zero
        self.memory_analysis = step.memory_analysis

    def __call__(self, data: Data, member: Member, n: Any) -> tuple[Member, Row, Array]:
        """Up to `n` segments, fewer when the member stops; `member` is donated."""
        table = {name: np.zeros(min(self._plan.segments, CHUNK_ROWS), np.float32) for name in self._names}
        done, sums = 0, self._zero()
        while done < int(n) and int(member.status) == RUNNING:
            into = int(member.step) % self._plan.segment_steps  # not 0 after a remedy for a divergence
            for _ in range(self._plan.segment_steps - into):
                member, sums = self._step(data, member, sums)
                # One at a time: devices that wait for each other inside a program must not be given
                # more programs than their queues hold, or the one waits for a place that never comes.
                jax.block_until_ready(sums)
            member, row, sums = self._end(data, member, sums)
            for name, value in row.items():
                table[name][done] = value
            done += 1
        return member, {name: jnp.asarray(column) for name, column in table.items()}, jnp.int32(done)


def compile_steps(recipe: Recipe, plan: Plan, data: Data, member: Member) -> Stepwise:
    """Compiles a step and the end of a segment for the shapes of `data` and `member`."""
    _, shapes = jax.eval_shape(lambda d, m: _measured(recipe, plan, d, m), data, member)

    def zero() -> Sums:
        return place(plan, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))

    options = compiler_options(plan, member.params)

    def compiled(function: Callable) -> Any:
        run: Callable = lambda data, member, sums: function(recipe, plan, data, member, sums)
        if plan.layout == "batch":
            everyone = PartitionSpec()
            run = jax.shard_map(run, mesh=mesh(plan), in_specs=everyone, out_specs=everyone, check_vma=False)
        lowered = jax.jit(run, donate_argnums=(1, 2)).lower(data, member, zero())
        return lowered.compile(compiler_options=options)

    names = row_names(recipe(member.hyper), data)
    return Stepwise(compiled(one_step), compiled(end_of_segment), plan, names, zero)


def _measured(recipe: Recipe, plan: Plan, data: Data, member: Member) -> tuple[Member, Sums]:
    """A step on one device, for its shapes."""
    solo = dataclasses.replace(plan, layout="one", devices=1)
    return advance(recipe, solo, data, member, batch_rows(solo, data.train, member, 1)[0])
