"""The experiment on the Japanese vowels: what it computes in padding, its noise, and its figures."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.data.padding import pad
from nnjax.runner.experiment_module import load_experiment
from nnjax.training.buckets import length_buckets, real_share
from nnjax.types import Dataset, Net, Sequences, Splits

PATH = Path(__file__).resolve().parent.parent / "experiments/vowels.py"
# How many of the 270 utterances of the training part have 7, 8, ... 26 frames.
LENGTHS = (1, 0, 2, 10, 18, 22, 21, 22, 41, 28, 27, 22, 13, 8, 14, 5, 11, 2, 2, 1)


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).task.__module__]


def test_nearly_all_steps_that_are_computed_are_real(chapter: ModuleType) -> None:
    lengths = np.repeat(np.arange(7, 7 + len(LENGTHS)), LENGTHS)
    assert len(lengths) == chapter.UTTERANCES
    size = chapter.Config().batch_size
    assert real_share(lengths, size, length_buckets(lengths, size)) >= 0.95


def test_noise_is_heard_in_training_alone(chapter: ModuleType) -> None:
    net = chapter.noisy(Net(lambda key: {}, lambda params, x, **_: x.values), 0.5)
    x = Sequences(jnp.zeros((200, 10, 12)), jnp.full(200, 10))
    heard = net.apply({}, x, key=jax.random.key(0), train=True)
    assert float(jnp.std(heard)) == pytest.approx(0.5, rel=0.02)
    assert not net.apply({}, x).any()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_gates_of_the_longest_utterance(
    chapter: ModuleType, bidirectional: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = chapter.Config(bidirectional=bidirectional, hidden=5)
    generator = np.random.default_rng(0)
    inputs = pad([generator.normal(size=(length, 12)).astype(np.float32) for length in (3, 9, 6)])
    part = Dataset(inputs, np.arange(3))
    task = chapter.task(config, {"learning_rate": 0.01, "weight_decay": 0.0, "dropout": 0.1, "noise": 0.1})
    seen = {}
    monkeypatch.setattr(chapter.plots, "gates_figure", lambda traces: seen.update(traces))
    monkeypatch.setattr(chapter.plots, "save", lambda figure, path: None)
    fitted = SimpleNamespace(params=task.net.init(jax.random.key(0)))
    assert set(chapter.figures(config, fitted, Splits(part, None, part), tmp_path)) == {"gates"}
    assert {values.shape for values in seen.values()} == {(9, 5)}
