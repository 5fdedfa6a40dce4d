"""The loop on the host: one compilation, rows that say what happened, and honest ends."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Plan, Task, binary_cross_entropy, mlp, per_example, perceptron, perceptron_loss, tanh
from nnjax.errors import DivergedError
from nnjax.training import train as loop
from nnjax.training.engine import place
from nnjax.training.member import Data, Part
from nnjax.training.shuffle import shuffled
from nnjax.training.train import examples_in, rows_of, start, train

GATES = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR, AND = jnp.array([0, 1, 1, 0]), jnp.array([0, 0, 0, 1])
PLAN = Plan(segments=60, segment_steps=10, batch_size=4, monitor="train_loss")


def xor(hyper):
    return Task(mlp((2, 4, 1), tanh), per_example(binary_cross_entropy), optax.adam(hyper["learning_rate"]))


def trained(recipe, plan, data, hyper=None, seed=0):
    chunks = []
    member = train(recipe, plan, place(plan, data), start(recipe, plan, seed, hyper), chunks.append)
    return member, chunks


def test_one_compilation_however_many_chunks(monkeypatch):
    """With no patience at all the host asks for one segment at a time, and nothing compiles again."""
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.0)
    programs, chunks, at_first_chunk = [], [], []

    def compiled(event, seconds, **_):
        if event.endswith("backend_compile_duration"):
            programs.append(event)

    def seen(chunk):
        chunks.append(chunk.segments)
        at_first_chunk.append(len(programs))

    member = start(xor, PLAN, 0, {"learning_rate": 0.05})
    jnp.int32(0)  # making a number is a program, too, once a process
    jax.monitoring.register_event_duration_secs_listener(compiled)
    try:
        train(xor, PLAN, Data(Part(GATES, XOR)), member, seen)
    finally:
        jax.monitoring.unregister_event_duration_listener(compiled)
    assert chunks == list(range(1, 61))
    assert len(programs) == 1
    assert at_first_chunk[0] == 1


def test_chunks_do_not_change_results(monkeypatch):
    whole, chunks = trained(xor, PLAN, Data(Part(GATES, XOR)), {"learning_rate": 0.05})
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.0)
    cut, single = trained(xor, PLAN, Data(Part(GATES, XOR)), {"learning_rate": 0.05})
    jax.tree.map(np.testing.assert_array_equal, whole, cut)
    assert [row for chunk in chunks for row in chunk.rows] == [row for chunk in single for row in chunk.rows]


def test_xor_is_solved_by_a_hidden_layer():
    member, _ = trained(xor, PLAN, Data(Part(GATES, XOR)), {"learning_rate": 0.05})
    outputs = mlp((2, 4, 1), tanh).apply(member.params, GATES)[:, 0]
    np.testing.assert_array_equal(outputs > 0, XOR == 1)


def test_the_perceptron_rule_is_rosenblatts():
    """w <- w + (t - step(w x + b)) x, example by example, as a loop in NumPy does it."""

    def rule(hyper):
        return Task(perceptron(2), per_example(perceptron_loss), optax.sgd(1.0))

    plan = Plan(segments=8, segment_steps=4, batch_size=1, monitor="train_loss")
    member, _ = trained(rule, plan, Data(Part(GATES, AND)))
    w, b = np.zeros(2), 0.0
    for epoch in range(8):
        for row in np.asarray(shuffled(jnp.arange(4), 4, 0, epoch)):
            x, t = np.asarray(GATES[row]), float(AND[row])
            error = t - float(w @ x + b >= 0)
            w, b = w + error * x, b + error
    np.testing.assert_array_equal(member.params["layer_0"]["weights"][:, 0], w)
    np.testing.assert_array_equal(member.params["layer_0"]["bias"], [b])
    assert ((np.asarray(GATES) @ w + b >= 0) == np.asarray(AND)).all()


def test_rows_name_steps_and_epochs_and_read_back_exactly():
    values = jnp.array([0.1, 1 / 3, 7.0], jnp.float32)
    table = {"valid_loss": values, "train_accuracy": values, "train_loss": values}
    plan = Plan(segments=9, segment_steps=2, batch_size=4)
    rows = rows_of(table, 2, 3, plan, size=10)
    assert [row["step"] for row in rows] == [8, 10]
    assert [row["epoch"] for row in rows] == [2.6667, 3.3333]
    assert list(rows[0]) == ["step", "epoch", "train_loss", "train_accuracy", "valid_loss"]
    assert np.float32(rows[1]["train_loss"]) == values[1]


def test_examples_are_counted_with_their_partial_batches():
    plan = Plan(segments=9, segment_steps=3, batch_size=4)
    assert examples_in(plan, 10, segments=2, done=2) == 20
    assert examples_in(dataclasses.replace(plan, segment_steps=2), 10, segments=1, done=1) == 8
    assert examples_in(dataclasses.replace(plan, segment_steps=2), 10, segments=1, done=2) == 6


@pytest.mark.parametrize(("layout", "devices"), [("one", 1), ("batch", 2)])
def test_divergence_says_where_and_why(layout, devices):
    plan = dataclasses.replace(PLAN, layout=layout, devices=devices)

    def exploding(hyper):
        return xor(hyper)._replace(optimizer=optax.sgd(3e38))

    with pytest.raises(DivergedError, match=r"diverged at step \d+: .* is not finite.*step 0\.") as caught:
        trained(exploding, plan, Data(Part(GATES, XOR)), {"learning_rate": 0.0})
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(caught.value.member.params))
    assert caught.value.exit_code == 4


def test_a_finished_member_is_left_alone():
    member, _ = trained(xor, PLAN, Data(Part(GATES, XOR)), {"learning_rate": 0.05})
    kept = jax.device_get(member)
    again = train(xor, PLAN, Data(Part(GATES, XOR)), member)
    jax.tree.map(np.testing.assert_array_equal, kept, jax.device_get(again))
