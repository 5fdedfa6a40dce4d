"""The compiled training against a plain loop, and the laws that its state obeys."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Batch, Mean, Plan, Task, accuracy, cross_entropy, mlp, per_example, step
from nnjax.training.engine import (
    batch_rows,
    chunk,
    compile_chunk,
    compiler_options,
    place,
    score,
    segment,
    steps_per_epoch,
)
from nnjax.training.member import DIVERGED, NOISE, RUNNING, STOPPED, Data, Part, member_key, new_member
from nnjax.training.shuffle import shuffled
from nnjax.training.train import start

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(10, 3)).astype(np.float32)
TARGETS = (INPUTS[:, 0] > 0).astype(np.int32)
PART = Part(jnp.asarray(INPUTS), jnp.asarray(TARGETS))
PLAN = Plan(segments=4, segment_steps=3, batch_size=4, monitor="train_loss")  # 3 batches: 4, 4 and 2


def recipe(hyper, net=None):
    metrics = {"accuracy": per_example(accuracy)}
    return Task(net or mlp((3, 4, 2)), per_example(cross_entropy), optax.sgd(0.1), metrics=metrics)


def run(plan=PLAN, data=None, recipe=recipe, segments=4, seed=0):
    data = place(plan, data or Data(PART))
    member = start(recipe, plan, seed)
    return compile_chunk(recipe, plan, data, member)(data, member, jnp.int32(segments))


def test_equals_a_plain_loop_over_the_same_batches():
    """Two epochs, last partial batches included, written as anybody would write them."""
    member, table, count = run(segments=2)
    task = recipe({})
    params = task.net.init(member_key(jnp.uint32(0), 0, 0))
    state = task.optimizer.init(params)
    losses = []
    for epoch in range(2):
        order = np.asarray(shuffled(jnp.arange(10), 10, 0, epoch))
        for first in (0, 4, 8):
            rows = order[first : first + 4]
            batch = Batch(PART.inputs[rows], PART.targets[rows], jnp.ones(len(rows)), jnp.asarray(rows))
            params, state, measured = step(task, params, state, batch, jax.random.key(0))
            losses.append(float(measured["loss"].total))
    chex.assert_trees_all_close(member.params, params, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table["train_loss"][:2], np.array(losses).reshape(2, 3).sum(1) / 10, rtol=1e-5)
    assert int(count) == 2
    assert int(member.step) == 6


def test_every_epoch_visits_every_example_once():
    member = start(recipe, PLAN)
    rows = np.asarray(batch_rows(PLAN, PART, member, 6)).reshape(2, 12)
    for epoch in rows:
        np.testing.assert_array_equal(np.sort(epoch), np.r_[-1, -1, np.arange(10)])
    assert rows[0].tolist() != rows[1].tolist()
    assert steps_per_epoch(10, 4) == 3


def test_a_chunk_may_be_cut_anywhere_on_the_grid():
    """123 + 177 segments are 300, bit for bit: the chunk's length is the host's own affair."""
    data, member = Data(PART), start(recipe, PLAN)
    compiled = compile_chunk(recipe, PLAN, data, member)
    whole, table, _ = compiled(data, start(recipe, PLAN), jnp.int32(4))
    first, front, _ = compiled(data, member, jnp.int32(1))
    second, rest, _ = compiled(data, first, jnp.int32(3))
    chex.assert_trees_all_equal(whole, second)
    joined = np.r_[np.asarray(front["train_loss"])[:1], np.asarray(rest["train_loss"])[:3]]
    np.testing.assert_array_equal(table["train_loss"], joined)


@pytest.mark.parametrize("batch_size", [4, 5, 10])
def test_a_batch_shared_by_two_devices_is_the_same_batch(batch_size):
    """Uneven shares and last partial batches included; only the order of the sums differs."""
    plan = dataclasses.replace(PLAN, batch_size=batch_size)
    data = Data(PART, Part(PART.inputs[:7], PART.targets[:7]))
    alone, table, _ = run(plan, data)
    shared, shared_table, _ = run(dataclasses.replace(plan, layout="batch", devices=2), data)
    chex.assert_trees_all_close(alone.params, jax.device_get(shared.params), rtol=1e-5, atol=1e-6)
    for name in table:
        np.testing.assert_allclose(table[name], shared_table[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("layout", ["one", "batch"])
def test_a_batch_cut_in_pieces_is_the_same_batch(layout):
    """Gradient accumulation adds sums: exact for partial batches and for pieces of uneven weight."""
    whole = dataclasses.replace(PLAN, batch_size=7, segment_steps=2)
    cut = dataclasses.replace(whole, pieces=3, layout=layout, devices=2 if layout == "batch" else 1)
    weighted = Data(PART._replace(weights=jnp.arange(10.0)))
    one, table, _ = run(whole, weighted)
    other, cut_table, _ = run(cut, weighted)
    chex.assert_trees_all_close(one.params, jax.device_get(other.params), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table["train_loss"], cut_table["train_loss"], rtol=1e-5)


def test_lbfgs_shared_by_two_devices_sees_the_whole_batch():
    """The line search asks for values and gradients of its own, and they are sums over both devices."""

    def searched(hyper):
        return recipe(hyper)._replace(optimizer=optax.lbfgs())

    plan = dataclasses.replace(PLAN, batch_size=10, segment_steps=3)
    alone, _, _ = run(plan, recipe=searched, segments=2)
    shared, _, _ = run(dataclasses.replace(plan, layout="batch", devices=2), recipe=searched, segments=2)
    chex.assert_trees_all_close(alone.params, jax.device_get(shared.params), rtol=1e-3, atol=1e-4)


def test_dropout_differs_between_devices_and_steps():
    """With every weight at zero but the bias, a dropped unit shows in the output."""
    net = mlp((3, 64, 2), dropout=0.5)
    plan = dataclasses.replace(PLAN, layout="batch", devices=2)
    member = start(lambda hyper: recipe(hyper, net), plan)
    masks = []
    for step_number in range(2):
        for device in range(2):
            key = jax.random.fold_in(member_key(member.seed, NOISE, step_number), device)
            masks.append(net.apply(member.params, jnp.ones((1, 3)), key=key, train=True)[0, 0].item())
    assert len(set(masks)) == 4


def test_scoring_counts_each_example_once():
    part = Part(jnp.asarray(np.repeat(INPUTS, 103, axis=0)), jnp.asarray(np.repeat(TARGETS, 103)))
    task = recipe({})
    params = task.net.init(jax.random.key(1))
    scored = score(task, PLAN, part, params, jnp.int32(0))  # 1,030 examples: 512, 512 and 6
    logits = task.net.apply(params, part.inputs)
    assert float(scored["accuracy"].count) == 1030
    np.testing.assert_allclose(scored["loss"].total, cross_entropy(logits, part.targets).sum(), rtol=1e-5)
    assert float(scored["accuracy"].total) == float((logits.argmax(1) == part.targets).sum())


def test_folds_choose_rows():
    """Fold f trains on all rows but its own and is judged on its own; folds may be of unequal size."""
    own = [np.array([0, 1, 2, 3]), np.array([4, 5, 6]), np.array([7, 8, 9])]
    others = [np.setdiff1d(np.arange(10), rows) for rows in own]

    def padded(lists):
        return jnp.asarray([np.pad(rows, (0, 7 - len(rows)), constant_values=-1) for rows in lists])

    data = Data(PART._replace(rows=padded(others)), PART._replace(rows=padded(own)))
    member = new_member(recipe, 0, {}, fold=1)
    rows = np.asarray(batch_rows(PLAN, data.train, member, 2))  # 7 examples: batches of 4 and 3
    np.testing.assert_array_equal(np.sort(rows[rows >= 0]), others[1])
    scored = score(recipe({}), PLAN, data.valid, member.params, member.fold)
    assert float(scored["accuracy"].count) == 3


def test_stopping_keeps_the_best_parameters():
    """Trained towards flipped labels, a net validates best at once, and stops when patience ends."""
    valid = Part(PART.inputs, 1 - PART.targets)
    plan = dataclasses.replace(PLAN, segments=50, monitor="valid_loss", patience=3)
    member, table, count = run(plan, Data(PART, valid), segments=50)
    losses = np.asarray(table["valid_loss"])[: int(count)]
    best = int(losses.argmin())
    assert int(member.status) == STOPPED
    assert int(count) == best + 1 + 3 < 50
    assert int(member.best_step) == 3 * (best + 1)
    scored = score(recipe({}), plan, valid, member.best_params, jnp.int32(0))
    np.testing.assert_allclose(scored["loss"].total / 10, losses[best], rtol=1e-5)


def test_min_delta_and_maximize():
    rows = [{"valid_accuracy": jnp.float32(v)} for v in (0.5, 0.55, 0.7)]
    plan = dataclasses.replace(PLAN, monitor="valid_accuracy", maximize=True, min_delta=0.1, patience=1)
    from nnjax.training.engine import judge

    member = new_member(recipe, 0, {})
    first = judge(plan, rows[0], member, member.params)
    second = judge(plan, rows[1], first, first.params)
    assert (float(first.best_score), int(first.status)) == (-0.5, RUNNING)
    assert (float(second.best_score), int(second.status)) == (-0.5, STOPPED)
    assert float(judge(plan, rows[2], first, first.params).best_score) == pytest.approx(-0.7)


def test_a_diverged_member_keeps_its_last_good_state():
    def exploding(hyper):
        return recipe(hyper)._replace(optimizer=optax.sgd(1e38))

    before = start(exploding, PLAN)
    after, _ = jax.jit(lambda member: segment(exploding, PLAN, Data(PART), member))(before)
    assert int(after.status) == DIVERGED
    chex.assert_trees_all_equal(after._replace(status=before.status), before)
    again, _, count = chunk(exploding, PLAN, Data(PART), after, jnp.int32(3))
    assert int(count) == 0
    chex.assert_trees_all_equal(again, after)


def test_no_data_a_picture_that_is_its_own_parameters():
    """What a style transfer does: nothing is read, the parameters are the picture."""
    from nnjax import Net

    goal = jnp.asarray(RNG.uniform(size=(4, 4, 3)).astype(np.float32))
    net = Net(lambda key: {"picture": jnp.zeros((4, 4, 3))}, lambda params, inputs, **_: params["picture"])

    def loss(picture, batch):
        return Mean(((picture - goal) ** 2).sum(), batch.weights.sum())

    plan = Plan(segments=1, segment_steps=40, batch_size=1, monitor="train_loss")
    nothing = Data(Part((), (), jnp.ones(1)))
    member, _, _ = run(plan, nothing, lambda hyper: Task(net, loss, optax.sgd(0.3)), segments=1)
    np.testing.assert_allclose(member.params["picture"], goal, atol=1e-6)


def test_only_a_tiny_step_leaves_the_product_library():
    tiny, large = {"w": jnp.zeros(300)}, {"w": jnp.zeros(100_000)}
    assert compiler_options(PLAN, tiny)
    assert not compiler_options(PLAN, large)
