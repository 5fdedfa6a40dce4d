"""`nnjax replay RUN --member 17`: one member of a population trained alone, and how far it agrees.

The two are not equal bit for bit: beside other members a product of matrices is summed in another order.
A difference is measured as |a - b| / max(1, |b|). While a training is predictable it stays small; in one
that is not any difference grows without bound, and the two have nothing in common although nothing is wrong.
So losses and parameters are compared in the segments in which copies, whose initial parameters differ by a
millionth, stay close to the training alone. What comes after is compared where it is exact: in lanes of the
population's own program, where the member has to give the same bits (`nnjax.runner.population_twin`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.configure import configure
from nnjax.runner.plots.populations import setting_text
from nnjax.runner.population_members import read_members
from nnjax.runner.population_run import Trials, reopen
from nnjax.runner.population_twin import equal_in_lanes
from nnjax.runner.predicting import print_table
from nnjax.training.comparison import kept_segments
from nnjax.training.engine import CHUNK_ROWS, place
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import DIVERGED, RUNNING, Data, Member
from nnjax.training.train import compile_with, start
from nnjax.types import Params, Plan

TOLERANCE = 1e-3
COPIES = 4  # how many copies show how far a training is predictable
NUDGE = 1e-6  # how much the initial parameters of a copy differ, relative to each
CLOSE = 1 / 30  # of the tolerance: the most that copies differ in a segment that is predictable


class Course(NamedTuple):
    """One training from its start.

    Attributes:
        rows: Name -> [S], one entry a segment.
        kept: The parameters at the segment whose parameters the member kept; None if it kept none.
        status: How it ended.
    """

    rows: dict[str, np.ndarray]
    kept: Params | None
    status: int


class Agreement(NamedTuple):
    """How far a member agrees with its training alone.

    Attributes:
        rows: Name -> the difference at every segment that both have, [S].
        params: The largest difference of a parameter; None where there are none to compare.
        segments: How many segments the member trained.
        compared: How many of them, from the first, can be compared.
        parted: The first of those, from 1, with a difference above the tolerance; None if there is none.
        exact: Whether it is equal bit for bit in lanes of its population's program.
    """

    rows: dict[str, np.ndarray]
    params: float | None
    segments: int
    compared: int
    parted: int | None
    exact: bool

    @property
    def agrees(self) -> bool:
        """Whether nothing that can be compared differs, and that is all that there is."""
        return self.parted is None and (self.exact or self.compared >= self.segments)


def replay_member(folder: Path, member: int, tolerance: float = TOLERANCE) -> bool:
    """Trains a member of a population's run alone, prints the largest differences, and says if it agrees.

    Raises:
        ConfigError: It is no population's run, has not ended, or has no such member.
        DamagedError: What was saved of its members is damaged.
    """
    configure()
    trials = reopen(folder)
    count = len(trials.population.entrants.seeds)
    if not 0 <= member < count:
        raise ConfigError(f"--member wants one of 0 to {count - 1}, got {member}")
    if tolerance <= 0:
        raise ConfigError(f"--tolerance wants a number above 0, got {tolerance:g}")
    population = trials.population
    results = read_members(folder, population)
    fitted = FittedPopulation(population.recipe, population.plan, population.entrants, results, {})
    found = agreement(fitted, population.data, member, tolerance)
    print(
        f"{trials.experiment.name}, {described(trials, member)}: trained alone for {found.segments} segments"
    )
    largest = {
        name: (f"{values.max():.1e}", str(values.argmax() + 1))
        for name, values in found.rows.items()
        if values.size
    }
    if found.params is not None:
        largest["parameters"] = (f"{found.params:.1e}", str(int(kept_segments(fitted)[member]) + 1))
    print_table(("", "largest difference", "at segment"), [[name, *text] for name, text in largest.items()])
    print(verdict(found, tolerance))
    return found.agrees


def described(trials: Trials, member: int) -> str:
    """Which member it is."""
    entrants = trials.population.entrants
    values = {name: float(entrants.hyper[name][member]) for name in trials.swept}
    setting = f"{setting_text(values)}, " if values else ""
    fold = f", fold {entrants.folds[member]}" if trials.asked.folds else ""
    return f"member {member} ({setting}seed {entrants.seeds[member]}{fold})"


def agreement(fitted: FittedPopulation, data: Data, i: int, tolerance: float = TOLERANCE) -> Agreement:
    """Trains member `i` of a population alone, and again in lanes, and compares."""
    results, steps = fitted.results, fitted.plan.segment_steps
    segments, kept = int(results.step[i]) // steps, int(kept_segments(fitted)[i]) + 1
    goal = segments + (results.status[i] == DIVERGED)
    alone = trained_alone(fitted, data, i, kept, goal)
    course = alone(0.0, 0)
    member = {name: values[i, :segments] for name, values in results.history.items()}
    ended = (results.status[i] == DIVERGED) == (course.status == DIVERGED)
    rows = {name: relative(member[name], course.rows[name]) for name in member}
    comparable = bool(results.params) and course.kept is not None
    params = params_difference(fitted.params(i), course.kept) if comparable else None
    limit = np.full(segments + 1, tolerance)
    parted, compared = first_above(rows, params, kept, limit, ended), segments
    if parted is not None:
        grown = [growth(alone(NUDGE, copy), course, kept, segments + 1) for copy in range(COPIES)]
        predictable = np.max(grown, axis=0) <= tolerance * CLOSE
        parted = first_above(rows, params, kept, np.where(predictable, tolerance, np.inf), ended)
        compared = int(predictable[:segments].sum())  # differences up to a segment never fall: the first ones
    return Agreement(rows, params, segments, compared, parted, equal_in_lanes(fitted, data, i))


def growth(copy: Course, course: Course, kept: int, segments: int) -> np.ndarray:
    """The largest difference of a copy up to each segment, [segments]; infinite where one has ended."""
    grown = np.full(segments, np.inf)
    differences = [relative(values, course.rows[name]) for name, values in judged(copy.rows).items()]
    both = len(differences[0])
    grown[:both] = np.max(differences, axis=0)
    if copy.status == course.status and both >= segments - 1:
        grown[both:] = grown[:both].max(initial=0.0)
    if copy.kept is not None and course.kept is not None and kept:
        grown[kept - 1] = max(grown[kept - 1], params_difference(copy.kept, course.kept))
    return np.maximum.accumulate(grown)


def first_above(
    rows: Mapping[str, np.ndarray], params: float | None, kept: int, limit: np.ndarray, ended: bool
) -> int | None:
    """The first segment, from 1, with a difference above its limit [S + 1], or that only one of the two has.

    Args:
        rows: Name -> differences of the segments that both have; the losses among them count.
        params: The largest difference of a parameter, or None.
        kept: The segment of the parameters, from 1.
        limit: For each segment, and for the end.
        ended: Whether both ended in the same way.
    """
    losses = judged(rows).values()
    both = min(len(values) for values in losses)
    above = [np.flatnonzero(~(values <= limit[:both])) for values in losses]
    firsts = [int(found[0]) + 1 for found in above if found.size]
    firsts += [kept] if params is not None and not params <= limit[kept - 1] else []
    short = both < len(limit) - 1 or not ended
    firsts += [both + 1] if short and np.isfinite(limit[min(both, len(limit) - 1)]) else []
    return min(firsts, default=None)


def judged(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The losses. A metric may jump by a whole example, whatever the difference that decides it."""
    return {name: values for name, values in rows.items() if name.endswith("_loss")}


