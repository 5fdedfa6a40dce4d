"""`fit_population`: one training for every seed and every setting, in one compiled program."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.data.checks import check_splits
from nnjax.data.splits import k_folds
from nnjax.errors import ConfigError
from nnjax.training.buckets import by_length, lengths_of
from nnjax.training.engine import CHUNK_ROWS, row_names, score
from nnjax.training.evaluate import ALONE, part_of
from nnjax.training.fit import as_splits, plan_for, with_buckets
from nnjax.training.halving import Halving, ahead, check_halving, cull
from nnjax.training.member import RUNNING, Data
from nnjax.training.population import Entrants, Population, Results, State
from nnjax.training.progress import Progress
from nnjax.training.step import divide
from nnjax.training.sweep import cross
from nnjax.training.train import CHUNK_SECONDS
from nnjax.types import Dataset, Params, Plan, Recipe, Splits

LANE_BYTES = 2**30  # of parameters, optimiser state and best parameters on the devices at once
MOST_LANES = 512  # of one device


class FittedPopulation(NamedTuple):
    """A population that has ended.

    Attributes:
        recipe: What was learned, as a function of the hyperparameters.
        plan: How.
        entrants: Who took part: seeds [N], folds [N] and hyperparameters {name: [N]}.
        results: What is known of each member.
        seconds: Wall time: {"compile": ..., "train": ...}.
    """

    recipe: Recipe
    plan: Plan
    entrants: Entrants
    results: Results
    seconds: dict[str, float]

    def params(self, member: int) -> Params:
        """The parameters of one member."""
        return jax.tree.map(lambda leaf: leaf[member], self.results.params)

    def at_best(self, name: str) -> np.ndarray:
        """A row entry (such as "valid_accuracy") of every member at its best segment end, [N].

        NaN for a member that diverged in its first segment.
        """
        if name not in self.results.history:
            raise ConfigError(f"name wants one of {', '.join(self.results.history)}, got {name!r}")
        segment = self.results.best_step // self.plan.segment_steps - 1
        values = np.take_along_axis(self.results.history[name], np.maximum(segment, 0)[:, None], 1)[:, 0]
        return np.where(segment >= 0, values, np.nan)

    def evaluate(self, dataset: Dataset) -> dict[str, np.ndarray]:
        """The mean loss and metrics of every member over `dataset`, each [N]."""
        part = jax.device_put(part_of(dataset))

        def scored(params: Params, hyper: Mapping[str, Any]) -> dict[str, Any]:
            means = score(self.recipe(hyper), ALONE, part, params, jnp.int32(0))
            return {name: divide(mean) for name, mean in means.items()}

        every = jax.jit(lambda params, hyper: jax.lax.map(lambda one: scored(*one), (params, hyper)))
        hyper = {name: np.asarray(values, np.float32) for name, values in self.entrants.hyper.items()}
        return jax.device_get(every(self.results.params, hyper))


def fit_population(
    recipe: Recipe,
    data: Splits | Dataset | tuple[Any, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] = 8,
    folds: int | None = None,
    epochs: int = 20,
    batch_size: int = 32,
    patience: int | None = None,
    min_delta: float = 0.0,
    monitor: str | None = None,
    lanes: int | None = None,
    halving: Halving | None = None,
    progress: bool = True,
) -> FittedPopulation:
    """Trains one member for every setting, seed and fold.

    Args:
        recipe: `recipe(hyper) -> Task`, called inside the trace with one member's hyperparameters.
        data: Splits, a Dataset or a pair (inputs, targets).
        settings: Name -> [S] values, from `grid(...)`, `sample(...)` or arrays of one length S.
        seeds: How many (0, 1, ...), or which.
        folds: k of k-fold cross-validation over the training part, which then is also what each
            fold validates on; None validates on the validation part.
        epochs: Passes over the training part.
        batch_size: Examples a step.
        patience: Epochs without improvement before a member stops; None trains to the end.
        min_delta: How much the monitored value must improve to count.
        monitor: Row entry that decides what is best, as in `fit`.
        lanes: How many members are on the devices at once; None chooses by their size.
        halving: Stops the worse members at rungs.
        progress: Whether to show it on standard error.

    Returns:
        Every member's parameters and history. Members are ordered by setting, then seed, then fold.

    Raises:
        ConfigError: If an argument is out of range.
        DataError: If the data cannot be trained on.
    """
    splits = as_splits(data)
    check_splits(splits)
    listed = range(seeds) if isinstance(seeds, int) else seeds
    if not len(listed):
        raise ConfigError("seeds wants at least one, got none")
    hyper, each_seed, each_fold = cross(settings or {}, listed, folds or 1)
    entrants = Entrants(each_seed, each_fold, hyper)
    sources = folded(splits.train, folds) if folds else unfolded(splits)
    plan = plan_for(splits, epochs, batch_size, patience, min_delta, monitor or default_monitor(sources))
    plan = dataclasses.replace(plan, segment_steps=-(-sources.train.size // plan.batch_size))
    return fit_entrants(recipe, plan, sources, entrants, lanes, halving, progress)


def fit_entrants(
    recipe: Recipe,
    plan: Plan,
    data: Data,
    entrants: Entrants,
    lanes: int | None = None,
    halving: Halving | None = None,
    progress: bool = True,
    on_chunk: Callable[[Population, State, np.ndarray], Any] = lambda population, state, n: None,
) -> FittedPopulation:
    """Trains the members that `entrants` lists; `fit_population` and the runner come through here."""
    plan = with_buckets(with_lanes(recipe, plan, entrants, lanes), data.train)
    known = row_names(recipe(entrants.at(np.zeros(1, int))[2]), data)
    if plan.monitor not in known:
        raise ConfigError(f"monitor wants one of {', '.join(known)}, got {plan.monitor!r}")
    population = Population(recipe, plan, data, entrants)
    if halving is not None:
        check_halving(halving, population)
    with Progress() if progress else contextlib.nullcontext() as shown:
        state, seconds = run_to_end(population, population.start(), halving, shown, on_chunk)
    return FittedPopulation(recipe, plan, entrants, state.results, seconds)


def run_to_end(
    population: Population,
    state: State,
    halving: Halving | None = None,
    shown: Progress | None = None,
    on_chunk: Callable[[Population, State, np.ndarray], Any] = lambda population, state, n: None,
) -> tuple[State, dict[str, float]]:
    """The loop on the host: chunks of about half a second until no member runs.

    `on_chunk` is called after each with the most segments that each device might train in it, [D].
    """
    seconds, pace, plan = {"compile": 0.0, "train": 0.0}, 1, population.plan
    total = len(population.entrants.seeds) * plan.segments
    while population.runs(state).any():
        began = time.perf_counter()
        population.compiled(state.members)
        compiled = time.perf_counter()
        done = segments_trained(population, state)
        n = np.full(plan.devices, pace)
        if halving is not None:
            n = np.minimum(n, ahead(halving, population, state))
        state = advance(population, state, n, halving)
        spent = time.perf_counter() - compiled
        seconds["compile"] += compiled - began
        seconds["train"] += spent
        # A chunk also ends when members do, however long it might have been: so the pace has a bound.
        pace = int(np.clip(CHUNK_SECONDS * int(n.max()) / spent, 1, CHUNK_ROWS))
        if shown is not None:
            now = segments_trained(population, state)
            examples = (now - done) * plan.segment_steps * plan.batch_size
            shown(standing(plan, state.results), now, total, examples, spent)
        on_chunk(population, state, n)
    return state, seconds


def advance(population: Population, state: State, n: np.ndarray, halving: Halving | None) -> State:
    """One chunk of at most n segments [D], and the rung that it ends at, if it does."""
    state = population.advance(state, n)
    return state if halving is None else cull(halving, population, state)


def segments_trained(population: Population, state: State) -> int:
    """The segments that all members together have trained."""
    return int(state.results.step.sum()) // population.plan.segment_steps


def standing(plan: Plan, results: Results) -> dict[str, Any]:
    """How far the population is, and its best member so far, for the progress line."""
    ended = int((results.status != RUNNING).sum())
    best = results.best_score.min() * (-1 if plan.maximize else 1)
    row = {"place": f"{ended} of {len(results.step)} members ended"}
    return row | ({f"best_{plan.monitor}": float(best)} if np.isfinite(best) else {})


def unfolded(splits: Splits) -> Data:
    """The parts as they are."""
    return Data(part_of(splits.train), None if splits.valid is None else part_of(splits.valid))


def folded(dataset: Dataset, folds: int) -> Data:
    """The same examples as both parts; a fold chooses its rows."""
    pairs = k_folds(dataset, folds)

    lengths = lengths_of(dataset.inputs)

    def padded(lists: list[np.ndarray]) -> np.ndarray:
        longest = max(len(rows) for rows in lists)
        equal = [np.pad(rows, (0, longest - len(rows)), constant_values=-1) for rows in lists]
        return np.array(equal if lengths is None else [by_length(rows, lengths) for rows in equal], np.int32)

    part = part_of(dataset)
    train, valid = padded([train for train, _ in pairs]), padded([valid for _, valid in pairs])
    return Data(part._replace(rows=train), part._replace(rows=valid))


def default_monitor(data: Data) -> str:
    """What decides the best parameters where nobody says."""
    return "train_loss" if data.valid is None else "valid_loss"


def with_lanes(recipe: Recipe, plan: Plan, entrants: Entrants, lanes: int | None) -> Plan:
    """The plan with its lanes: as asked, or as many as LANE_BYTES hold; equally many on each device."""
    devices = min(jax.local_device_count(), len(entrants.seeds))
    if lanes is None:
        hyper = {name: np.float32(0) for name in entrants.hyper}
        params = jax.eval_shape(lambda: recipe(hyper).net.init(jax.random.key(0)))
        member_bytes = 4 * sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
        lanes = int(np.clip(LANE_BYTES // max(member_bytes, 1), devices, devices * MOST_LANES))
    if lanes < 1:
        raise ConfigError(f"lanes wants an integer of at least 1, got {lanes}")
    own = -(-min(lanes, len(entrants.seeds)) // devices)
    return dataclasses.replace(plan, layout="lanes", devices=devices, lanes=own * devices)
