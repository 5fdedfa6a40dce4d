"""Losses of steps: a loop over the true ones, and that the padding adds nothing at all."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.training.losses import cross_entropy, squared_error
from nnjax.training.metrics import accuracy
from nnjax.training.sequence_losses import lift, per_step
from nnjax.types import Batch, Sequences

LENGTHS, WEIGHTS = np.array([4, 1, 2]), np.array([1.0, 0.5, 0.0], np.float32)


def batch_of(targets) -> Batch:
    return Batch(None, targets, jnp.asarray(WEIGHTS), jnp.arange(3))


def drawn():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 4, 5)).astype(np.float32), rng.integers(0, 5, (3, 4))


@pytest.mark.parametrize("wrapped", [False, True])
def test_cross_entropy_against_a_loop(wrapped, variant):
    logits, labels = drawn()
    total = sum(
        WEIGHTS[n] * (np.log(np.exp(logits[n, t]).sum()) - logits[n, t, labels[n, t]])
        for n in range(3)
        for t in range(LENGTHS[n])
    )
    targets = Sequences(labels, LENGTHS) if wrapped else labels
    mean = variant(per_step(cross_entropy))(Sequences(logits, LENGTHS), batch_of(targets))
    np.testing.assert_allclose(mean.total, total, rtol=1e-6)
    assert float(mean.count) == 4 + 0.5


def test_padding_adds_exactly_nothing_to_value_and_gradient():
    logits, labels = drawn()
    spoiled, wrong = logits.copy(), labels.copy()
    for n, length in enumerate(LENGTHS):
        spoiled[n, length:], wrong[n, length:] = np.nan, 77
    spoiled[2] = np.inf  # an example of weight 0

    def total(values, labels):
        return per_step(cross_entropy)(Sequences(values, LENGTHS), batch_of(labels)).total

    clean, spoilt = (jax.value_and_grad(total)(*pair) for pair in ((logits, labels), (spoiled, wrong)))
    assert float(clean[0]) == float(spoilt[0])
    np.testing.assert_array_equal(clean[1], spoilt[1])
    assert not np.asarray(spoilt[1])[1, 1:].any()


def test_several_numbers_a_step():
    values, _ = drawn()
    mean = per_step(squared_error)(Sequences(values, LENGTHS), batch_of(np.zeros_like(values)))
    wanted = (values[0] ** 2).sum() + 0.5 * (values[1, 0] ** 2).sum()
    np.testing.assert_allclose(mean.total, wanted, rtol=1e-6)


def test_a_metric_is_a_mean_over_steps_and_not_over_sequences():
    logits = jnp.array([[[0.0, 1.0]] * 3, [[1.0, 0.0]] * 3])
    outputs, targets = Sequences(logits, jnp.array([3, 1])), jnp.ones((2, 3), int)
    mean = per_step(accuracy)(outputs, Batch(None, targets, jnp.ones(2), jnp.arange(2)))
    assert (float(mean.total), float(mean.count)) == (3, 4)


def test_lift_looks_at_the_outputs():
    logits, labels = drawn()
    steps = lift(cross_entropy)(Sequences(logits, LENGTHS), batch_of(labels))
    assert float(steps.count) == 4.5
    assert float(lift(cross_entropy)(logits[:, 0], batch_of(labels[:, 0])).count) == 1.5


def test_errors():
    logits, labels = drawn()
    with pytest.raises(ConfigError, match="outputs that are Sequences, got ndarray"):
        per_step(cross_entropy)(logits, batch_of(labels))
    with pytest.raises(ConfigError, match=r"one N and T, got \(3, 3\)"):
        per_step(cross_entropy)(Sequences(logits, LENGTHS), batch_of(labels[:, :3]))
