"""Many trainings as one program: members wait in queues, lanes take the next as they come free.

Which member runs where, and when a lane is refilled, follows from the members alone and never from
a timing, so that a population ends the same however its chunks were cut.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.training import lanes
from nnjax.training.engine import CHUNK_ROWS, row_names
from nnjax.training.member import RUNNING, STOPPED, Data, Member, new_member
from nnjax.training.memory import allocations, argument_bytes, check_fits, check_lanes, too_many_lanes
from nnjax.training.queue import Queue, assign, due, enough, half, new_queue
from nnjax.types import Hyper, Params, Plan, Recipe


class Entrants(NamedTuple):
    """Who takes part: one entry for each of N members.

    Attributes:
        seeds: uint32 [N].
        folds: int32 [N].
        hyper: Name -> float32 [N].
    """

    seeds: np.ndarray
    folds: np.ndarray
    hyper: Hyper

    def at(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, Hyper]:
        """Seeds, folds and hyperparameters of some entrants (of entrant 0 for NOBODY)."""
        ids = np.maximum(ids.ravel(), 0)
        hyper = {name: np.asarray(values, np.float32)[ids] for name, values in self.hyper.items()}
        return self.seeds[ids], self.folds[ids], hyper


class Results(NamedTuple):
    """What is known of each of N members; arrays on the host, filled while the population runs.

    Attributes:
        params: Pytree of arrays [N, ...]: the best parameters where there is a validation part,
            else the last ones; zeros until the member ends.
        best_score: float32 [N], the monitored value at the best segment end, smaller is better.
        best_step: int32 [N], the step there.
        step: int32 [N], steps trained.
        status: int32 [N], see `nnjax.training.member`.
        history: Name -> float32 [N, segments], NaN where a member did not get to.
        computed: int64 [], member-segments that the devices computed, idle lanes included.
    """

    params: Any
    best_score: np.ndarray
    best_step: np.ndarray
    step: np.ndarray
    status: np.ndarray
    history: dict[str, np.ndarray]
    computed: np.ndarray


class State(NamedTuple):
    """A population under way: all that changes, and all that is saved.

    Attributes:
        members: Member [L, ...], on the devices; L = devices * lanes of each.
        queue: Who is in which lane, and who waits.
        results: What is known of all members.
    """

    members: Member
    queue: Queue
    results: Results


class Population:
    """The program of one population.

    Attributes:
        recipe: What is learned.
        plan: How; its layout is "lanes" (static).
        data: The parts, on the devices.
        entrants: Who takes part.
        side_by_side: Whether the lanes of a device run in step, see `nnjax.training.lanes`.
    """

    def __init__(
        self, recipe: Recipe, plan: Plan, data: Data, entrants: Entrants, side_by_side: bool | None = None
    ) -> None:
        self.recipe, self.plan, self.entrants = recipe, plan, entrants
        self.data = jax.device_put(data, lanes.everywhere(plan))
        self.full = plan.lanes // plan.devices
        _, _, one = entrants.at(np.zeros(1, int))
        hyper = {name: values[0] for name, values in one.items()}
        self.example = jax.eval_shape(lambda: new_member(recipe, jnp.uint32(0), hyper))
        self.names = row_names(recipe(hyper), data)
        tiny = not lanes.runs_side_by_side(plan, self.example)
        self.side_by_side = not tiny if side_by_side is None else side_by_side
        shared = lanes.shared_out(plan)
        self._fresh = jax.jit(lambda *who: lanes.fresh(recipe, *who), out_shardings=shared)
        refill = lambda members, *who: lanes.refill(recipe, members, *who)
        self._refill = jax.jit(refill, out_shardings=shared, donate_argnums=0)
        self._keep_half = jax.jit(lanes.take, out_shardings=shared)
        self._some = jax.jit(lambda members, places: jax.vmap(self._kept)(lanes.take(members, places)))
        self._compiled: dict[int, Callable] = {}

    def start(self) -> State:
        """The population before its first segment: the first entrants are in the lanes.

        Raises:
            OutOfMemoryError: The lanes do not fit in memory; it says how many would.
        """
        size = lambda tree: sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
        members = len(self.entrants.seeds)
        rows = len(self.names) * self.plan.segments * 4
        check_lanes(self.plan, size(self.example), members * (size(self.example.params) + rows))
        queue = new_queue(len(self.entrants.seeds), self.plan.devices, self.plan.lanes)
        queue, into = assign(queue, np.ones(queue.ids.shape, bool))
        members = self._fresh(*self.entrants.at(queue.ids), into.ravel())
        return State(members, queue, self.no_results())

    def advance(self, state: State, n: int | np.ndarray) -> State:
        """Up to `n` segments (one number, or one for each device) for every lane; then ended members
        leave, and others take their lanes.

        Raises:
            OutOfMemoryError: It does not fit in memory.
        """
        n = np.broadcast_to(np.asarray(n, np.int32), self.plan.devices)
        n = np.minimum(n, CHUNK_ROWS)
        compiled = self.compiled(state.members)
        plan = dataclasses.replace(self.plan, lanes=state.queue.ids.size)
        explain = too_many_lanes(argument_bytes(compiled, plan))
        with allocations(compiled, plan, self._compile_for, explain):
            members, table, given = compiled(self.data, state.members, n, enough(state.queue, self.full))
            jax.block_until_ready(members)
        self._note(state, members, table, np.asarray(given))
        return self._reorganise(state._replace(members=members))

    def stop(self, state: State, ids: np.ndarray) -> State:
        """Stops the entrants `ids`, as early stopping would."""
        losing = np.isin(state.queue.ids.ravel(), ids)
        status = jnp.where(losing, STOPPED, state.members.status)
        state.results.status[ids] = STOPPED
        members = state.members._replace(status=jax.device_put(status, lanes.shared_out(self.plan)))
        return self._reorganise(state._replace(members=members))

    def runs(self, state: State) -> np.ndarray:
        """Which lanes run, [D, own]."""
        running = np.asarray(state.members.status) == RUNNING
        return running.reshape(state.queue.ids.shape) & (state.queue.ids >= 0)

    def compiled(self, members: Member) -> Callable:
        """The program for as many lanes as `members` has, compiled once for each width.

        Raises:
            OutOfMemoryError: It does not fit in memory; it says how many lanes would.
        """
        width = len(members.status)
        if width not in self._compiled:
            plan = dataclasses.replace(self.plan, lanes=width)
            compiled = self._compile_for(plan)
            if not self._compiled:  # what has run with more lanes runs with fewer
                explain = too_many_lanes(argument_bytes(compiled, plan))
                check_fits(compiled, plan, self._compile_for, explain)
            self._compiled[width] = compiled
        return self._compiled[width]

    def _compile_for(self, plan: Plan) -> Callable:
        """The program for the lanes of `plan`."""
        shapes = lanes.shapes(plan, self.example)
        return lanes.compile_lanes(self.recipe, plan, self.data, shapes, self.side_by_side)

    def no_results(self) -> Results:
        """What is known before the first segment: nothing."""
        size = len(self.entrants.seeds)
        blank = lambda leaf: np.zeros((size, *leaf.shape), leaf.dtype)
        return Results(
            params=jax.tree.map(blank, self.example.params),
            best_score=np.full(size, np.inf, np.float32),
            best_step=np.zeros(size, np.int32),
            step=np.zeros(size, np.int32),
            status=np.full(size, RUNNING, np.int32),
            history={name: np.full((size, self.plan.segments), np.nan, np.float32) for name in self.names},
            computed=np.zeros((), np.int64),
        )

    def _note(self, state: State, members: Member, table: Any, given: np.ndarray) -> None:
        """Writes a chunk's rows and the members' standing into the results."""
        ids, results = state.queue.ids.ravel(), state.results
        occupied = np.flatnonzero(ids >= 0)
        first = results.step[ids] // self.plan.segment_steps
        last = np.asarray(members.step) // self.plan.segment_steps
        columns = {name: np.asarray(column) for name, column in table.items()}
        for lane in occupied[last[occupied] > first[occupied]]:
            span = slice(first[lane], last[lane])
            for name, column in columns.items():
                results.history[name][ids[lane], span] = column[lane, : last[lane] - first[lane]]
        for name in ("best_score", "best_step", "step", "status"):
            getattr(results, name)[ids[occupied]] = np.asarray(getattr(members, name))[occupied]
        results.computed[...] += given.sum(dtype=np.int64)

    def _reorganise(self, state: State) -> State:
        """Refills lanes that are due, or halves the lanes in the tail."""
        members, queue, results = state
        running = self.runs(state)
        free = due(queue, running, self.full) if self.side_by_side else ~running
        kept = half(queue, running, self.full) if self.side_by_side else None
        over = not running.any() and not queue.waiting.any()
        leaving = np.ones_like(running) if over or kept is not None else free
        self._keep_params(state, leaving & ~running & (queue.ids >= 0))
        if kept is not None and not over:
            own = queue.ids.shape[1]
            chosen = (kept + own * np.arange(self.plan.devices)[:, None]).ravel()
            ids = np.where(running, queue.ids, -1)
            queue = queue._replace(ids=np.take_along_axis(ids, kept, 1))
            return State(self._keep_half(members, chosen), queue, results)
        queue, into = assign(queue, free)
        if into.any():
            members = self._refill(members, *self.entrants.at(queue.ids), into.ravel())
        return State(members, queue, results)

    def _kept(self, member: Member) -> Params:
        """The parameters that a member which has ended leaves."""
        if self.data.valid is not None:
            return member.best_params
        return self.recipe(member.hyper).scored(member.params, member.opt_state)

    def _keep_params(self, state: State, leaving: np.ndarray) -> None:
        """Takes the parameters of members that leave their lanes to the host."""
        listed = np.flatnonzero(leaving.ravel())
        if not len(listed):
            return
        padded = np.resize(listed, 1 << (len(listed) - 1).bit_length())  # few shapes, few compilations
        taken = jax.device_get(self._some(state.members, padded))
        ids = state.queue.ids.ravel()[listed]

        def write(into: np.ndarray, values: np.ndarray) -> None:
            into[ids] = values[: len(ids)]

        jax.tree.map(write, state.results.params, taken)
