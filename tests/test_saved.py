"""Opening a run again: the parameters that were kept, and what is said of a folder that is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nnjax.errors import ConfigError, DamagedError
from nnjax.runner.run_folder import read_lines
from nnjax.runner.saved import open_run
from nnjax.training.evaluate import evaluate


@pytest.fixture
def copy(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def test_the_parameters_are_those_that_were_scored(tiny_run: Path) -> None:
    run = open_run(tiny_run)
    splits = run.experiment.data(run.config)
    scores = evaluate(run.task, run.params, splits.test)
    last = read_lines(tiny_run / "metrics.jsonl")[-1]
    assert {f"test_{name}": value for name, value in scores.items()}.items() <= last.items()
    assert run.config.learning_rate == 0.02
    np.testing.assert_array_equal(run.scaler.std, splits.scaler.std)
    np.testing.assert_array_equal(run.scaler.mean, splits.scaler.mean)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no run folder: it has no config\.json"):
        open_run(tmp_path)


def test_a_run_that_saved_nothing(copy: Path) -> None:
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(ConfigError, match="has no checkpoint: the run ended before it saved anything"):
        open_run(copy)


@pytest.mark.parametrize("text", ["{", "[1]", '{"name": "tiny"}', "null"])
def test_a_damaged_configuration(copy: Path, text: str) -> None:
    (copy / "config.json").write_text(text)
    with pytest.raises(DamagedError, match=r"config\.json is damaged"):
        open_run(copy)


def test_a_damaged_scaler(copy: Path) -> None:
    (copy / "scaler.npz").write_bytes(b"PK nothing")
    with pytest.raises(DamagedError, match=r"scaler\.npz is damaged"):
        open_run(copy)


def test_a_configuration_that_does_not_fit_its_checkpoint(copy: Path) -> None:
    described = json.loads((copy / "config.json").read_text())
    described["config"]["hidden"] = [9]
    (copy / "config.json").write_text(json.dumps(described))
    with pytest.raises(ConfigError, match=r"should be float32\[9\], but is float32\[8\]"):
        open_run(copy)


def test_a_chapter_has_nothing_to_open(copy: Path) -> None:
    described = json.loads((copy / "config.json").read_text())
    del described["data"]
    (copy / "config.json").write_text(json.dumps({**described, "chapter": True}))
    with pytest.raises(ConfigError, match="is a chapter's run: it has no network of its own"):
        open_run(copy)
