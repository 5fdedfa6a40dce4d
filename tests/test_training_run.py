"""One training as a run: what keeps it alive is checked, and its result is said in a line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.runner import experiment
from nnjax.runner.training_run import Keeping, said
from nnjax.training.checkpoint import Checkpoints


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "configure", lambda: None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"save_every": 0}, "save_every wants an integer of at least 1, got 0"),
        ({"on_divergence": "never"}, "on_divergence wants one of raise, skip, rollback, got 'never'"),
    ],
)
def test_keeping_is_checked(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Keeping(**changes)


def test_periodic_checkpoints_stay_and_the_run_says_how_it_was_asked(tiny: Path, tmp_path: Path) -> None:
    folder = experiment.run_experiment(tiny, ["--epochs", "10"], tmp_path, Keeping("skip", 4))
    described = json.loads((folder / "config.json").read_text())
    assert Checkpoints(folder / "checkpoints").steps() == [44, 88, 110]
    assert described["keeping"] == {"on_divergence": "skip", "save_every": 4}
    assert described["command"].endswith("--epochs 10 --on-divergence skip --save-every 4")
    assert described["finished"] >= described["started"]
    assert len(described["data_digest"]) == 64


def test_a_rollback_without_a_learning_rate_writes_nothing(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "fixed.py"
    path.write_text(
        tiny.read_text()
        .replace("learning_rate: PositiveRate", "rate: Count")
        .replace('hyper["learning_rate"]', "0.01")
        .replace("rate: Count = 0.01", "rate: Count = 1")
    )
    with pytest.raises(ConfigError, match="lowers the traced setting learning_rate, and this one has none"):
        experiment.run_experiment(path, (), tmp_path / "runs", Keeping("rollback"))
    assert not (tmp_path / "runs").exists()


def test_numbers_of_a_result_are_in_one_line() -> None:
    row = {"step": 3, "epoch": 1, "test_loss": np.float64(0.25)}
    assert said("tiny", row) == "tiny: test loss 0.2500 with the parameters of epoch 1"
    assert said("tiny", {"step": 3, "epoch": 1}) == "tiny: done with the parameters of epoch 1"
