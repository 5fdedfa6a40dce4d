"""The members of a population in its run folder, and one of them as a training of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError, DamagedError
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.comparison import kept_segments
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import Member, new_member
from nnjax.training.population import Population, Results
from nnjax.types import Plan

MEMBERS = "members"  # the folder of what is known of all members
MEMBERS_BYTES = 2**29  # of parameters; where all members have more, only the best one's are kept


def parameters_kept(results: Results) -> bool:
    """Whether the run folder keeps every member's parameters: a function of their size."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(results.params)) <= MEMBERS_BYTES


def keep_members(folder: Path, results: Results) -> None:
    """Saves what is known of all members, as a checkpoint with digests.

    Raises:
        StorageError: It cannot be written.
    """
    kept = results if parameters_kept(results) else results._replace(params={})
    with Checkpoints(folder / MEMBERS, keep=1, asynchronous=False) as checkpoints:
        checkpoints.save(int(results.step.max()), kept, {})


def read_members(folder: Path, population: Population) -> Results:
    """What `keep_members` saved; its `params` are {} where they were too large.

    Raises:
        ConfigError: Nothing was saved: the population has not ended.
        DamagedError: It is damaged.
    """
    like = population.no_results()
    like = like if parameters_kept(like) else like._replace(params={})
    found = Checkpoints(folder / MEMBERS).latest(like)
    if found is None:
        raise ConfigError(f"{folder} has no members yet: the population has not ended")
    results = found.state
    return results._replace(history={name: results.history[name] for name in population.names})


def read_ended(folder: Path, population: Population) -> FittedPopulation | None:
    """The population as it ended; None if it has not, or not all that is needed of it can be read."""
    try:
        results = read_members(folder, population)
    except (ConfigError, DamagedError):
        return None
    if not parameters_kept(population.no_results()):
        return None
    return FittedPopulation(population.recipe, population.plan, population.entrants, results, {})


def one_member(fitted: FittedPopulation, i: int) -> Member:
    """A member as a training of its own that has ended; its optimiser's state is that of the start.

    Both its parameters are the ones that were kept, and its best step is theirs: the last one where there
    is no validation part.
    """
    seeds, folds, hyper = fitted.entrants.at(np.array([i]))
    one = {name: jnp.asarray(values[0]) for name, values in hyper.items()}
    begun = new_member(fitted.recipe, jnp.asarray(seeds[0]), one, jnp.asarray(folds[0]))
    params, results = jax.tree.map(jnp.asarray, fitted.params(i)), fitted.results
    opt_state = fitted.recipe(one).optimizer.init(params)  # of which an average is the parameters themselves
    segment = int(kept_segments(fitted)[i])
    score = results.history[fitted.plan.monitor][i, segment] if segment >= 0 else np.float32(np.inf)
    return begun._replace(
        step=jnp.asarray(results.step[i]),
        params=params,
        opt_state=opt_state,
        best_params=params,
        best_score=jnp.asarray(-score if fitted.plan.maximize and segment >= 0 else score),
        best_step=jnp.int32((segment + 1) * fitted.plan.segment_steps),
        status=jnp.asarray(results.status[i]),
    )


def position(plan: Plan, size: int, segment: int) -> dict[str, Any]:
    """Where a segment ends: the step and the epoch, as every row of metrics has them."""
    step = (segment + 1) * plan.segment_steps
    epoch = step / steps_per_epoch(size, plan.batch_size)
    return {"step": step, "epoch": int(epoch) if epoch == int(epoch) else round(epoch, 4)}


def member_rows(fitted: FittedPopulation, i: int, size: int) -> list[dict[str, Any]]:
    """The rows of one member, as a training of its own would have them.

    Args:
        fitted: The population.
        i: Which member.
        size: Examples of the training part.
    """
    plan, history = fitted.plan, fitted.results.history
    rows = []
    for segment in range(int(fitted.results.step[i]) // plan.segment_steps):
        values = {name: float(str(column[i, segment])) for name, column in history.items()}
        rows.append(position(plan, size, segment) | values)
    return rows


def member_fitted(fitted: FittedPopulation, i: int, size: int) -> Fitted:
    """One member as `fit` would return it."""
    member = one_member(fitted, i)
    task = fitted.recipe(member.hyper)
    return Fitted(task, fitted.plan, member.params, member_rows(fitted, i, size), member, fitted.seconds)


def member_scores(fitted: FittedPopulation, i: int, size: int) -> dict[str, Any]:
    """The row of the segment whose parameters a member kept."""
    return member_rows(fitted, i, size)[int(kept_segments(fitted)[i])]
