"""Trainings seen step by step: the parameters after every segment, of many trainings in one program.

`fit` keeps the last and the best parameters; a picture of a descent needs all of them. This is the
same engine (`nnjax.training.engine.segment`), with what lies between kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.data.checks import check_splits
from nnjax.errors import ConfigError
from nnjax.training.engine import segment
from nnjax.training.evaluate import part_of
from nnjax.training.member import Data, new_member
from nnjax.types import Params, Plan, Recipe, Splits


class Trajectories(NamedTuple):
    """P trainings of S segments.

    Attributes:
        params: The params as NumPy arrays [P, S + 1, ...]: the start, then those after each segment.
        rows: Name to float array [P, S]: "train_loss" and the metrics, before each step as in `fit`,
            and "valid_..." where there is a validation part.
        status: Int array [P]: FINISHED, STOPPED or DIVERGED. A training that has diverged
            stays where it last was finite.
    """

    params: Params
    rows: dict[str, np.ndarray]
    status: np.ndarray


def trajectories(
    recipe: Recipe,
    plan: Plan,
    splits: Splits,
    seeds: Sequence[int] = (0,),
    hyper: Mapping[str, Any] | None = None,
) -> Trajectories:
    """Trains P members side by side on one device, and keeps the parameters of every segment.

    Memory is P (S + 1) times the parameters: for small nets.

    Args:
        recipe: What is learned, as a function of the hyperparameters.
        plan: How (static); `segment_steps=1` keeps every step.
        splits: The parts; checked on the host first.
        seeds: One a member, or one for all.
        hyper: Name to P numbers, or to one number for all.

    Raises:
        ConfigError: If the numbers of seeds and of values do not fit together.

    >>> import optax
    >>> from nnjax import Dataset, Net, Task, per_example, squared_error
    >>> net = Net(lambda key: {"slope": jnp.zeros((1, 1))}, lambda p, x, **_: p["slope"] * x)
    >>> recipe = lambda h: Task(net, per_example(squared_error), optax.sgd(h["learning_rate"]))
    >>> one = Splits(Dataset(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32)))
    >>> plan = Plan(segments=2, segment_steps=1, batch_size=1, monitor="train_loss")
    >>> found = trajectories(recipe, plan, one, hyper={"learning_rate": [0.25, 0.5]})
    >>> found.params["slope"][..., 0, 0].tolist()
    [[0.0, 0.5, 0.75], [0.0, 1.0, 1.0]]
    """
    check_splits(splits)
    columns = {name: np.atleast_1d(np.asarray(value, np.float32)) for name, value in (hyper or {}).items()}
    lengths = {name: len(column) for name, column in {"seeds": np.asarray(seeds), **columns}.items()}
    count = max(lengths.values())
    if set(lengths.values()) - {1, count}:
        raise ConfigError(f"trajectories wants one value for all members, or one for each, got {lengths}")
    spread = lambda column: np.broadcast_to(column, count)
    valid = None if splits.valid is None else part_of(splits.valid)
    data = Data(part_of(splits.train), valid)

    def one(data: Data, seed: Any, hyper: Any) -> tuple[Params, dict[str, Any], Any]:
        member = new_member(recipe, seed, hyper)

        def body(member: Any, _: None) -> tuple[Any, tuple[Params, dict[str, Any]]]:
            after, row = segment(recipe, plan, data, member)
            return after, (after.params, dict(row))

        last, (params, rows) = jax.lax.scan(body, member, None, plan.segments)
        params = jax.tree.map(
            lambda first, later: jnp.concatenate([first[None], later]), member.params, params
        )
        return params, rows, last.status

    # One seed for all is one draw and one order of the data for all, which compiles in half the time.
    shared = len(seeds) == 1 and count > 1
    every = jax.jit(jax.vmap(one, in_axes=(None, None if shared else 0, 0)))
    keys = np.uint32(seeds[0]) if shared else spread(np.asarray(seeds, np.uint32))
    found = every(data, keys, {name: spread(column) for name, column in columns.items()})
    return Trajectories(*jax.tree.map(np.asarray, found))
