"""A run from its flags to its folder, and the main job by the command itself."""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnjax.errors import ConfigError, DataError, DivergedError, InterruptedRun
from nnjax.runner import experiment
from nnjax.runner.run_folder import read_lines
from nnjax.training.checkpoint import Checkpoints

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "configure", lambda: None)


def test_the_folder_has_everything(tiny_run: Path, tiny: Path) -> None:
    assert (tiny_run / "experiment.py").read_text() == tiny.read_text()
    assert tiny_run.parent.name == "tiny"
    names = {path.name for path in (tiny_run / "figures").iterdir()}
    drawn = {"learning_curves.png", "confusion_matrix.png", "mistakes.png", "samples.png"}
    assert names == {*drawn, "captions.json"}
    page = (tiny_run / "report.html").read_text()
    assert "What the net sees." in page
    assert page.count("data:image/png") == 4
    assert Checkpoints(tiny_run / "checkpoints").steps() == [33]


def test_config_json_says_what_ran_on_what(tiny_run: Path) -> None:
    described = json.loads((tiny_run / "config.json").read_text())
    assert described["name"] == "tiny"
    assert described["purpose"] == "Three kinds of digits, standardised, in a second."
    assert described["config"]["learning_rate"] == 0.02
    assert described["plan"]["segment_steps"] == 11
    assert described["seed"] == 0
    parts = [described["data"].pop(part) for part in ("train", "valid", "test")]
    assert parts == [323, 107, 107]
    assert described["data"] == {
        "name": "three",
        "classes": ["zero", "one", "two"],
        "shape": [8, 8],
        "dtype": "float32",
        "value_range": [0, 16],
    }
    assert len(described["devices"]) == 2
    assert described["versions"]["jax"]


def test_rows_stand_on_the_grid_and_the_last_has_the_test(tiny_run: Path) -> None:
    *rows, last = read_lines(tiny_run / "metrics.jsonl")
    assert [(row["step"], row["epoch"]) for row in rows] == [(11, 1), (22, 2), (33, 3)]
    assert set(last) == {"step", "epoch", "test_loss", "test_accuracy"}
    best = min(rows, key=lambda row: row["valid_loss"])
    assert (last["step"], last["epoch"]) == (best["step"], best["epoch"])
    assert last["test_accuracy"] > 0.9
    summary = json.loads((tiny_run / "summary.json").read_text())
    assert summary["parameters"] == 64 * 8 + 8 + 8 * 3 + 3
    assert summary["scores"] == {**best, **last}


def test_times_are_apart(tiny_run: Path) -> None:
    timing = read_lines(tiny_run / "timing.jsonl")
    assert {row["event"] for row in timing} == {"compile", "train", "evaluate", "save"}
    assert sum(row["steps"] for row in timing if row["event"] == "train") == 33
    trained = sum(row["examples"] for row in timing if row["event"] == "train")
    described = json.loads((tiny_run / "config.json").read_text())
    assert trained == 3 * described["data"]["train"]


def test_the_same_settings_give_the_same_rows(tiny_run: Path, tiny: Path, tmp_path: Path) -> None:
    again = experiment.run_experiment(tiny, ["--learning-rate", "0.02"], tmp_path)
    assert filecmp.cmp(again / "metrics.jsonl", tiny_run / "metrics.jsonl", shallow=False)


def test_a_wrong_setting_writes_nothing(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown flag --epoch; did you mean --epochs"):
        experiment.run_experiment(tiny, ["--epoch", "3"], tmp_path / "runs")
    with pytest.raises(ConfigError, match="epochs wants an integer of at least 1, got 0"):
        experiment.run_experiment(tiny, {"epochs": 0}, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_data_that_cannot_be_trained_on_write_nothing(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.py"
    splits = "standardise(split(three, valid=0.2, test=0.2))"
    damage = f"splits = {splits}\n    splits.train.inputs[7] = np.nan\n    return splits"
    path.write_text(tiny.read_text().replace(f"return {splits}", damage))
    with pytest.raises(DataError, match="row 7"):
        experiment.run_experiment(path, (), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_training_that_diverges_leaves_its_last_good_state(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "wild.py"
    path.write_text(tiny.read_text().replace("optax.adam(", "optax.sgd("))
    with pytest.raises(DivergedError):
        experiment.run_experiment(path, {"learning_rate": 1e30}, tmp_path / "runs")
    (folder,) = (tmp_path / "runs" / "wild").iterdir()
    assert Checkpoints(folder / "checkpoints").steps() == [0]


def test_a_signal_saves_and_ends_with_75(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "stop_requests", lambda: contextlib.nullcontext(lambda: True))
    with pytest.raises(InterruptedRun, match="stopped before its next step, as asked"):
        experiment.run_experiment(tiny, (), tmp_path)
    (folder,) = (tmp_path / "tiny").iterdir()
    assert "finished" not in json.loads((folder / "config.json").read_text())


def run_digits(folder: Path, *flags: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """`nnjax run digits` as a process of its own, and the folder that it left."""
    environ = {**os.environ, "NNJAX_CACHE": str(folder / "cache"), "NNJAX_OFFLINE": "1"}
    path = str(ROOT / "experiments/digits.py")
    command = [sys.executable, "-m", "nnjax.runner.cli", "run", path, "--out", str(folder), *flags]
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    return done, max((folder / "digits").iterdir(), default=folder) if done.returncode == 0 else folder


def test_the_main_job(tmp_path: Path) -> None:
    done, first = run_digits(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"report: {first / 'report.html'}"
    assert read_lines(first / "metrics.jsonl")[-1]["test_accuracy"] >= 0.97
    done, second = run_digits(tmp_path)
    assert first != second
    assert filecmp.cmp(first / "metrics.jsonl", second / "metrics.jsonl", shallow=False)


def test_a_mistyped_flag_by_the_command(tmp_path: Path) -> None:
    done, _ = run_digits(tmp_path, "--epoch", "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nnjax: unknown flag --epoch; did you mean --epochs?\n"
