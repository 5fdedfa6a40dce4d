"""Successive halving: many settings begin, and at each rung only the better part goes on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nnjax.errors import ConfigError
from nnjax.training.population import Population, State


class Halving(NamedTuple):
    """When members are compared, and how many go on.

    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization" (2016), https://arxiv.org/abs/1502.07943.

    Attributes:
        rungs: The segments after which members are compared, ascending.
        keep: The share that goes on at each rung, in (0, 1); at least one does.
    """

    rungs: tuple[int, ...]
    keep: float = 1 / 3


def check_halving(halving: Halving, population: Population) -> None:
    """Raises ConfigError where the rungs do not fit the plan, or not all members fit in the lanes."""
    rungs, segments = halving.rungs, population.plan.segments
    if list(rungs) != sorted(set(rungs)) or not all(0 < rung < segments for rung in rungs):
        raise ConfigError(f"halving wants ascending rungs between 1 and {segments - 1} segments, got {rungs}")
    if not 0 < halving.keep < 1:
        raise ConfigError(f"halving wants a share to keep between 0 and 1, got {halving.keep}")
    entrants, places = len(population.entrants.seeds), population.plan.lanes
    if entrants > places:
        raise ConfigError(
            f"halving compares members in step, so it wants a lane for each of {entrants}, got {places} lanes"
        )


def ahead(halving: Halving, population: Population, state: State) -> np.ndarray:
    """How many segments each device may run before the next rung (or the end), [D]."""
    done = segments_done(population, state)
    limits = np.array([*halving.rungs, population.plan.segments])
    goal = limits[np.searchsorted(limits, done.min(), side="right")] if done.size else limits[-1]
    reached = np.where(population.runs(state), state_segments(population, state), goal).min(1)
    return np.maximum(goal - reached, 0)


def cull(halving: Halving, population: Population, state: State) -> State:
    """At a rung that every running member has reached, the worse ones stop."""
    done = segments_done(population, state)
    if not done.size or done.min() != done.max() or int(done.min()) not in halving.rungs:
        return state
    ids = state.queue.ids[population.runs(state)]
    order = ids[np.lexsort((ids, state.results.best_score[ids]))]
    return population.stop(state, order[max(1, math.ceil(len(ids) * halving.keep)) :])


def state_segments(population: Population, state: State) -> np.ndarray:
    """The segments done in each lane, [D, own]."""
    steps = np.asarray(state.members.step).reshape(state.queue.ids.shape)
    return steps // population.plan.segment_steps


def segments_done(population: Population, state: State) -> np.ndarray:
    """The segments done by each running member, [R]."""
    return state_segments(population, state)[population.runs(state)]
