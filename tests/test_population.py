"""Populations against the same members trained alone, and the waste of their lanes."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Mean, Net, Plan, Task, accuracy, cross_entropy, mlp, per_example
from nnjax.training.engine import place
from nnjax.training.member import DIVERGED, FINISHED, STOPPED, Data, Part
from nnjax.training.population import Entrants, Population
from nnjax.training.train import start, train

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(24, 3)).astype(np.float32)
LABELS = (INPUTS.sum(1) > 0).astype(np.int32)
DATA = Data(Part(INPUTS[:16], LABELS[:16]), Part(INPUTS[16:], LABELS[16:]))
PLAN = Plan(segments=6, segment_steps=4, batch_size=5, layout="lanes", devices=2, lanes=4)


def recipe(hyper):
    net = mlp((3, 6, 2), dropout=hyper["dropout"])
    metrics = {"accuracy": per_example(accuracy)}
    return Task(net, per_example(cross_entropy), optax.adam(hyper["learning_rate"]), metrics=metrics)


def entrants(count=6):
    rates = np.geomspace(1e-3, 1e-1, count).astype(np.float32)
    drops = np.linspace(0.0, 0.4, count).astype(np.float32)
    hyper = {"learning_rate": rates, "dropout": drops}
    return Entrants(np.arange(count, dtype=np.uint32), np.zeros(count, np.int32), hyper)


def to_end(population, n=2):
    state = population.start()
    while population.runs(state).any():
        state = population.advance(state, n)
    return state.results


def alone(who, member, plan=PLAN, data=DATA, recipe=recipe):
    solo = dataclasses.replace(plan, layout="one", devices=1, lanes=1)
    hyper = {name: values[member] for name, values in who.hyper.items()}
    rows = []
    begin = start(recipe, solo, int(who.seeds[member]), hyper, int(who.folds[member]))
    ended = train(recipe, solo, place(solo, data), begin, lambda chunk: rows.extend(chunk.rows))
    return ended, rows


@pytest.mark.parametrize("side_by_side", [False, True])
def test_a_member_is_what_it_would_be_alone(side_by_side):
    """Up to rounding: it is another program, whose sums may have another order."""
    who = entrants()
    results = to_end(Population(recipe, PLAN, DATA, who, side_by_side))
    for member in (0, 5):
        ended, rows = alone(who, member)
        own = jax.tree.map(lambda leaf, at=member: leaf[at], results.params)
        chex.assert_trees_all_close(own, jax.device_get(ended.best_params), rtol=1e-4, atol=1e-5)
        losses = [row["valid_loss"] for row in rows]
        np.testing.assert_allclose(results.history["valid_loss"][member], losses, rtol=1e-4)
        assert results.status[member] == FINISHED == int(ended.status)
        assert results.best_step[member] == int(ended.best_step)


def test_the_host_may_cut_chunks_anywhere():
    who = entrants()
    population = Population(recipe, PLAN, DATA, who, side_by_side=True)
    first, second = to_end(population, n=1), to_end(population, n=6)
    chex.assert_trees_all_equal(first._replace(computed=0), second._replace(computed=0))


def counter(hyper):
    """A task whose loss falls by 1 a step for `life` steps and then stays: it stops when told to."""
    net = Net(lambda key: {"t": jnp.zeros(())}, lambda params, inputs, **_: params["t"])

    def loss(t, batch):
        value = -jnp.minimum(t, hyper["life"])
        return Mean(value * batch.weights.sum(), batch.weights.sum())

    steady = optax.stateless(lambda updates, params: jax.tree.map(jnp.ones_like, updates))
    return Task(net, loss, steady)


def test_stopping_times_that_differ_tenfold_waste_little():
    """96 members that live from 10 to 100 segments on 2 x 8 lanes: at most 10% of the steps idle."""
    lives = np.random.default_rng(5).uniform(9, 99, 96).astype(np.float32).round()
    who = Entrants(np.zeros(96, np.uint32), np.zeros(96, np.int32), {"life": lives})
    plan = Plan(segments=200, segment_steps=1, batch_size=1, patience=1, monitor="train_loss")
    plan = dataclasses.replace(plan, layout="lanes", devices=2, lanes=32)
    population = Population(counter, plan, Data(Part((), (), np.ones(1, np.float32))), who, side_by_side=True)
    results = to_end(population, n=50)
    trained = results.step.sum()
    assert (results.status == STOPPED).all()
    assert results.step.min() * 8 < results.step.max()
    np.testing.assert_array_equal(results.step, lives + 2)
    assert 0.9 * int(results.computed) <= trained <= int(results.computed)
    assert sorted(population._compiled) == [8, 16, 32]


def test_a_diverged_member_harms_nobody():
    who = entrants(4)
    who.hyper["learning_rate"][1] = 1e38
    results = to_end(Population(recipe, PLAN, DATA, who, side_by_side=True))
    assert results.status.tolist() == [FINISHED, DIVERGED, FINISHED, FINISHED]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(results.params))
    calm = to_end(Population(recipe, PLAN, DATA, entrants(4), side_by_side=True))
    np.testing.assert_allclose(results.best_score[[0, 2, 3]], calm.best_score[[0, 2, 3]], rtol=1e-5)


def test_folds_are_members_too():
    own = [np.arange(0, 24, 2), np.arange(1, 24, 2)]
    rows = np.array([own[1], own[0]], np.int32), np.array(own, np.int32)
    data = Data(Part(INPUTS, LABELS, rows=rows[0]), Part(INPUTS, LABELS, rows=rows[1]))
    who = Entrants(np.zeros(2, np.uint32), np.arange(2, dtype=np.int32), entrants(2).hyper)
    plan = dataclasses.replace(PLAN, lanes=2, segment_steps=3)
    results = to_end(Population(recipe, plan, data, who, side_by_side=True))
    for fold in range(2):
        by_hand = Data(
            Part(INPUTS[own[1 - fold]], LABELS[own[1 - fold]]), Part(INPUTS[own[fold]], LABELS[own[fold]])
        )
        solo = Entrants(who.seeds, np.zeros(2, np.int32), who.hyper)
        _, rows = alone(solo, fold, plan, by_hand)
        losses = [row["valid_loss"] for row in rows]
        np.testing.assert_allclose(results.history["valid_loss"][fold], losses, rtol=1e-4)
