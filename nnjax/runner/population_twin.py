"""One member of a population trained again in lanes of the same program, where it has to give the same bits.

What stands in a lane does not depend on the others, so the member fills all lanes. Two for each device often
are enough (one alone is another program, whose products are summed in another order). For some shapes the
number of lanes decides on the order, too, and then as many lanes as the population had are the same program.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from nnjax.training.engine import CHUNK_ROWS
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import DIVERGED, Data
from nnjax.training.population import Entrants, Population, Results

FEW = 2  # lanes of each device


def equal_in_lanes(fitted: FittedPopulation, data: Data, i: int) -> bool:
    """Whether member `i`, trained again in lanes, is bit for bit what is known of it: its rows, its
    parameters where they were kept, its best score and where it ended."""
    plan = fitted.plan
    few = min(plan.lanes, FEW * plan.devices)
    widths = dict.fromkeys((few, plan.lanes))
    return any(same_bits(fitted.results, i, trained_in_lanes(fitted, data, i, lanes)) for lanes in widths)


def trained_in_lanes(fitted: FittedPopulation, data: Data, i: int, lanes: int) -> Results:
    """What becomes of member `i` in each of so many lanes, up to the segment in which it ended."""
    plan = dataclasses.replace(fitted.plan, lanes=lanes)
    seeds, folds, hyper = fitted.entrants.at(np.full(lanes, i))
    population = Population(fitted.recipe, plan, jax.device_get(data), Entrants(seeds, folds, hyper))
    goal = int(fitted.results.step[i]) // plan.segment_steps + (fitted.results.status[i] == DIVERGED)
    state, done = population.start(), 0
    while population.runs(state).any() and done < goal:
        n = min(goal - done, CHUNK_ROWS)
        state, done = population.advance(state, n), done + n
    if population.runs(state).any():  # halving stopped it
        state = population.stop(state, np.arange(lanes))
    return state.results


def same_bits(results: Results, i: int, twin: Results) -> bool:
    """Whether member `i` of `results` is the first of `twin`; parameters that were not kept do not count."""
    own = results._replace(computed=np.zeros(len(results.step)))
    other = twin._replace(computed=np.zeros(len(twin.step)))
    if not own.params:
        other = other._replace(params=own.params)

    def same(a: Any, b: Any) -> bool:
        return np.asarray(a[i]).tobytes() == np.asarray(b[0]).tobytes()

    return all(jax.tree.leaves(jax.tree.map(same, own, other)))
