"""A population from its flags to its folder: what it holds, twice the same, one compilation, resuming."""

from __future__ import annotations

import csv
import filecmp
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nnjax.errors import ConfigError, DamagedError, DivergedError, InterruptedRun
from nnjax.runner import experiment, population_run, population_state
from nnjax.runner.predicting import evaluate_run
from nnjax.runner.resume import resume
from nnjax.runner.run_folder import read_lines
from nnjax.runner.saved import open_run
from nnjax.training import lanes
from nnjax.training.checkpoint import Checkpoints

SAME = ("members.csv", "metrics.jsonl", "summary.json")
SWEEP = ("--epochs", "4", "--seeds", "3", "--sweep", "learning_rate=1e-3:1e-1:log3")


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("experiment", "predicting", "resume"):
        monkeypatch.setattr(f"nnjax.runner.{module}.configure", lambda **options: None)


def run(path: Path, out: Path, *words: str) -> Path:
    return experiment.run_experiment(path, list(words), out)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "members.csv").open() as file:
        return list(csv.DictReader(file))


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_the_folder_has_everything(tiny_population: Path) -> None:
    names = {path.name for path in tiny_population.iterdir()}
    files = {"config.json", "experiment.py", "scaler.npz", "timing.jsonl", "report.html", "run.lock", *SAME}
    assert names == {*files, "checkpoints", "figures", "members"}
    drawn = {path.stem for path in (tiny_population / "figures").glob("*.png")}
    own = {"learning_curves", "confusion_matrix", "mistakes", "samples"}
    assert drawn == {*own, "population_ribbons", "population_settings"}
    captions = read(tiny_population, "figures/captions.json")
    assert captions["samples"] == "What the net sees."
    assert captions["learning_curves"].startswith("Member ")


def test_config_json_says_who_takes_part(tiny_population: Path) -> None:
    described = read(tiny_population, "config.json")
    assert described["population"] == {
        "members": 9,
        "seeds": [0, 1, 2],
        "sweep": {"learning_rate": [0.001, 0.01, 0.1]},
        "folds": None,
        "halving": [],
        "flags": "--seeds 3 --sweep learning_rate=1e-3:1e-1:log3",
    }
    assert described["command"].endswith("--epochs 4 --seeds 3 --sweep learning_rate=1e-3:1e-1:log3")
    plan = described["plan"]
    assert (plan["layout"], plan["devices"], plan["lanes"], plan["segments"]) == ("lanes", 2, 10, 4)
    assert described["seed"] is None
    assert {"finished", "data_digest"} <= set(described)


def test_times_count_every_members_examples(tiny_population: Path) -> None:
    timing = {row["event"]: row for row in read_lines(tiny_population / "timing.jsonl")}
    train = read(tiny_population, "config.json")["data"]["train"]
    assert timing["train"]["examples"] == 9 * 4 * train
    assert timing["train"]["steps"] == 9 * 4 * 11
    assert set(timing) == {"compile", "train", "evaluate", "save"}


def test_the_same_command_leaves_the_same_files(tiny_population: Path, tiny: Path, tmp_path: Path) -> None:
    again = run(tiny, tmp_path, *SWEEP)
    for name in SAME:
        assert filecmp.cmp(again / name, tiny_population / name, shallow=False), name
    (step,) = Checkpoints(again / "members").steps()
    records = [read(folder, f"members/{step}/record.json")["leaves"] for folder in (again, tiny_population)]
    assert records[0] == records[1]


