"""The loop on the host: it calls the compiled program, and sees the training between its calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import DivergedError
from nnjax.training.divergence import divergence, stop
from nnjax.training.engine import CHUNK_ROWS, Row, compile_chunk, place, steps_per_epoch
from nnjax.training.member import DIVERGED, RUNNING, Data, Member, new_member
from nnjax.training.memory import allocations, check_fits
from nnjax.training.stepwise import compile_steps
from nnjax.types import Hyper, Plan, Recipe

CHUNK_SECONDS = 0.5  # about how long the host waits for one chunk: how soon Ctrl-C is noticed


class Chunk(NamedTuple):
    """What the host sees between two calls of the compiled program.

    Attributes:
        member: The training as it stands; its arrays are valid only until the next chunk.
        rows: The rows of this chunk's segments: {"step", "epoch", "train_loss", ...}.
        segments: How many segments are done, these included.
        plan: The plan.
        examples: Training examples seen in this chunk.
        seconds: Wall time of this chunk.
    """

    member: Member
    rows: list[dict[str, Any]]
    segments: int
    plan: Plan
    examples: int
    seconds: float


def start(recipe: Recipe, plan: Plan, seed: int = 0, hyper: Hyper | None = None, fold: int = 0) -> Member:
    """A training before its first step, on the devices of `plan`."""
    scalars = {name: np.float32(value) for name, value in (hyper or {}).items()}
    begin = jax.jit(lambda seed, hyper, fold: new_member(recipe, seed, hyper, fold))
    return place(plan, begin(np.uint32(seed), scalars, np.int32(fold)))


def train(
    recipe: Recipe,
    plan: Plan,
    data: Data,
    member: Member,
    on_chunk: Callable[[Chunk], Any] = lambda chunk: None,
    on_compiled: Callable[[float], Any] = lambda seconds: None,
    *,
    on_diverged: Callable[[DivergedError], Member] = stop,
    every: int | None = None,
    until: int | None = None,
) -> Member:
    """Trains one member to the end of its plan, or until it stops.

    Args:
        recipe: What is learned, as a function of the hyperparameters.
        plan: How (static).
        data: The parts, on the devices of the plan.
        member: Where to start: `start(...)`, or a restored one. It is donated.
        on_chunk: Called between chunks, on the host. What it takes does not change any result.
        on_compiled: Called once with the seconds that compiling took.
        on_diverged: What to go on with when the training diverged, see `Remedies`.
        every: A chunk ends at each multiple of so many segments, so that the state can be seen there.
        until: The segment to stop after; None goes on to the end.

    Returns:
        The member at the end.

    Raises:
        DivergedError: If the loss or the parameters stopped being finite; the message has the step
            and the cause, and the error's `member` the last good state.
        OutOfMemoryError: If it does not fit in memory.
    """
    done, ahead = int(member.step) // plan.segment_steps, 1
    until = plan.segments if until is None else until
    if int(member.status) != RUNNING or done >= until:
        return member
    compile_for = partial(compile_with, recipe, data, member)
    began = time.perf_counter()
    compiled = compile_for(plan)
    check_fits(compiled, plan, compile_for)
    on_compiled(time.perf_counter() - began)
    while int(member.status) == RUNNING and done < until:
        began = time.perf_counter()
        n = min(ahead, CHUNK_ROWS, until - done, every - done % every if every else CHUNK_ROWS)
        with allocations(compiled, plan, compile_for):
            member, table, count = jax.block_until_ready(compiled(data, member, jnp.int32(n)))
        seconds = time.perf_counter() - began
        diverged = int(member.status) == DIVERGED
        if diverged:  # the state is the last good one, and can be trained on
            member = member._replace(status=place(plan, jnp.int32(RUNNING)))
        filled = int(count) - diverged
        rows = rows_of(table, filled, done, plan, data.train.size)
        done += filled
        on_chunk(Chunk(member, rows, done, plan, examples_in(plan, data.train.size, filled, done), seconds))
        if diverged:
            member = place(plan, on_diverged(divergence(recipe, plan, data, member)))
            done = int(member.step) // plan.segment_steps
        ahead = max(1, round(CHUNK_SECONDS * n / seconds))
    return member


def compile_with(recipe: Recipe, data: Data, member: Member, plan: Plan) -> Callable:
    """The compiled program, with what varies last. The member may have been donated: its shapes suffice."""
    return (compile_chunk if plan.looped else compile_steps)(recipe, plan, data, member)


def rows_of(table: Row, filled: int, done: int, plan: Plan, size: int) -> list[dict[str, Any]]:
    """The first `filled` rows of a chunk's table, as Python numbers that read back exactly."""
    names = sorted(table, key=lambda name: (name.split("_")[0], not name.endswith("_loss")))
    columns = {name: np.asarray(table[name])[:filled] for name in names}
    rows = []
    for i in range(filled):
        step = (done + i + 1) * plan.segment_steps
        epoch = step / steps_per_epoch(size, plan.batch_size)
        position = {"step": step, "epoch": int(epoch) if epoch == int(epoch) else round(epoch, 4)}
        rows.append(position | {name: float(str(column[i])) for name, column in columns.items()})
    return rows


def examples_in(plan: Plan, size: int, segments: int, done: int) -> int:
    """How many training examples the last `segments` of `done` segments saw."""

    def seen(steps: int) -> int:
        epochs, batches = divmod(steps, steps_per_epoch(size, plan.batch_size))
        return epochs * size + batches * plan.batch_size

    return seen(done * plan.segment_steps) - seen((done - segments) * plan.segment_steps)
