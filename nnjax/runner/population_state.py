"""A population while it trains: its state is saved now and then, and when somebody asks it to stop.

Where chunks end is a matter of time, and changes no result; but a state that is saved lies at the end of
a chunk. So with each goes how its chunks were cut since the state before, and it can be trained to again.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nnjax.errors import ConfigError, DivergedError, InterruptedRun
from nnjax.runner.run_folder import JsonLines
from nnjax.training.checkpoint import Checkpoint, Checkpoints
from nnjax.training.divergence import check_good
from nnjax.training.fit_population import FittedPopulation, run_to_end, segments_trained
from nnjax.training.halving import Halving
from nnjax.training.member import RUNNING
from nnjax.training.population import Population, Results, State
from nnjax.training.progress import Progress
from nnjax.training.train import examples_in

UNDER_WAY = "population"  # the folder of a population's states
SAVE_SECONDS = 10.0  # how much work a crash may cost, in seconds of training ...
SAVE_SHARE = 10  # ... but saving takes at most a tenth of the time
KEPT_BYTES = 2**29  # the most that the last state of a population that has ended may take on the disk
_log = logging.getLogger("nnjax")


def train_members(
    population: Population, state: State, halving: Halving | None, folder: Path, stop: Callable[[], bool]
) -> FittedPopulation:
    """Trains until no member runs, and adds to timing.jsonl what it took.

    Raises:
        InterruptedRun: `stop` said so; the state has been saved.
    """
    already = state.results.step.copy()
    with states(folder) as checkpoints:
        watch = Watch(folder, checkpoints, stop, segments_trained(population, state))
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


def states(folder: Path) -> Checkpoints:
    """The states of a population's run, each under the number of segments that all its members together
    had trained. With each goes {"before": the number of the state before, 0 for the start, "chunks": for
    each chunk since then the most segments of each device}.
    """
    return Checkpoints(folder / UNDER_WAY, keep=2)


class Watch:
    """What is done between the chunks of a population: it is saved, or it stops."""

    def __init__(
        self, folder: Path, checkpoints: Checkpoints, stop: Callable[[], bool], begun: int = 0
    ) -> None:
        self.folder, self.checkpoints, self.stop = folder, checkpoints, stop
        self._before, self._chunks = begun, []
        self._saved_at, self._took = time.perf_counter(), 0.0

    def on_chunk(self, population: Population, state: State, n: np.ndarray) -> None:
        """Saves when it is time to, and stops if that was asked for.

        Args:
            population: What trains.
            state: Its state after the chunk.
            n: The most segments that each device might train in it, [D].

        Raises:
            InterruptedRun: A signal came; the state has been saved.
        """
        self._chunks.append(n.tolist())
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
        """Saves the state, unless a member that runs is not finite: that one diverges in its next segment
        and stops, and until then the state that was saved before stays the last good one.
        """
        began = time.perf_counter()
        members = jax.device_get(state.members)
        running = population.runs(state).ravel()
        try:
            check_good(jax.tree.map(lambda leaf: leaf[running], members))
        except DivergedError as error:
            _log.warning("%s", error)
        else:
            meta = {"before": self._before, "chunks": self._chunks}
            self._before, self._chunks = segments_trained(population, state), []
            self.checkpoints.save(self._before, state._replace(members=members), meta)
        self._saved_at = time.perf_counter()
        self._took = self._saved_at - began


def saved_state(population: Population, folder: Path) -> State:
    """The last state that was saved and is whole; the first one where none was saved.

    Raises:
        ConfigError: It is another population's.
        DamagedError: None that was saved is whole.
    """
    with states(folder) as checkpoints:
        found = restored(population, checkpoints.latest)
    return population.start() if found is None else found.state


def restored(population: Population, read: Callable[[Any], Checkpoint | None]) -> Checkpoint | None:
    """A state that was saved, whatever its number of lanes; `read` wants a state of the same form.

    Raises:
        ConfigError: It is another population's.
    """
    like: State | None = population.start()
    error: ConfigError | None = None
    while like is not None:
        try:
            found = read(like)
        except ConfigError as refused:
            error = error or refused  # the first one says it in the lanes that the population began with
            like = halved(like)  # the lanes may have been halved since
            continue
        if found is None:
            return None
        state = found.state._replace(results=in_order(population, found.state.results))
        return found._replace(state=state)
    raise error or ConfigError("no state")


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


def forget_states(folder: Path) -> None:
    """Deletes the states of a population that has ended but the last, from which `nnjax verify` trains its
    end again; and that one, too, where it is large."""
    under_way = folder / UNDER_WAY
    kept = states(folder).steps()[-1:]
    for path in under_way.iterdir() if under_way.is_dir() else ():
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        if not (path.name == str(*kept) and size <= KEPT_BYTES):
            shutil.rmtree(path, ignore_errors=True)
    if under_way.is_dir() and not any(under_way.iterdir()):
        under_way.rmdir()
