"""A training in a fixed order: the engine's own steps, and a state that comes back is found."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest

from nnjax import Dataset, Task, accuracy, binary_cross_entropy, load, mlp, per_example, perceptron, step
from nnjax.errors import ConfigError, DataError
from nnjax.layers.initializers import uniform
from nnjax.training.cycle import Repeat, first_repeat, train_in_order
from nnjax.training.member import INIT, member_key
from nnjax.types import Batch


def task(optimizer: optax.GradientTransformation) -> Task:
    net = perceptron(2, uniform(1.0))
    return Task(
        net, per_example(binary_cross_entropy), optimizer, metrics={"accuracy": per_example(accuracy)}
    )


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_it_is_the_bare_step_on_the_examples_as_they_stand(batch_size: int) -> None:
    data, learned = load("or"), task(optax.sgd(0.5, momentum=0.9))
    got = train_in_order(lambda hyper: learned, data, epochs=3, batch_size=batch_size, seed=7)
    params = learned.net.init(member_key(np.uint32(7), INIT, 0))
    state, states = learned.optimizer.init(params), [params]
    for _ in range(3):
        for first in range(0, 4, batch_size):
            rows = np.arange(first, min(first + batch_size, 4))
            batch = Batch(data.inputs[rows], data.targets[rows], np.ones(len(rows), np.float32), rows)
            params, state, _ = step(learned, params, state, batch, jax.random.key(0))
            states.append(params)
    wanted = jax.tree.map(lambda *leaves: np.stack(leaves), *states)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), got.params, wanted)
    assert len(got.rows["loss"]) == 3


def test_the_optimisers_state_is_part_of_the_state() -> None:
    still = Dataset(np.zeros((1, 2), np.float32), np.array([0]))
    counting = optax.chain(optax.scale_by_schedule(lambda count: 0.0 * count))
    assert train_in_order(lambda hyper: task(counting), still, epochs=5).repeat is None
    assert train_in_order(lambda hyper: task(optax.sgd(0.0)), still, epochs=5).repeat == Repeat(0, 1)


def test_the_loss_of_an_epoch_is_the_mean_before_each_step() -> None:
    data = load("and")
    run = train_in_order(lambda hyper: task(optax.sgd(0.3)), data, epochs=2, batch_size=2)
    losses = []
    for index in range(4):
        layer = {name: leaf[index] for name, leaf in run.params["layer_0"].items()}
        z = data.inputs[2 * (index % 2) :][:2] @ layer["weights"][:, 0] + layer["bias"]
        t = data.targets[2 * (index % 2) :][:2]
        losses.append(np.mean(np.log1p(np.exp(z)) - z * t))
    np.testing.assert_allclose(run.rows["loss"], [np.mean(losses[:2]), np.mean(losses[2:])], rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "repeat"),
    [
        ([0, 1, 2, 3], None),
        ([5, 5], Repeat(0, 1)),
        ([0, 1, 2, 3, 1, 2], Repeat(1, 3)),
        ([0.0, -0.0, 0.0], Repeat(0, 2)),  # bit for bit: -0 is another state
    ],
)
def test_the_first_state_that_comes_back(values: list[float], repeat: Repeat | None) -> None:
    assert first_repeat({"a": np.array(values)[:, None], "b": np.zeros(len(values))}) == repeat


def test_what_it_refuses() -> None:
    learned = task(optax.sgd(1.0))
    with pytest.raises(ConfigError, match=r"^epochs wants an integer of at least 1, got 0$"):
        train_in_order(lambda hyper: learned, load("and"), epochs=0)
    with pytest.raises(ConfigError, match=r"^batch_size wants"):
        train_in_order(lambda hyper: learned, load("and"), epochs=1, batch_size=-1)
    bad = Dataset(np.array([[np.nan, 0]], np.float32), np.array([0]))
    with pytest.raises(DataError, match="row 0"):
        train_in_order(lambda hyper: learned, bad, epochs=1)


def test_a_net_of_several_layers_too() -> None:
    learned = Task(mlp((2, 3, 1)), per_example(binary_cross_entropy), optax.sgd(0.1))
    run = train_in_order(lambda hyper: learned, load("xor"), epochs=2)
    assert run.params["layer_0"]["weights"].shape == (9, 2, 3)