def trained_alone(
    fitted: FittedPopulation, data: Data, i: int, kept: int, goal: int
) -> Callable[[float, int], Course]:
    """`run(nudge, copy)`: member `i` alone on one device up to segment `goal`, compiled once.

    It stops at no earlier one, since two equal scores that differ by a rounding may decide on that.
    """
    plan = dataclasses.replace(fitted.plan, layout="one", devices=1, lanes=1, patience=None)
    seeds, folds, hyper = fitted.entrants.at(np.array([i]))
    values = {name: float(value[0]) for name, value in hyper.items()}
    data = place(plan, jax.device_get(data))
    begun = jax.device_get(start(fitted.recipe, plan, int(seeds[0]), values, int(folds[0])))
    compiled = compile_with(fitted.recipe, data, place(plan, begun), plan)
    scored = fitted.recipe(begun.hyper).scored

    def run(nudge: float, copy: int) -> Course:
        member, tables, params = place(plan, nudged(begun, nudge, copy)), [], None
        for end in (kept, goal):
            member, more = advanced(compiled, plan, data, member, end)
            tables += more
            params = jax.device_get(scored(member.params, member.opt_state)) if end == kept > 0 else params
        rows = {name: np.concatenate([table[name] for table in tables]) for name in fitted.results.history}
        return Course(rows, params, int(member.status))

    return run


