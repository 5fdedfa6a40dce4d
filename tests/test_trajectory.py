"""Trajectories: the same training as `fit`, with every step kept."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Dataset, Plan, Splits, Task, mlp, per_example, squared_error
from nnjax.data.generated import line
from nnjax.errors import ConfigError, DataError
from nnjax.training.fit import fit_task
from nnjax.training.member import DIVERGED, FINISHED
from nnjax.training.trajectory import trajectories
from nnjax.types import Net

PLAN = Plan(segments=6, segment_steps=1, batch_size=10, monitor="train_loss")


def recipe(hyper):
    net = Net(
        lambda key: {"layer_0": {"weights": jnp.zeros((1, 1)), "bias": jnp.zeros(1)}}, mlp((1, 1)).apply
    )
    return Task(net, per_example(squared_error), optax.sgd(hyper["learning_rate"]))


def test_each_member_is_the_training_that_fit_does() -> None:
    splits = Splits(line(24))
    found = trajectories(recipe, PLAN, splits, seeds=[3, 4], hyper={"learning_rate": [0.1, 0.3]})
    for i, (seed, rate) in enumerate([(3, 0.1), (4, 0.3)]):
        fitted = fit_task(recipe, PLAN, splits, seed, {"learning_rate": rate}, progress=False)
        last = {name: leaf[i, -1] for name, leaf in found.params["layer_0"].items()}
        np.testing.assert_allclose(last["weights"], fitted.member.params["layer_0"]["weights"], atol=1e-6)
        np.testing.assert_allclose(last["bias"], fitted.member.params["layer_0"]["bias"], atol=1e-6)
        losses = [row["train_loss"] for row in fitted.rows]
        np.testing.assert_allclose(found.rows["train_loss"][i], losses, rtol=1e-5)
    assert found.params["layer_0"]["weights"].shape == (2, 7, 1, 1)
    assert found.params["layer_0"]["weights"][:, 0].tolist() == [[[0.0]], [[0.0]]]
    assert found.status.tolist() == [FINISHED, FINISHED]


def test_a_member_that_diverges_stays_where_it_was_finite() -> None:
    plan = Plan(segments=40, segment_steps=1, batch_size=24, monitor="train_loss")
    found = trajectories(recipe, plan, Splits(line(24)), hyper={"learning_rate": [0.1, 1e6]})
    assert found.status.tolist() == [FINISHED, DIVERGED]
    weights = found.params["layer_0"]["weights"][1, :, 0, 0]
    assert np.isfinite(weights).all()
    assert weights[-1] == weights[-2]


def test_a_validation_part_is_scored_after_each_segment() -> None:
    splits = Splits(line(24), line(10, seed=1))
    found = trajectories(recipe, PLAN, splits, hyper={"learning_rate": 0.3})
    weights, bias = (found.params["layer_0"][name][0, 1:, ..., 0] for name in ("weights", "bias"))
    x, y = splits.valid.inputs, splits.valid.targets
    by_hand = [np.mean((x * w + b - y) ** 2) for w, b in zip(weights[:, 0], bias, strict=True)]
    np.testing.assert_allclose(found.rows["valid_loss"][0], by_hand, rtol=1e-5)


def test_what_does_not_fit_together_is_named() -> None:
    with pytest.raises(ConfigError, match=r"one for each, got {'seeds': 3, 'learning_rate': 2}"):
        trajectories(recipe, PLAN, Splits(line(24)), [0, 1, 2], {"learning_rate": [0.1, 0.2]})
    bad = Dataset(np.full((3, 1), np.nan, np.float32), np.ones((3, 1), np.float32))
    with pytest.raises(DataError, match="row"):
        trajectories(recipe, PLAN, Splits(bad), hyper={"learning_rate": 0.1})
