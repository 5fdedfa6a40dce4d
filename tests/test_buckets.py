"""Buckets by length: little padding is computed, every example once an epoch, and nothing else changes."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnjax.errors import ConfigError
from nnjax.training.buckets import (
    batch_buckets,
    by_length,
    length_buckets,
    lengths_of,
    narrowed,
    real_share,
)
from nnjax.training.engine import batch_rows, segment, steps_per_epoch
from nnjax.training.evaluate import part_of
from nnjax.training.fit import fit_task, with_buckets
from nnjax.training.fit_population import fit_entrants, folded
from nnjax.training.losses import cross_entropy, per_example
from nnjax.training.member import Data, new_member
from nnjax.training.population import Entrants
from nnjax.types import Dataset, Net, Plan, Sequences, Splits, Task

PLAN = Plan(segments=2, segment_steps=5, batch_size=4, monitor="train_loss")


def dataset(examples: int = 18) -> Dataset:
    """Sequences of 1 to 9 steps whose padding is enormous; the label is the sign of their sum."""
    generator = np.random.default_rng(1)
    lengths = generator.integers(1, 10, examples).astype(np.int32)
    values = generator.normal(size=(examples, 9, 2)).astype(np.float32)
    padding = np.arange(9)[None, :] >= lengths[:, None]
    labels = (np.where(padding[:, :, None], 0, values).sum(axis=(1, 2)) > 0).astype(np.int32)
    values[padding] = 1e9
    return Dataset(Sequences(values, lengths), labels)


def sums(params, inputs, **_):
    """Logits from the sum over the true steps: as wide as the batch is, so that its width shows."""
    values, lengths = inputs
    real = (jnp.arange(values.shape[1])[None, :] < lengths[:, None])[:, :, None]
    return jnp.where(real, values, 0).sum(axis=1) @ params["weights"]


def recipe(hyper) -> Task:
    net = Net(lambda key: {"weights": jax.random.normal(key, (2, 2))}, sums)
    return Task(net, per_example(cross_entropy), optax.sgd(0.1))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 6))
def test_buckets_hold_everybody_and_no_choice_of_cuts_is_better(lengths, batch_size, most) -> None:
    ordered = np.sort(np.array(lengths))
    buckets = length_buckets(ordered, batch_size, most)
    assert sum(ranks for ranks, _ in buckets) == len(ordered)
    assert len(buckets) <= most
    assert all(ranks % batch_size == 0 for ranks, _ in buckets[1:])
    stops = np.cumsum([ranks for ranks, _ in buckets])
    assert [ordered[stop - 1] for stop in stops] == [width for _, width in buckets]
    assert real_share(ordered, batch_size, buckets) >= real_share(
        ordered, batch_size, ((len(ordered), int(ordered[-1])),)
    )


def test_a_bucket_a_batch_is_the_least_that_can_be_computed() -> None:
    ordered = np.arange(1, 13)
    buckets = length_buckets(ordered, 3, most=12)
    assert buckets == ((3, 3), (3, 6), (3, 9), (3, 12))
    assert real_share(ordered, 3, buckets) == pytest.approx(78 / 90)


def test_rows_stand_in_the_order_of_their_lengths_and_missing_ones_first() -> None:
    rows = by_length(np.array([0, 1, 2, -1]), np.array([5, 2, 9]))
    assert rows.tolist() == [-1, 1, 0, 2]


def test_every_example_is_drawn_once_an_epoch_and_fits_its_bucket() -> None:
    data = dataset()
    part = jax.device_put(part_of(data))
    plan = with_buckets(PLAN, part)
    assert len(plan.buckets) > 2
    member = new_member(recipe, jnp.uint32(0), {})
    bucket, _ = batch_buckets(plan.buckets, plan.batch_size)
    orders = []
    for epoch in range(3):
        now = member._replace(step=jnp.int32(epoch * 5))
        rows = np.asarray(batch_rows(plan, part, now, steps_per_epoch(18, 4)))
        drawn = rows[rows >= 0]
        assert sorted(drawn.tolist()) == list(range(18))
        for i, batch in enumerate(rows):
            lengths = data.inputs.lengths[batch[batch >= 0]]
            assert lengths.max() <= plan.buckets[bucket[i]][1]
        orders.append(drawn.tolist())
    assert orders[0] != orders[1] != orders[2]


def test_a_segment_is_the_same_as_its_batches_at_full_width() -> None:
    part = jax.device_put(part_of(dataset()))
    plan = with_buckets(PLAN, part)
    member = new_member(recipe, jnp.uint32(0), {})
    after, row = jax.jit(lambda m: segment(recipe, plan, Data(part), m))(member)
    params, losses = member.params, []
    for rows in batch_rows(plan, part, member, 5):
        batch = part.batch(rows)

        def loss(p, batch=batch):
            mean = per_example(cross_entropy)(sums(p, batch.inputs), batch)
            return mean.total / mean.count, mean.total

        (_, total), slope = jax.value_and_grad(loss, has_aux=True)(params)
        params, losses = {"weights": params["weights"] - 0.1 * slope["weights"]}, [*losses, float(total)]
    np.testing.assert_allclose(after.params["weights"], params["weights"], rtol=1e-5)
    assert float(row["train_loss"]) == pytest.approx(sum(losses) / 18, rel=1e-5)


def test_only_the_width_of_its_bucket_is_computed() -> None:
    """A net whose output is its width: what a step saw is what its bucket says."""

    def width(params, inputs, **_):
        return params["w"] + jnp.full(len(inputs.lengths), float(inputs.values.shape[1]))

    seen = lambda hyper: Task(
        Net(lambda key: {"w": jnp.zeros(())}, width), per_example(lambda y, t: y), optax.sgd(0.0)
    )
    part = jax.device_put(part_of(dataset(16)))
    plan = with_buckets(dataclasses.replace(PLAN, segment_steps=4), part)
    _, row = segment(seen, plan, Data(part), new_member(seen, jnp.uint32(0), {}))
    mean_width = sum(ranks * width for ranks, width in plan.buckets) / 16
    assert float(row["train_loss"]) == pytest.approx(mean_width)
    assert mean_width < 9


def test_fit_chooses_buckets_and_keeps_them_in_its_plan() -> None:
    fitted = fit_task(recipe, PLAN, Splits(dataset(20)), progress=False)
    assert sum(ranks for ranks, _ in fitted.plan.buckets) == 20
    assert fitted.rows[-1]["train_loss"] < fitted.rows[0]["train_loss"]


def test_folds_have_buckets_too() -> None:
    data = folded(dataset(), 3)
    lengths = lengths_of(data.train.inputs)
    rows = np.asarray(data.train.rows)
    assert all((np.diff(np.where(fold < 0, 0, lengths[fold])) >= 0).all() for fold in rows)
    plan = dataclasses.replace(PLAN, segment_steps=3, monitor="valid_loss")
    entrants = Entrants(np.zeros(3, np.uint32), np.arange(3, dtype=np.int32), {})
    fitted = fit_entrants(recipe, plan, data, entrants, progress=False)
    assert sum(ranks for ranks, _ in fitted.plan.buckets) == rows.shape[1]
    assert np.isfinite(fitted.results.history["valid_loss"]).all()


@pytest.mark.parametrize(
    ("buckets", "text"),
    [(((9, 9), (10, 9)), "18 examples in all, got 19"), (((18, 5),), "width 5 has a sequence of 6 steps")],
)
def test_buckets_that_would_cut_a_sequence_are_refused(buckets, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        fit_task(recipe, dataclasses.replace(PLAN, buckets=buckets), Splits(dataset()), progress=False)


def test_segments_that_are_not_whole_epochs_are_refused() -> None:
    part = jax.device_put(part_of(dataset()))
    plan = dataclasses.replace(with_buckets(PLAN, part), segment_steps=3)
    with pytest.raises(ConfigError, match="segment_steps a multiple of 5, got 3"):
        segment(recipe, plan, Data(part), new_member(recipe, jnp.uint32(0), {}))


def test_narrowing_leaves_what_is_no_sequence() -> None:
    tree = {"a": Sequences(np.zeros((2, 5, 3)), np.ones(2, int)), "b": np.zeros((2, 7))}
    cut = narrowed(tree, 4)
    assert cut["a"].values.shape == (2, 4, 3)
    assert cut["b"].shape == (2, 7)


def test_an_epoch_visits_its_buckets_mixed() -> None:
    bucket, turn = batch_buckets(((40, 1), (40, 2), (40, 3)), 4)
    assert np.bincount(bucket).tolist() == [10, 10, 10]
    assert sorted(turn[bucket == 1].tolist()) == list(range(10))
    assert sum(a != b for a, b in pairwise(bucket)) > 10