def advanced(
    compiled: Callable[..., Any], plan: Plan, data: Data, member: Member, end: int
) -> tuple[Member, list[dict[str, np.ndarray]]]:
    """The member at segment `end`, or where it stops before; and the rows on the way."""
    tables: list[dict[str, np.ndarray]] = []
    done = int(member.step) // plan.segment_steps
    while done < end and int(member.status) == RUNNING:
        member, table, count = compiled(data, member, jnp.int32(min(end - done, CHUNK_ROWS)))
        filled = int(count) - (int(member.status) == DIVERGED)
        tables.append({name: np.asarray(values)[:filled] for name, values in table.items()})
        done += filled
    return member, tables


def nudged(member: Member, nudge: float, copy: int) -> Member:
    """The member with every parameter multiplied by 1 + nudge or 1 - nudge."""
    if not nudge:
        return member
    generator = np.random.default_rng(copy)

    def moved(leaf: Any) -> Any:
        return leaf * (1 + nudge * generator.choice([-1.0, 1.0], leaf.shape)).astype(leaf.dtype)

    return member._replace(params=jax.tree.map(moved, member.params))


def relative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| / max(1, |b|) over the segments that both have; two numbers that are not finite are equal."""
    both = min(len(a), len(b))
    a, b = np.asarray(a[:both], np.float64), np.asarray(b[:both], np.float64)
    odd = ~np.isfinite(a) & ~np.isfinite(b)
    return np.where(odd, 0.0, np.abs(a - b) / np.maximum(1, np.abs(b)))


def params_difference(a: Params, b: Params) -> float:
    """The largest |a - b| of any parameter, divided by its leaf's largest |b| where that is above 1."""
    each = jax.tree.map(lambda x, y: float(np.abs(x - y).max() / max(1.0, np.abs(y).max())), a, b)
    return max(jax.tree.leaves(each))


def verdict(found: Agreement, tolerance: float) -> str:
    """The result in a few sentences."""
    within = f"losses and parameters are within {tolerance:g}"
    if found.parted is not None:
        return (
            f"It DIFFERS: in segment {found.parted} a loss or a parameter differs by more than {tolerance:g}."
        )
    lanes = "in lanes of its population's program it is"
    bits = f"{lanes} equal bit for bit"
    if found.compared >= found.segments:
        return f"It agrees: {within}{f', and {bits}' if found.exact else ''}."
    alone = f"alone, {within} in the first {found.compared} of {found.segments} segments; from then on "
    alone += "a millionth on its initial parameters changes too much for them to be compared"
    if found.exact:
        return f"It agrees: {bits}; {alone}."
    return f"It CANNOT BE TOLD: {lanes} not equal bit for bit; {alone}."
