"""A training with its examples in a fixed order, watched for a state that comes back.

With the order fixed, an epoch is a function from states to states and nothing else enters it. So a state
that is seen twice proves that the training goes round for ever from there: at rest (a period of one epoch
without a mistake) it has learned, otherwise it never will. The perceptron rule on data that no line
separates always comes to that, since its weights stay bounded and, on integer inputs, are integers.

Source: the perceptron cycling theorem, Minsky and Papert 1969, https://doi.org/10.7551/mitpress/11301.001.0001
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.data.checks import check_splits
from nnjax.errors import ConfigError
from nnjax.training.engine import advance, steps_per_epoch
from nnjax.training.evaluate import part_of
from nnjax.training.member import Data, Member, new_member
from nnjax.training.step import divide
from nnjax.types import Dataset, Params, Plan, Recipe, Splits


class Repeat(NamedTuple):
    """A state that was seen twice.

    Attributes:
        first: The epoch after which it was seen first.
        period: How many epochs later it was there again, and will be for ever.
    """

    first: int
    period: int


class Ordered(NamedTuple):
    """A training of E epochs with S steps each, in a fixed order.

    Attributes:
        params: The params as NumPy arrays [E S + 1, ...]: the start, then those after each step.
        rows: Name to float array [E]: "loss" and the metrics, of each example before its step.
        repeat: The first state that came back, or None where none did within E epochs.
    """

    params: Params
    rows: dict[str, np.ndarray]
    repeat: Repeat | None


def train_in_order(
    recipe: Recipe, dataset: Dataset, epochs: int, batch_size: int = 1, seed: int = 0
) -> Ordered:
    """Trains on the examples as they stand, the first one first in every epoch, and looks for a cycle.

    Every step is that of the engine (`nnjax.training.engine.advance`); only the order is not random.

    Args:
        recipe: What is learned; nothing in it may be random (dropout), or a state decides nothing.
        dataset: N examples.
        epochs: E, when to give up (static).
        batch_size: Examples a step (static).
        seed: Of the initial parameters.

    Raises:
        ConfigError: If a count is below 1.

    >>> import optax
    >>> from nnjax import Task, load, per_example, perceptron, perceptron_loss
    >>> rule = lambda hyper: Task(perceptron(2), per_example(perceptron_loss), optax.sgd(1.0))
    >>> train_in_order(rule, load("and"), epochs=20).repeat
    Repeat(first=5, period=1)
    """
    for name, count in (("epochs", epochs), ("batch_size", batch_size)):
        if count < 1:
            raise ConfigError(f"{name} wants an integer of at least 1, got {count}")
    check_splits(Splits(dataset))
    size = len(dataset)
    steps = steps_per_epoch(size, batch_size)
    plan = Plan(segments=epochs, segment_steps=steps, batch_size=batch_size, monitor="train_loss")
    positions = np.arange(steps * batch_size).reshape(steps, batch_size)
    rows = jnp.asarray(np.tile(np.where(positions < size, positions, -1), (epochs, 1)))

    def run(data: Data) -> tuple[Member, Any, dict[str, Any]]:
        def one(member: Member, row: Any) -> tuple[Member, Any]:
            after, measured = advance(recipe, plan, data, member, row)
            return after, ((after.params, after.opt_state), measured)

        start = new_member(recipe, jnp.uint32(seed), {})
        _, (states, measured) = jax.lax.scan(one, start, rows)
        by_epoch = jax.tree.map(lambda x: x.reshape(epochs, steps).sum(1), measured)
        return start, states, {name: divide(mean) for name, mean in by_epoch.items()}

    start, states, means = jax.tree.map(np.asarray, jax.jit(run)(Data(part_of(dataset))))
    states = jax.tree.map(
        lambda first, later: np.concatenate([first[None], later]), (start.params, start.opt_state), states
    )
    repeat = first_repeat(jax.tree.map(lambda leaf: leaf[::steps], states))
    return Ordered(states[0], means, repeat)


def first_repeat(states: Any) -> Repeat | None:
    """The first of S states that was there before, bit for bit.

    Args:
        states: Pytree of arrays [S, ...].

    >>> first_repeat({"weights": np.array([0.0, 1.0, 2.0, 1.0, 2.0])})
    Repeat(first=1, period=2)
    """
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(states)]
    seen: dict[bytes, int] = {}
    for index in range(len(leaves[0])):
        before = seen.setdefault(b"".join(leaf[index].tobytes() for leaf in leaves), index)
        if before < index:
            return Repeat(before, index - before)
    return None
