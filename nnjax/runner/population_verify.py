"""`nnjax verify` of a population: the last stretch of its lanes, trained again, has to give the same bits.

Of a population that has ended that is the stretch from its last state, or the start, to the end, where
every member's parameters, rows and standing are compared. Of one that was interrupted it is the stretch
between its last two states, in the chunks that it was trained in, where the lanes are compared, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.population_members import MEMBERS, parameters_kept, read_members
from nnjax.runner.population_run import Trials, reopen_as_begun
from nnjax.runner.population_state import restored, states
from nnjax.runner.sameness import unequal_leaves
from nnjax.training.checkpoint import Checkpoint, Checkpoints, state_digest
from nnjax.training.fit_population import advance, run_to_end, segments_trained
from nnjax.training.population import State


def verify_population(folder: Path, described: dict[str, Any]) -> list[str]:
    """Checks everything that was saved of a population, trains a stretch again, and says what is equal.

    Returns:
        What differs, in words; empty where nothing does.

    Raises:
        ConfigError: There is nothing to check, or data or plan are not those of the run.
        DamagedError: A state, or what is kept of the members, is damaged.
    """
    trials = reopen_as_begun(folder, described)
    saved = every_state(trials, folder)
    if Checkpoints(folder / MEMBERS).steps():
        return verify_end(trials, folder, saved[-1] if saved else None)
    if not saved:
        raise ConfigError(f"{folder} has no state that could be trained to again")
    return verify_stretch(trials, folder, saved)


def every_state(trials: Trials, folder: Path) -> list[Checkpoint]:
    """All states of the lanes, oldest first. Raises DamagedError where one is not whole."""
    found = []
    with states(folder) as checkpoints:
        for step in checkpoints.steps():
            state = restored(trials.population, lambda like, step=step: checkpoints.restore(step, like))
            found += [] if state is None else [state]
    return found


def verify_end(trials: Trials, folder: Path, last: Checkpoint | None) -> list[str]:
    """Trains from the last state to the end, and compares all members."""
    population = trials.population
    kept = read_members(folder, population)
    state = population.start() if last is None else last.state
    done = segments_trained(population, state)
    again = run_to_end(population, state, trials.halving)[0].results
    if not parameters_kept(again):
        again = again._replace(params={})
    told = differing(again, kept)
    if not told:
        trained = segments_trained(population, population.start()._replace(results=again)) - done
        print(f"what {folder} keeps of its members is whole, and so is every state")
        print(f"trained again from {place(last)} to the end, {trained} segments: all members are equal")
        print(f"digest of the members: {state_digest(kept)}")
    return told


def verify_stretch(trials: Trials, folder: Path, saved: list[Checkpoint]) -> list[str]:
    """Trains from the state before the last, or from the start, to the last, and compares the two."""
    last = saved[-1]
    before, chunks = last.meta["before"], last.meta["chunks"]
    first = next((state for state in saved[:-1] if state.step == before), None)
    if first is None and before:
        raise ConfigError(f"{folder} does not have the state that its last one was trained from")
    state: State = trials.population.start() if first is None else first.state
    for n in chunks:
        state = advance(trials.population, state, np.array(n), trials.halving)
    told = differing(state, last.state)
    if not told:
        print(f"every state of {folder} is whole")
        print(f"trained again from {place(first)} to {place(last)}: lanes, queue and members are equal")
        print(f"digest of the state: {state_digest(last.state)}")
    return told


def differing(again: Any, kept: Any) -> list[str]:
    """In which leaves two trees of the same form differ, in words."""
    names = unequal_leaves(again, kept)
    return [f"{', '.join(names)} differ"] if names else []


def place(state: Checkpoint | None) -> str:
    """Where a state stands."""
    return "the start" if state is None else f"the state after {state.step} segments of all members together"
