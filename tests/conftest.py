"""What every test stands on: two devices, strict promotion of ranks, and each layer run both ways."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pytest

from nnjax import configure

collect_ignore = ["oracles"]  # scripts that write PyTorch's answers, and need PyTorch

# A shell that starts the tests in the background makes them deaf to Ctrl-C, which some of them send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before any backend starts: the layouts that shard over devices need more than one of them.
configure(cores=2, cache=False)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(params=["eager", "jit"])
def variant(request: pytest.FixtureRequest) -> Callable[..., Callable]:
    """`variant(function, **options)`: the function as it is, and under `jax.jit(..., **options)`."""
    if request.param == "eager":
        return lambda function, **options: function
    return jax.jit


TINY = '''"""Three kinds of digits, standardised, in a second.

Run: nnjax run tiny.py
"""
from __future__ import annotations
import dataclasses
import numpy as np
import optax
from nnjax import Dataset, Plan, Task, accuracy, cross_entropy, load, mlp, per_example
from nnjax.data.scaling import standardise
from nnjax.data.splits import split
from nnjax.runner.settings import Count, PositiveRate, Seed

@dataclasses.dataclass(frozen=True)
class Config:
    hidden: tuple[Count, ...] = (8,)
    epochs: Count = 3
    batch_size: Count = 32
    learning_rate: PositiveRate = 0.01
    seed: Seed = 0

def data(config):
    digits = load("digits")
    some = digits.take(np.flatnonzero(digits.targets < 3))
    three = Dataset(some.inputs, some.targets, "three", ("zero", "one", "two"), some.value_range)
    return standardise(split(three, valid=0.2, test=0.2))

def task(config, hyper):
    optimizer = optax.adam(hyper["learning_rate"])
    return Task(mlp((64, *config.hidden, 3)), per_example(cross_entropy), optimizer,
                metrics={"accuracy": per_example(accuracy)})

def plan(config, splits):
    return Plan(config.epochs, -(-len(splits.train) // config.batch_size), config.batch_size)

def figures(config, fitted, splits, folder):
    from nnjax.runner import plots
    plots.save(plots.image_grid(splits.test.inputs[:5]), folder / "samples.png")
    return {"samples": "What the net sees."}
'''

POPULATION = ["--seeds", "3", "--sweep", "learning_rate=1e-3:1e-1:log3", "--epochs", "4"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small experiment: images, standardised, with a figure of its own."""
    path = tmp_path_factory.mktemp("experiments") / "tiny.py"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def tiny_run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the small experiment. Do not write into it: copy it."""
    return run_tiny(tiny, {"learning_rate": 0.02}, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def tiny_population(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the small experiment as nine members. Do not write into it: copy it."""
    return run_tiny(tiny, POPULATION, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def interrupted_population(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `tiny_population`, stopped after three of its four segments; each was saved, and the last
    two states are there. Do not write into it: copy it."""
    from nnjax.errors import InterruptedRun
    from nnjax.runner import population_state
    from nnjax.training import fit_population

    out = tmp_path_factory.mktemp("runs")
    before = population_state.Watch.on_chunk

    def stopping(self: Any, population: Any, state: Any, n: Any) -> None:
        self.stop = lambda: state.results.step.max() == 3 * population.plan.segment_steps
        before(self, population, state, n)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(population_state.Watch, "on_chunk", stopping)
        patch.setattr(fit_population, "CHUNK_SECONDS", 1e-9)  # a segment a chunk
        for name in ("SAVE_SECONDS", "SAVE_SHARE"):
            patch.setattr(population_state, name, 0)
        with pytest.raises(InterruptedRun):
            run_tiny(tiny, POPULATION, out)
    (folder,) = (out / "tiny").iterdir()
    return folder


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, with an empty $NNJAX_DATA and cache in it; nothing is downloaded."""
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path / "data"))
    return tmp_path


def run_tiny(path: Path, settings: Any, out: Path) -> Path:
    """Runs an experiment in this process, which has been set up already."""
    from nnjax.runner import experiment

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "configure", lambda: None)
        return experiment.run_experiment(path, settings, out)
