"""States between checkpoints: by the program that trained the run, and inside a segment step by step."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import numpy as np

from nnjax.runner.experiment import run_experiment
from nnjax.runner.explain.states import Training, open_training, replay
from nnjax.training.engine import advance, batch_rows, place
from nnjax.training.evaluate import part_of
from nnjax.training.member import Data
from nnjax.types import Params

EXPERIMENT = '''"""Sequences of lengths 3 and 9, by an LSTM: buckets of two widths."""
import dataclasses

import numpy as np
import optax

from nnjax import Dataset, Plan, Sequences, Splits, Task, cross_entropy, per_example
from nnjax.models.sequence_nets import sequence_classifier
from nnjax.runner.settings import Seed


@dataclasses.dataclass(frozen=True)
class Config:
    looped: bool = True
    seed: Seed = 3


def data(config):
    rng = np.random.default_rng(0)
    lengths = np.array([3, 9] * 12, np.int32)
    inputs = Sequences(rng.normal(size=(24, 9, 2)).astype(np.float32), lengths)
    return Splits(Dataset(inputs, rng.integers(0, 3, 24).astype(np.int32)))


def task(config, hyper):
    return Task(sequence_classifier(2, 8, 3), per_example(cross_entropy), optax.adam(0.05))


def plan(config, splits):
    return Plan(4, segment_steps=6, batch_size=4, monitor="train_loss", looped=config.looped)
'''


def trained(folder: Path, **settings: bool) -> Training:
    (folder / "lengths.py").write_text(EXPERIMENT)
    return open_training(run_experiment(folder / "lengths.py", settings, folder / "runs"))


def by_hand(training: Training, steps: int) -> Params:
    """The parameters after so many steps from the start, each on the batch that its position names."""
    recipe, plan = training.experiment.recipe(training.config), training.plan
    data, member = place(plan, Data(part_of(training.splits.train))), training.first
    one = jax.jit(lambda member, rows: advance(recipe, plan, data, member, rows)[0])
    for _ in range(steps):
        member = one(member, batch_rows(plan, data.train, member, 1)[0])
    return jax.device_get(member.params)


def test_a_step_inside_a_segment_of_batches_of_several_widths(tmp_path: Path) -> None:
    training = trained(tmp_path)
    assert [width for _, width in training.plan.buckets] == [3, 9]
    found = replay(training, [2, 8])
    for step in (2, 8):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5),
            found.states[step].params,
            by_hand(training, step),
        )
    assert found.states[8].source == "trained again from the start"


def test_a_large_net_is_trained_again_as_it_was(tmp_path: Path) -> None:
    """Outside a loop its steps are another program, and that one meets the checkpoint bit for bit."""
    training = trained(tmp_path, looped=False)
    assert not training.plan.looped
    found = replay(training, [6, 8, 24])
    assert found.apart == {24: 0.0}
    looped = replay(training._replace(plan=dataclasses.replace(training.plan, looped=True)), [6, 24])
    assert 0 < looped.apart[24] < 1e-3