def test_fewer_lanes_are_compiled_once_and_train_the_same(
    tiny_population: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[int] = []
    before = lanes.compile_lanes

    def counted(recipe: Any, plan: Any, data: Any, members: Any, side_by_side: bool) -> Any:
        compiled.append(len(members.status))
        return before(recipe, plan, data, members, side_by_side)

    monkeypatch.setattr(lanes, "compile_lanes", counted)
    few = run(tiny, tmp_path, *SWEEP, "--lanes", "4")
    assert compiled == [4]
    for one, other in zip(table(few), table(tiny_population), strict=True):
        assert float(one["valid_loss"]) == pytest.approx(float(other["valid_loss"]), rel=1e-4)


def test_predict_and_evaluate_use_the_best_member(
    tiny_population: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = min(table(tiny_population), key=lambda row: float(row["valid_loss"]))
    summary = read(tiny_population, "summary.json")
    assert summary["population"]["best_member"] == int(best["member"])
    assert summary["scores"]["valid_loss"] == pytest.approx(float(best["valid_loss"]))
    assert open_run(tiny_population).step == int(best["best_step"])
    evaluate_run(tiny_population)
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    (test,) = [dict(zip(shown[0], line, strict=True)) for line in shown if line[0] == "test"]
    assert test["examples"] == "107"
    assert test["loss"] == f"{float(best['test_loss']):.4f}"
    assert test["accuracy"] == f"{float(best['test_accuracy']):.4f}"


def test_folds_judge_every_training_example_once(tiny: Path, tmp_path: Path) -> None:
    folder = run(tiny, tmp_path, "--folds", "3", "--seeds", "2", "--epochs", "2")
    assert [(row["seed"], row["fold"]) for row in table(folder)] == [(s, f) for s in "01" for f in "012"]
    # Two thirds of 323 examples in batches of 32 are 7 steps.
    assert read(folder, "config.json")["plan"]["segment_steps"] == 7
    assert read(folder, "summary.json")["population"]["folds"] == 3
    assert "2 seeds × 3 folds" in (folder / "report.html").read_text()


def test_halving_stops_the_worse(tiny: Path, tmp_path: Path) -> None:
    folder = run(tiny, tmp_path, "--sweep", "learning_rate=1e-5,1e-4,1e-2", "--halving", "1", "--epochs", "3")
    assert [row["status"] for row in table(folder)] == ["stopped", "stopped", "finished"]
    assert [row["steps"] for row in table(folder)] == ["11", "11", "33"]


def test_what_does_not_fit_writes_nothing(tiny: Path, tmp_path: Path) -> None:
    for words, message in [
        (["--halving", "9", "--seeds", "2"], "ascending rungs between 1 and 2 segments"),
        (["--halving", "1", "--seeds", "8", "--lanes", "2"], "a lane for each of 8, got 2 lanes"),
        (["--folds", "400"], "folds must be from 2"),
        (["--sweep", "epochs=1,2"], "epochs cannot be swept; the settings that can are learning_rate"),
    ]:
        with pytest.raises(ConfigError, match=message):
            run(tiny, tmp_path / "runs", *words)
    assert not (tmp_path / "runs").exists()


def test_a_chapter_without_a_training_has_no_seeds(tmp_path: Path) -> None:
    path = tmp_path / "shown.py"
    path.write_text(
        '"""A chapter."""\nimport dataclasses\n\n@dataclasses.dataclass(frozen=True)\nclass Config:\n'
        "    size: int = 1\n\ndef show(config):\n    pass\n"
    )
    with pytest.raises(ConfigError, match="shown has no training of its own that could be run many times"):
        run(path, tmp_path, "--seeds", "2")


def wild(tiny: Path, folder: Path) -> Path:
    path = folder / "wild.py"
    path.write_text(tiny.read_text().replace("optax.adam(", "optax.sgd("))
    return path


def test_only_the_members_that_diverge_stop(tiny: Path, tmp_path: Path) -> None:
    folder = run(wild(tiny, tmp_path), tmp_path, "--sweep", "learning_rate=0.01,1e30", "--seeds", "2")
    rows = table(folder)
    assert [row["status"] for row in rows] == ["finished", "finished", "diverged", "diverged"]
    assert rows[2]["valid_loss"] == rows[3]["valid_loss"] == rows[2]["test_loss"] == ""
    told = read(folder, "summary.json")["population"]
    assert (told["ranking"], told["diverged"], told["settings"][1]["scores"]) == ([0, 1], 2, {})
    assert {row["setting"] for row in read_lines(folder / "metrics.jsonl")} == {0}
    assert "2 diverged" in (folder / "report.html").read_text()


def test_where_all_diverge_there_is_no_best_one(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="all 2 members diverged in their first segment"):
        run(wild(tiny, tmp_path), tmp_path, "--seeds", "2", "--learning-rate", "1e30")
    (folder,) = (tmp_path / "wild").iterdir()
    assert [row["status"] for row in table(folder)] == ["diverged"] * 2
    assert not (folder / "checkpoints").exists()
    assert (folder / "report.html").is_file()


@pytest.mark.parametrize("chunks", [1, 3])
def test_a_signal_saves_and_resume_ends_the_same(
    chunks: int, tiny_population: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter(range(100))
    before = population_state.Watch.on_chunk

    def stopping(self: Any, population: Any, state: Any, n: Any) -> None:
        self.stop = lambda: next(seen) == chunks - 1
        before(self, population, state, n)

    monkeypatch.setattr(population_state.Watch, "on_chunk", stopping)
    monkeypatch.setattr("nnjax.training.fit_population.CHUNK_SECONDS", 1e-9)  # a segment a chunk
    with pytest.raises(InterruptedRun, match="stopped as asked, with 0 of 9 members ended"):
        run(tiny, tmp_path, *SWEEP)
    (folder,) = (tmp_path / "tiny").iterdir()
    assert Checkpoints(folder / population_state.UNDER_WAY).steps() == [9 * chunks]
    assert resume(folder) == folder
    for name in SAME:
        assert filecmp.cmp(folder / name, tiny_population / name, shallow=False), name
    assert Checkpoints(folder / population_state.UNDER_WAY).steps() == [9 * chunks]  # for `nnjax verify`
    assert [row["event"] for row in read_lines(folder / "timing.jsonl")].count("train") == 1


def test_a_damaged_config_is_named(tiny_population: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(tiny_population, folder)
    described = read(folder, "config.json")
    for flags in (None, "", "--sweep epochs=3", "--epochs 3"):
        described["population"]["flags"] = flags
        (folder / "config.json").write_text(json.dumps(described))
        with pytest.raises(DamagedError, match=r"population\.flags"):
            population_run.reopen(folder)


def test_other_data_are_not_gone_on_with(tiny_population: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(tiny_population, folder)
    described = read(folder, "config.json") | {"data_digest": "other"}
    (folder / "config.json").write_text(json.dumps(described))
    with pytest.raises(ConfigError, match="cannot go on as it began: the data are others"):
        population_run.resume_population(folder, described)


def test_one_member_has_no_interval(tiny: Path, tmp_path: Path) -> None:
    folder = run(tiny, tmp_path, "--sweep", "learning_rate=0.01", "--epochs", "1")
    (setting,) = read(folder, "summary.json")["population"]["settings"]
    (row,) = read_lines(folder / "metrics.jsonl")
    assert setting["scores"]["valid_loss"] == {"mean": row["valid_loss"], "low": None, "high": None, "n": 1}
    assert (row["members"], row["running"], row["valid_loss_low"]) == (1, 1, None)
    assert float(table(folder)[0]["valid_loss"]) == pytest.approx(row["valid_loss"])
