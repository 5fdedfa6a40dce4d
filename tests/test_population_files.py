"""The tables of a population: rows of metrics and of members worked by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from nnjax.runner.population_files import interval_text, setting_rows, summary, write_members
from nnjax.training.comparison import compare
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.member import DIVERGED, FINISHED, STOPPED
from nnjax.training.population import Entrants, Results
from nnjax.training.statistics import mean_interval
from nnjax.types import Plan

NAN = np.nan
LOSS = np.array([[3, 1, NAN], [5, 2, 4], [7, NAN, NAN], [9, 8, 6]], np.float32)


def population() -> FittedPopulation:
    """Two settings of two seeds: one member stops after two segments, one diverges after its first."""
    results = Results(
        params={},
        best_score=np.array([1, 2, 7, 6], np.float32),
        best_step=np.array([20, 20, 10, 30], np.int32),
        step=np.array([20, 30, 10, 30], np.int32),
        status=np.array([STOPPED, FINISHED, DIVERGED, FINISHED], np.int32),
        history={"valid_loss": LOSS},
        computed=np.int64(0),
    )
    hyper = {"l2": np.repeat(np.array([0, 0.1], np.float32), 2), "dropout": np.full(4, 0.5, np.float32)}
    entrants = Entrants(np.array([0, 1, 0, 1], np.uint32), np.zeros(4, np.int32), hyper)
    return FittedPopulation(lambda hyper: None, Plan(3, 10, 8), entrants, results, {})  # type: ignore[arg-type]


def test_rows_of_metrics_hold_those_that_stopped_and_leave_out_those_that_diverged() -> None:
    fitted = population()
    rows = list(setting_rows(fitted, compare(fitted), size=80))
    assert [(row["step"], row["epoch"], row["setting"]) for row in rows] == [
        (step, epoch, setting) for step, epoch in ((10, 1), (20, 2), (30, 3)) for setting in (0, 1)
    ]
    assert [row["valid_loss"] for row in rows] == [4, 9, 1.5, 8, 2.5, 6]  # 2.5 is that of 1, held, and 4
    assert [row["members"] for row in rows] == [2, 1, 2, 1, 2, 1]
    assert [row["running"] for row in rows] == [2, 1, 2, 1, 1, 1]
    wanted = mean_interval([1, 4])
    assert (rows[4]["valid_loss_low"], rows[4]["valid_loss_high"]) == (
        float(f"{wanted.low:.7g}"),
        float(f"{wanted.high:.7g}"),
    )
    assert rows[1]["valid_loss_low"] is None


def test_a_row_a_member(tmp_path: Path) -> None:
    fitted = population()
    compared = compare(fitted, {"test_loss": np.array([0.1, 0.2, 0.3, NAN], np.float32)})
    write_members(tmp_path / "members.csv", fitted, compared, ("l2",))
    heading, *rows = csv.reader((tmp_path / "members.csv").read_text().splitlines())
    names = "member setting seed fold l2 status steps best_step valid_loss test_loss"
    assert heading == names.split()
    assert rows == [
        ["0", "0", "0", "0", "0.0", "stopped", "20", "20", "1.0", "0.1"],
        ["1", "0", "1", "0", "0.0", "finished", "30", "20", "2.0", "0.2"],
        ["2", "1", "0", "0", "0.1", "diverged", "10", "10", "7.0", "0.3"],
        ["3", "1", "1", "0", "0.1", "finished", "30", "30", "6.0", ""],
    ]
    assert (tmp_path / "members.csv").read_bytes().count(b"\r") == 0


def test_a_summary_is_json_and_names_the_swept_settings_alone() -> None:
    fitted = population()
    told = json.loads(json.dumps(summary(fitted, compare(fitted), ("l2",)), allow_nan=False))
    assert (told["members"], told["seeds"], told["folds"], told["diverged"]) == (4, 2, 1, 1)
    assert (told["best_member"], told["ranking"]) == (0, [0, 1])
    assert told["settings"][1]["values"] == {"l2": 0.1}
    assert told["settings"][1]["scores"]["valid_loss"] == {"mean": 6, "low": None, "high": None, "n": 1}
    assert told["settings"][1]["behind_best"]["valid_loss"]["mean"] == 4  # seed 1: 6 - 2


def test_an_interval_in_words() -> None:
    assert interval_text(mean_interval([1.0, 2.0, 3.0])) == "2.0000 [-0.4841, 4.4841]"
