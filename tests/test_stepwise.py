"""Steps as calls of their own: the same training as the compiled loop, on the same grid."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import optax
import pytest

from nnjax.errors import DivergedError
from nnjax.layers.activations import tanh
from nnjax.models.mlp import mlp
from nnjax.training import stepwise
from nnjax.training.divergence import Remedies
from nnjax.training.evaluate import part_of
from nnjax.training.fit import fit_task
from nnjax.training.layout import choose_looped
from nnjax.training.losses import cross_entropy, per_example
from nnjax.training.member import DIVERGED, FINISHED, Data
from nnjax.training.metrics import accuracy
from nnjax.training.stepwise import compile_steps
from nnjax.training.train import start
from nnjax.types import Dataset, Net, Plan, Splits, Task

PLAN = Plan(segments=6, segment_steps=3, batch_size=8)


def splits(rows: int = 24) -> Splits:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(rows + 10, 3)).astype(np.float32)
    labels = (inputs.sum(axis=1) > 0).astype(np.int32)
    return Splits(Dataset(inputs[:rows], labels[:rows]), Dataset(inputs[rows:], labels[rows:]))


def recipe(hyper: dict) -> Task:
    net = mlp((3, 5, 2), tanh, dropout=0.2)
    return Task(
        net,
        per_example(cross_entropy),
        optax.adam(hyper["learning_rate"]),
        metrics={"accuracy": per_example(accuracy)},
    )


def trained(plan: Plan, **how):
    hyper = {"learning_rate": 0.05}
    return fit_task(recipe, plan, splits(), seed=3, hyper=hyper, layout="plan", progress=False, **how)


@pytest.fixture(params=["held twice", "tried first"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step as a small net makes it, and as a large one does."""
    if request.param == "tried first":
        monkeypatch.setattr(stepwise, "HELD_TWICE", 0)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("layout", ["one", "batch"])
def test_the_training_is_that_of_the_compiled_loop(layout: str) -> None:
    plan = dataclasses.replace(PLAN, layout=layout, devices=1 if layout == "one" else 2)
    looped, called = trained(plan), trained(dataclasses.replace(plan, looped=False))
    assert int(called.member.step) == 18
    assert int(called.member.status) == FINISHED
    assert [row["step"] for row in called.rows] == [3, 6, 9, 12, 15, 18]
    for ours, theirs in zip(called.rows, looped.rows, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for a, b in zip(jax.tree.leaves(called.params), jax.tree.leaves(looped.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_many_steps_on_two_devices_do_not_wait_for_each_other() -> None:
    plan = dataclasses.replace(PLAN, layout="batch", devices=2, looped=False, segments=2, segment_steps=150)
    assert int(trained(plan).member.step) == 300


def test_early_stopping_ends_it_on_the_grid() -> None:
    plan = dataclasses.replace(PLAN, looped=False, segments=400, patience=2)
    stopped = trained(plan)
    assert 0 < int(stopped.member.step) < 1200
    assert int(stopped.member.step) == stopped.rows[-1]["step"]
    assert int(stopped.member.waited) == 2


def bomb(after: float) -> Net:
    """A net of one weight that SGD raises by 1 a step, and whose output is infinite from `after` on."""
    return Net(
        lambda key: {"w": np.zeros((), np.float32)},
        lambda params, x, **_: params["w"] + 0 * x[:, 0] + _burst(params["w"], after),
    )


def _burst(w, after):
    return jax.numpy.where(w >= after, jax.numpy.inf, 0.0)


def exploding(hyper: dict) -> Task:
    loss = per_example(lambda outputs, targets: -outputs)
    return Task(bomb(7.0), loss, optax.sgd(1.0))


@pytest.mark.usefixtures("either_way")
def test_one_that_diverges_keeps_the_state_of_its_last_good_step() -> None:
    plan = dataclasses.replace(PLAN, looped=False)
    data = Data(part_of(splits().train))
    member = start(exploding, dataclasses.replace(plan, monitor="train_loss"), seed=0)
    plan = dataclasses.replace(plan, monitor="train_loss")
    member, table, count = compile_steps(exploding, plan, data, member)(data, member, 6)
    assert int(member.status) == DIVERGED
    assert int(member.step) == 7
    assert float(member.params["w"]) == 7.0
    assert int(count) == 3  # two good segments, and the one that broke
    assert table["train_loss"][:2].tolist() == [-1.0, -4.0]


def test_the_error_of_a_divergence_names_its_step() -> None:
    plan = dataclasses.replace(PLAN, looped=False, monitor="train_loss")
    with pytest.raises(DivergedError, match="diverged at step 8: the loss is not finite"):
        fit_task(exploding, plan, Splits(splits().train), layout="plan", progress=False)


def test_a_skipped_segment_ends_where_its_segment_would_have() -> None:
    plan = dataclasses.replace(PLAN, looped=False, monitor="train_loss")
    remedies = Remedies("skip", exploding, plan)
    with pytest.raises(DivergedError):
        fit_task(exploding, plan, Splits(splits().train), layout="plan", progress=False, on_diverged=remedies)
    assert [remedy["step"] for remedy in remedies.taken] == [7, 9, 12]


@pytest.mark.parametrize(
    ("multiply_adds", "batch_size", "looped"), [(4_200_000, 128, True), (714_000_000, 8, False)]
)
def test_alexnet_is_called_and_a_small_convnet_is_looped(multiply_adds, batch_size, looped) -> None:
    assert choose_looped(multiply_adds, batch_size) is looped


def test_without_validation_the_last_parameters_are_the_best_and_are_held_once() -> None:
    plan = dataclasses.replace(PLAN, looped=False, monitor="train_loss")
    member = start(recipe, plan, seed=3, hyper={"learning_rate": 0.05})
    data = Data(part_of(splits().train))
    member, _, _ = compile_steps(recipe, plan, data, member)(data, member, 2)
    assert member.best_params is member.params
    assert int(member.best_step) == int(member.step) == 6


def test_the_state_of_a_large_net_is_updated_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepwise, "HELD_TWICE", 0)
    plan = dataclasses.replace(PLAN, looped=False, monitor="train_loss")
    wide = lambda hyper: Task(mlp((3, 512, 512, 2)), per_example(cross_entropy), optax.adam(1e-3))
    member, data = start(wide, plan), Data(part_of(splits().train))
    parameters = sum(leaf.nbytes for leaf in jax.tree.leaves(member.params))
    needed = compile_steps(wide, plan, data, member).memory_analysis()
    assert needed.output_size_in_bytes < 1.01 * parameters  # the gradient
    assert needed.temp_size_in_bytes < 1.5 * parameters  # the moments, for a moment
