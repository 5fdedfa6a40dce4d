"""The chorales: a frame's cost worked by hand, baselines by counting, and a run on a file of one's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.io

from nnjax.data.padding import pad
from nnjax.errors import ConfigError
from nnjax.runner.experiment import run_experiment
from nnjax.runner.experiment_module import load_experiment
from nnjax.types import Dataset, Splits

PATH = Path(__file__).resolve().parent.parent / "experiments/chorales.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).task.__module__]


@pytest.fixture(scope="module")
def rolls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two keys that take turns, in MATLAB's form."""
    path = tmp_path_factory.mktemp("rolls") / "turns.mat"
    roll = np.zeros((24, 88))
    roll[::2, 40] = roll[1::2, 45] = 1
    cells = {}
    for name, count in (("traindata", 8), ("validdata", 4), ("testdata", 4)):
        cells[name] = np.empty((1, count), object)
        for place in range(count):
            cells[name][0, place] = roll[: 24 - 2 * place]
    scipy.io.savemat(path, cells)
    return path


def test_a_frame_costs_the_sum_of_88_coins(chapter) -> None:
    logits = jnp.zeros((2, 88)).at[1, 3].set(jnp.log(3.0))
    targets = jnp.zeros((2, 88), jnp.uint8).at[1, 3].set(1)
    wanted = [88 * np.log(2), 87 * np.log(2) - np.log(0.75)]
    np.testing.assert_allclose(chapter.keys_nats(logits, targets), wanted, rtol=1e-6)
    assert chapter.wrong_keys(logits, targets).tolist() == [0, 0]
    assert chapter.wrong_keys(-logits, targets).tolist() == [0, 1]


def test_baselines_by_counting_worked_by_hand(chapter) -> None:
    roll = np.zeros((5, 88), np.uint8)
    roll[:, 10] = [1, 1, 0, 0, 1]
    part = Dataset(pad([roll[:-1]]), pad([roll[1:]]))
    costs = chapter.costs_by_counting(Splits(part, part, part))
    silent = -np.log1p(-0.5 / 5)  # a key that never sounds: (0 + 1/2) / (4 + 1)
    share = 2.5 / 5
    assert costs["each key by its share"] == pytest.approx(87 * silent - np.log(share))
    # 1 -> 1, 0 -> 0, 1 -> 0, 0 -> 1: after either, half of the times.
    assert costs["the last frame again"] == pytest.approx(87 * silent - np.log(1.5 / 3))


def test_baselines_of_a_voice_leave_its_first_note_out(chapter) -> None:
    line = np.array([1, 1, 1, 2, 2, 2], np.uint8)
    part = Dataset(pad([line[:-1]] * 3), pad([line[1:]] * 3), classes=("rest", "60", "62"))
    costs = chapter.costs_of_notes(Splits(part, part, part))
    assert list(costs) == ["the last note again", *(f"{n}-gram" for n in range(1, 7))]
    assert costs["4-gram"] < costs["2-gram"] < costs["1-gram"]
    wanted = -np.log((9 + 2 / 3) / 20)  # 9 of 18 symbols, 2 different ones of 3
    assert costs["1-gram"] == pytest.approx(wanted)


def test_a_run_on_a_file_is_scored_beside_counting(rolls: Path, tmp_path: Path) -> None:
    settings = {"data": str(rolls), "kind": "rnn", "hidden": 16, "epochs": 25, "batch_size": 4}
    settings |= {"learning_rate": 0.03, "dropout": 0.0, "input_dropout": 0.0}
    folder = run_experiment(PATH, settings, tmp_path)
    told = json.loads((folder / "forecasts.json").read_text())
    own = told["test"]["RNN, 16 cells"]
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    assert own == pytest.approx(last["test_loss"], rel=1e-4)
    assert own < told["test"]["each key by its share"]
    assert told["test"]["the last frame again"] < own  # keys that take turns need nothing else
    assert (folder / "figures" / "expected.png").stat().st_size > 5000


def test_a_file_has_no_soprano(chapter) -> None:
    with pytest.raises(ConfigError, match="has no soprano"):
        chapter.data(chapter.Config(data="a.mat", soprano=True))
