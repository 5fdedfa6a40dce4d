"""Schedules: equal to Optax's at fixed rates, and tracers where Optax's take none."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax.errors import ConfigError
from nnjax.models.mlp import mlp
from nnjax.training.fit import as_splits, fit_task, plan_for
from nnjax.training.losses import cross_entropy, per_example
from nnjax.training.schedules import (
    cosine,
    exponential_decay,
    scheduled,
    step_decay,
    warmup,
    warmup_cosine,
)
from nnjax.types import Task

STEPS = jnp.arange(40)
OPTAXES = {
    "warmup": (warmup(7), optax.linear_schedule(0.0, 1.0, 7)),
    "cosine": (cosine(30), optax.cosine_decay_schedule(1.0, 30)),
    "cosine to an end": (cosine(20, 0.1), optax.cosine_decay_schedule(1.0, 20, alpha=0.1)),
    "warmup_cosine": (warmup_cosine(5, 30, 0.2), optax.warmup_cosine_decay_schedule(0.0, 1.0, 5, 30, 0.2)),
    "exponential": (exponential_decay(0.5, 8), optax.exponential_decay(1.0, 8, 0.5)),
    "staircase": (exponential_decay(0.9, 8, True), optax.exponential_decay(1.0, 8, 0.9, staircase=True)),
    "step_decay": (step_decay(0.1, (10, 25)), optax.piecewise_constant_schedule(1.0, {10: 0.1, 25: 0.1})),
}


@pytest.mark.parametrize(("ours", "theirs"), OPTAXES.values(), ids=OPTAXES.keys())
def test_equals_optaxs(ours, theirs):
    got, wanted = jax.jit(jax.vmap(ours))(STEPS), jax.vmap(theirs)(STEPS)
    np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=1e-7)
    assert got.dtype == jnp.float32
    assert got.min() >= 0
    assert got.max() <= 1
    outside = [ours(step) for step in (0, 9, 39)]
    np.testing.assert_allclose(outside, wanted[jnp.array([0, 9, 39])], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("schedule", "numbers"),
    [
        (warmup, (7.0,)),
        (cosine, (30.0, 0.1)),
        (warmup_cosine, (5.0, 30.0, 0.2)),
        (exponential_decay, (0.5, 8.0)),
        (step_decay, (0.1, jnp.array([10, 25]))),
    ],
)
def test_every_number_may_be_a_tracer(schedule, numbers):
    traced = jax.jit(lambda *numbers: jax.vmap(schedule(*numbers))(STEPS))(*numbers)
    np.testing.assert_allclose(traced, jax.vmap(schedule(*numbers))(STEPS), rtol=1e-6, atol=1e-7)


def test_no_warmup_starts_at_the_whole_rate():
    assert float(warmup(0)(0)) == 1.0
    assert float(jax.jit(lambda steps: warmup(steps)(0))(0)) == 1.0


@pytest.mark.parametrize(
    "make",
    [
        optax.sgd,
        lambda rate: optax.sgd(rate, momentum=0.9),
        optax.adam,
        lambda rate: optax.adamw(rate, weight_decay=0.1),
    ],
    ids=["sgd", "momentum", "adam", "adamw"],
)
def test_swept_learning_rates_equal_optaxs_own_schedules_at_fixed_rates(make):
    factor, rates = warmup_cosine(3, 12), jnp.array([0.01, 0.1, 0.3])
    theirs = optax.warmup_cosine_decay_schedule(0.0, 1.0, 3, 12)
    gradient = jax.grad(lambda p: jnp.sum(jnp.cos(p["w"]) + p["w"] ** 2))

    def trained(optimizer):
        params = {"w": jnp.linspace(-1.0, 2.0, 5)}

        def one(carry, _):
            params, state = carry
            updates, state = optimizer.update(gradient(params), state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(one, (params, optimizer.init(params)), None, length=12)[0][0]["w"]

    swept = jax.jit(jax.vmap(lambda rate: trained(scheduled(make(rate), factor))))(rates)
    for rate, got in zip(rates.tolist(), swept, strict=True):
        wanted = trained(make(lambda step, rate=rate: rate * theirs(step)))
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_in_the_engine_a_factor_of_zero_stops_all_learning():
    splits = as_splits((np.eye(4, dtype=np.float32), np.arange(4)))

    def recipe(hyper):
        optimizer = scheduled(optax.adam(hyper["learning_rate"]), step_decay(0.0, (3,)))
        return Task(mlp((4, 4)), per_example(cross_entropy), optimizer)

    train = lambda epochs: (
        fit_task(
            recipe, plan_for(splits, epochs, 4), splits, hyper={"learning_rate": 0.1}, progress=False
        ).params
    )
    chex.assert_trees_all_equal(train(3), train(6))
    assert not np.array_equal(train(2)["layer_0"]["bias"], train(3)["layer_0"]["bias"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: warmup(-1), "warmup wants steps of at least 0, got -1"),
        (lambda: cosine(0), "cosine wants steps of at least 1, got 0"),
        (lambda: cosine(5, 1.5), r"cosine wants end in \[0, 1\], got 1.5"),
        (lambda: warmup_cosine(9, 9), "more steps than its 9 of warm-up, got 9"),
        (lambda: exponential_decay(float("nan"), 5), r"rate in \[0, 1\], got nan"),
        (lambda: step_decay(2.0, (5,)), r"rate in \[0, 1\], got 2"),
    ],
)
def test_errors(wrong, words):
    with pytest.raises(ConfigError, match=words):
        wrong()
