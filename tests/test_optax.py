"""What Optax adds to an optimizer, inside the engine and with traced hyperparameters."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax.models.mlp import mlp
from nnjax.training.averaging import averaged_params, with_average
from nnjax.training.engine import segment
from nnjax.training.evaluate import part_of
from nnjax.training.fit import as_splits, fit, fit_task, plan_for
from nnjax.training.losses import cross_entropy, per_example
from nnjax.training.member import Data, new_member
from nnjax.training.schedules import scheduled, warmup
from nnjax.types import Task

INPUTS = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
LABELS = (INPUTS @ np.arange(-2.0, 3.0) > 0).astype(np.int32)
NET = mlp((5, 8, 2))


def train(optimizer, **settings):
    settings = {"epochs": 3, "batch_size": 32} | settings
    return fit(NET, (INPUTS, LABELS), optimizer=optimizer, progress=False, **settings)


@pytest.mark.parametrize("make", [lambda: optax.sgd(0.3), lambda: optax.adam(0.02)], ids=["sgd", "adam"])
def test_four_accumulated_batches_equal_one_four_times_as_large(make):
    whole = train(make(), batch_size=32)
    parts = train(optax.MultiSteps(make(), 4), batch_size=8)
    chex.assert_trees_all_close(parts.params, whole.params, atol=1e-6)
    assert [row["step"] for row in parts.rows] == [4 * row["step"] for row in whole.rows]


def test_nothing_moves_until_the_batches_are_together():
    start = train(optax.sgd(0.0), epochs=1).params
    waiting = train(optax.MultiSteps(optax.sgd(0.3), 5), batch_size=16, epochs=1).params  # 4 steps
    chex.assert_trees_all_equal(waiting, start)


def test_a_clipped_gradient_has_the_norm_it_was_given():
    clipped = optax.chain(optax.clip_by_global_norm(1e-2), optax.sgd(1.0))
    once = train(clipped, epochs=1, batch_size=64).params
    start = train(optax.sgd(0.0), epochs=1, batch_size=64).params
    moved = optax.tree.norm(jax.tree.map(jnp.subtract, once, start))
    assert float(moved) == pytest.approx(1e-2, rel=1e-3)


def test_clipping_far_above_every_gradient_does_nothing():
    clipped = train(optax.chain(optax.clip_by_global_norm(1e3), optax.sgd(0.1)))
    chex.assert_trees_all_close(clipped.params, train(optax.sgd(0.1)).params, atol=1e-6)


def everything(hyper):
    """Clipping, accumulation, a schedule, decoupled decay and an average, all from traced numbers."""
    adam = optax.adamw(hyper["learning_rate"], b1=hyper["b1"], weight_decay=hyper["decay"])
    clipped = optax.chain(optax.clip_by_global_norm(hyper["norm"]), scheduled(adam, warmup(hyper["warmup"])))
    optimizer = optax.MultiSteps(with_average(clipped, hyper["average"]), 2)
    smoothed = lambda z, t: cross_entropy(z, t, label_smoothing=hyper["smoothing"])
    return Task(NET, per_example(smoothed), optimizer)


def test_all_together_sweep_in_one_program_and_equal_trainings_at_fixed_numbers():
    splits = as_splits((INPUTS, LABELS))
    plan = plan_for(splits, epochs=1, batch_size=16)
    data = jax.device_put(Data(part_of(splits.train)))
    hyper = {
        "learning_rate": jnp.array([0.01, 0.1]),
        "b1": jnp.array([0.5, 0.9]),
        "decay": jnp.array([0.0, 0.1]),
        "norm": jnp.array([0.1, 10.0]),
        "warmup": jnp.array([0.0, 3.0]),
        "average": jnp.array([0.5, 1.0]),
        "smoothing": jnp.array([0.0, 0.2]),
    }

    trained = lambda h: segment(everything, plan, data, new_member(everything, jnp.uint32(3), h))[0]
    both = jax.jit(chex.assert_max_traces(lambda hyper: jax.vmap(trained)(hyper), n=1))
    swept = both(hyper)
    both(jax.tree.map(lambda values: values / 2, hyper))
    for i in range(2):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], (swept, hyper))
        member, fixed = one[0], {name: float(value) for name, value in one[1].items()}
        alone = fit_task(lambda _, fixed=fixed: everything(fixed), plan, splits, 3, progress=False).member
        chex.assert_trees_all_close(member.params, alone.params, atol=2e-5)
        averages = [averaged_params(state) for state in (member.opt_state, alone.opt_state)]
        chex.assert_trees_all_close(*averages, atol=2e-5)


def test_label_smoothing_sweeps_under_vmap():
    logits = jnp.asarray(np.random.default_rng(1).normal(size=(6, 4)), jnp.float32)
    labels, strengths = jnp.array([0, 1, 2, 3, 0, 1]), jnp.array([0.0, 0.1, 0.5, 1.0])
    swept = jax.jit(jax.vmap(lambda s: cross_entropy(logits, labels, label_smoothing=s)))(strengths)
    log_p = np.asarray(jax.nn.log_softmax(logits), np.float64)
    for s, got in zip(strengths.tolist(), swept, strict=True):
        targets = (1 - s) * np.eye(4)[labels] + s / 4
        np.testing.assert_allclose(got, -(targets * log_p).sum(1), rtol=1e-5)
    np.testing.assert_allclose(swept[0], cross_entropy(logits, labels), rtol=1e-6)
