"""A population while it trains: its state is saved now and then, and when somebody asks it to stop."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from nnjax.errors import ConfigError, InterruptedRun
from nnjax.runner.interrupts import stop_requests
from nnjax.runner.run_folder import JsonLines
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.fit_population import FittedPopulation, run_to_end
from nnjax.training.halving import Halving
from nnjax.training.member import RUNNING
from nnjax.training.population import Population, Results, State
from nnjax.training.progress import Progress
from nnjax.training.train import examples_in

UNDER_WAY = "population"  # the folder of the state of a population that has not ended
SAVE_SECONDS = 10.0  # how much work a crash may cost, in seconds of training ...
SAVE_SHARE = 10  # ... but saving takes at most a tenth of the time


def train_members(
    population: Population, state: State, halving: Halving | None, folder: Path
) -> FittedPopulation:
    """Trains until no member runs, and adds to timing.jsonl what it took.

    Raises:
        InterruptedRun: A signal ended it after it had saved.
    """
    already = state.results.step.copy()
    with stop_requests() as stop, Checkpoints(folder / UNDER_WAY, keep=2) as checkpoints:
        watch = Watch(folder, checkpoints, stop)
        with Progress() as shown:
            state, seconds = run_to_end(population, state, halving, shown, watch.on_chunk)
    plan, size = population.plan, population.data.train.size
    ends, begins = (steps // plan.segment_steps for steps in (state.results.step, already))
    examples = sum(
        examples_in(plan, size, int(end - begin), int(end)) for end, begin in zip(ends, begins, strict=True)
    )
    steps = int((state.results.step - already).sum())
    spent = {name: round(took, 6) for name, took in seconds.items()}
    JsonLines(folder / "timing.jsonl").add(
        {"event": "compile", "seconds": spent["compile"], "steps": 0, "examples": 0},
        {"event": "train", "seconds": spent["train"], "steps": steps, "examples": examples},
    )
    return FittedPopulation(population.recipe, plan, population.entrants, state.results, seconds)


class Watch:
    """What is done between the chunks of a population: it is saved, or it stops."""

    def __init__(self, folder: Path, checkpoints: Checkpoints, stop: Callable[[], bool]) -> None:
        self.folder, self.checkpoints, self.stop = folder, checkpoints, stop
        self._saved_at, self._took = time.perf_counter(), 0.0

    def on_chunk(self, population: Population, state: State) -> None:
        """Saves when it is time to, and stops if that was asked for.

        Raises:
            InterruptedRun: A signal came; the state has been saved.
        """
        if not population.runs(state).any():
            return
        if self.stop():
            self.save(population, state)
            self.checkpoints.wait()
            status = state.results.status
            ended = f"{(status != RUNNING).sum()} of {len(status)} members ended"
            raise InterruptedRun(f"stopped as asked, with {ended}; its state is in {self.folder}")
        if time.perf_counter() - self._saved_at >= max(SAVE_SECONDS, SAVE_SHARE * self._took):
            self.save(population, state)

    def save(self, population: Population, state: State) -> None:
        """Saves the state under the number of segments that all members together have trained."""
        began = time.perf_counter()
        self.checkpoints.save(int(state.results.step.sum()) // population.plan.segment_steps, state, {})
        self._saved_at = time.perf_counter()
        self._took = self._saved_at - began


def saved_state(population: Population, folder: Path) -> State:
    """The last state that was saved; the first one where none was.

    Raises:
        ConfigError: It is another population's.
        DamagedError: None that was saved is whole.
    """
    state = population.start()
    checkpoints = Checkpoints(folder / UNDER_WAY)
    while True:
        try:
            found = checkpoints.latest(state)
        except ConfigError:
            state = halved(state)  # the lanes may have been halved since
            if state is None:
                raise
            continue
        if found is None:
            return state
        return found.state._replace(results=in_order(population, found.state.results))


def in_order(population: Population, results: Results) -> Results:
    """Restored results as they were: what is restored has sorted names, and may not be written to."""
    results = jax.tree.map(np.array, results)
    return results._replace(history={name: results.history[name] for name in population.names})


def halved(state: State) -> State | None:
    """A state of the same form with half the lanes of each device; None where there is no half."""
    own = state.queue.ids.shape[1]
    if own % 2:
        return None
    ids = state.queue.ids[:, : own // 2]
    half = jax.tree.map(lambda leaf: jax.device_put(leaf[: leaf.shape[0] // 2], leaf.sharding), state.members)
    return State(half, state.queue._replace(ids=ids), state.results)


def forget_state(folder: Path) -> None:
    """Deletes the states of a population that has ended."""
    shutil.rmtree(folder / UNDER_WAY, ignore_errors=True)
