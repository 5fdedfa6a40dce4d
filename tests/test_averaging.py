"""The average of the parameters: the formula, its edges, and its place in a training."""

from __future__ import annotations

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Dataset, Plan, Splits, Task, cross_entropy, evaluate, per_example
from nnjax.errors import ConfigError
from nnjax.models.mlp import mlp
from nnjax.training.averaging import average_of, averaged_params, with_average
from nnjax.training.fit import fit, fit_task
from nnjax.training.fit_population import fit_population

INPUTS = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
LABELS = (INPUTS.sum(1) > 0).astype(np.int32)


def walk(decay, steps: int = 30):
    """The places of a walk down a bowl, [T, 3], and the optimizer's average after each, [T, 3]."""
    optimizer = with_average(optax.sgd(0.3, momentum=0.9), decay)

    def one(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.tree.map(lambda p: 2 * p, params), state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), (params, averaged_params(state))

    start = jnp.array([1.0, -2.0, 0.5])
    return jax.lax.scan(one, (start, optimizer.init(start)), None, length=steps)[1]


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.9999, 1.0])
def test_equals_the_weighted_mean_of_all_places(decay):
    places, averages = (np.asarray(part, np.float64) for part in walk(decay))
    for t in range(1, 31):
        weights = decay ** np.arange(t - 1, -1, -1.0)
        np.testing.assert_allclose(
            averages[t - 1], weights @ places[:t] / weights.sum(), rtol=1e-4, atol=1e-6
        )


def test_decays_sweep_under_vmap():
    decays = jnp.array([0.0, 0.7, 1.0])
    swept = jax.jit(jax.vmap(lambda decay: walk(decay)[1]))(decays)
    for decay, got in zip(decays.tolist(), swept, strict=True):
        np.testing.assert_allclose(got, walk(decay)[1], rtol=1e-5, atol=1e-6)


def test_a_training_is_the_same_with_an_average_beside_it():
    train = lambda optimizer: fit(
        mlp((3, 4, 2)), (INPUTS, LABELS), optimizer=optimizer, epochs=4, batch_size=4, progress=False
    )
    plain, kept = train(optax.adam(0.05)), train(with_average(optax.adam(0.05), 0.8))
    chex.assert_trees_all_equal(plain.params, kept.params)
    average = averaged_params(kept.member.opt_state)
    chex.assert_trees_all_equal_shapes_and_dtypes(average, kept.params)
    assert not np.array_equal(average["layer_0"]["weights"], kept.params["layer_0"]["weights"])
    assert int(kept.member.opt_state.count) == 16


def test_it_is_found_inside_chains_and_wrappers():
    params = {"w": jnp.ones(2)}
    for optimizer in (
        optax.chain(optax.clip(1.0), with_average(optax.adam(0.1), 0.9)),
        optax.MultiSteps(with_average(optax.sgd(0.1), 0.9), 2),
    ):
        np.testing.assert_array_equal(averaged_params(optimizer.init(params))["w"], params["w"])


def test_extra_arguments_reach_the_inner_optimizer():
    optimizer = with_average(optax.polyak_sgd(), 0.5)
    params = jnp.array([2.0])
    updates, _ = optimizer.update(2 * params, optimizer.init(params), params, value=jnp.float32(4.0))
    np.testing.assert_allclose(updates, [-1.0])  # value / slope^2 * slope


def averaging(hyper):
    """Steps so long that the last params are worse than their average."""
    optimizer = with_average(optax.sgd(hyper["learning_rate"]), 0.9)
    return Task(mlp((3, 4, 2)), per_example(cross_entropy), optimizer, scored=average_of)


def test_what_is_scored_and_kept_is_the_average():
    part = Dataset(INPUTS, LABELS)
    plan = Plan(segments=3, segment_steps=4, batch_size=4)
    judged = fit_task(averaging, plan, Splits(part, part), hyper={"learning_rate": 3.0}, progress=False)
    average, last = averaged_params(judged.member.opt_state), judged.member.params
    scores = evaluate(judged.task, average, part), evaluate(judged.task, last, part)
    assert judged.rows[-1]["valid_loss"] == pytest.approx(scores[0]["loss"], rel=1e-5)
    assert scores[1]["loss"] != pytest.approx(scores[0]["loss"], rel=1e-2)
    best = min(row["valid_loss"] for row in judged.rows)
    assert judged.evaluate(part)["loss"] == pytest.approx(best, rel=1e-5)
    plan = dataclasses.replace(plan, monitor="train_loss")
    fitted = fit_task(averaging, plan, Splits(part), hyper={"learning_rate": 3.0}, progress=False)
    chex.assert_trees_all_equal(fitted.params, averaged_params(fitted.member.opt_state))


@pytest.mark.parametrize("valid", [True, False])
def test_members_of_a_population_keep_their_average_too(valid):
    part = Dataset(INPUTS, LABELS)
    splits = Splits(part, part) if valid else Splits(part)
    settings = {"learning_rate": [1.0, 3.0]}
    population = fit_population(
        averaging, splits, settings=settings, seeds=1, epochs=3, batch_size=4, progress=False
    )
    plan = dataclasses.replace(population.plan, layout="one", devices=1, lanes=1)
    alone = fit_task(averaging, plan, splits, hyper={"learning_rate": 3.0}, progress=False)
    chex.assert_trees_all_close(population.params(1), alone.params, rtol=1e-4, atol=1e-5)
    if valid:
        kept = population.evaluate(part)["loss"]
        np.testing.assert_allclose(kept, population.at_best("valid_loss"), rtol=1e-5)


def test_big_nets_are_scored_with_their_average_too():
    part = Dataset(INPUTS, LABELS)
    plan = Plan(segments=2, segment_steps=4, batch_size=4, looped=False)
    fitted = fit_task(
        averaging, plan, Splits(part, part), hyper={"learning_rate": 3.0}, layout="plan", progress=False
    )
    scored = evaluate(fitted.task, averaged_params(fitted.member.opt_state), part)
    assert fitted.rows[-1]["valid_loss"] == pytest.approx(scored["loss"], rel=1e-5)


def test_errors():
    with pytest.raises(ConfigError, match=r"decay in \[0, 1\], got 1.5"):
        with_average(optax.sgd(1.0), 1.5)
    with pytest.raises(ConfigError, match="one with_average in it, got 0"):
        averaged_params(optax.adam(0.1).init(jnp.ones(2)))
    optimizer = with_average(optax.sgd(1.0), 0.5)
    with pytest.raises(ConfigError, match="wants the params"):
        optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)))
