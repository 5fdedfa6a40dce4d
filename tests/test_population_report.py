"""The report of a population: its headline, its settings, its best members, and damage that is named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from nnjax.errors import DamagedError
from nnjax.runner.report import populations, write_report
from nnjax.runner.report.run_files import RunFiles, read_run

NO_MEMBERS = RunFiles({}, [], None, [], [], [], "", [])


def scored(mean: float, half: float | None = None) -> dict[str, object]:
    ends = (None, None) if half is None else (mean - half, mean + half)
    return {"mean": mean, "low": ends[0], "high": ends[1], "n": 1 if half is None else 4}


def setting(rate: float, loss: float, behind: dict[str, object], diverged: int = 0) -> dict[str, object]:
    scores = {"valid_loss": scored(loss, 0.01), "valid_accuracy": scored(0.9, 0.02)}
    scores["test_accuracy"] = scored(0.8, 0.1)
    values = {"learning_rate": rate}
    return {"values": values, "members": 4, "diverged": diverged, "scores": scores, "behind_best": behind}


POPULATION = {
    "members": 12,
    "seeds": 4,
    "folds": 1,
    "diverged": 1,
    "monitor": "valid_loss",
    "maximize": False,
    "best_member": 7,
    "ranking": [1, 0, 2],
    "settings": [
        setting(0.001, 0.3, {"valid_loss": scored(0.1, 0.2)}),
        setting(0.01, 0.2, {}),
        setting(0.1, 0.4, {"valid_loss": scored(0.2, 0.1)}, diverged=1),
    ],
}


def members(count: int) -> list[dict[str, str]]:
    names = ["member", "seed", "fold", "learning_rate", "status", "best_step"]
    blank = dict.fromkeys([*names, "valid_loss", "train_loss", "test_loss"], "0")
    rows = [blank | {"member": str(i), "valid_loss": str(1 + i / 8)} for i in range(count)]
    rows[0] |= {"status": "diverged", "valid_loss": "0.5"}
    rows[1] |= {"valid_loss": ""}
    return rows


RUN = NO_MEMBERS._replace(population=POPULATION, members=members(14))


def cells(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_a_run_of_one_training_says_nothing_of_populations() -> None:
    assert populations.cards(NO_MEMBERS) == []
    assert populations.settings_section(NO_MEMBERS) == populations.members_section(NO_MEMBERS) == ""


def test_the_headline() -> None:
    assert populations.cards(RUN) == [
        ("Test accuracy", "0.8000", "[0.7000, 0.9000], best setting"),
        ("Validation accuracy", "0.9000", "[0.8800, 0.9200], best setting"),
        ("Members", "12", "3 settings × 4 seeds, 1 diverged"),
    ]


def test_the_settings_are_ranked_and_compared_with_the_best() -> None:
    page = populations.settings_section(RUN)
    assert "<strong>learning rate 0.01</strong>. 1 of the other 2 cannot be told from it." in page
    heading, *rows = cells(page)
    assert heading[:3] == ["learning rate", "diverged", "validation loss"]
    assert heading[-1] == "difference in loss"
    assert [row[0] for row in rows] == ["0.01", "0.001", "0.1"]
    assert [row[1] for row in rows] == ["0", "0", "1"]
    assert rows[0][2] == "0.2000 ± 0.0100"
    assert [row[-1] for row in rows] == ["", "+0.1000 ± 0.2000", "+0.2000 ± 0.1000"]


def test_the_ten_best_members_are_those_that_ended_well() -> None:
    heading, *rows = cells(populations.members_section(RUN))
    assert heading == [
        *("member", "seed", "learning rate", "status", "best step"),
        *("validation loss", "test loss"),
    ]
    assert [row[0] for row in rows] == [str(i) for i in range(2, 12)]


def test_the_page_of_a_whole_run(tiny_population: Path) -> None:
    run = read_run(tiny_population)
    assert (run.rows, run.test, run.missing) == ([], None, [])
    assert len(run.members) == 9
    page = (tiny_population / "report.html").read_text()
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles[:4] == ["Which setting is best", "The best members", "How it learned", "What it confuses"]
    assert "3 settings × 3 seeds" in page
    assert "<dt>learning_rate</dt><dd>swept</dd>" in page


def test_a_population_that_has_not_ended_has_a_page(tiny_population: Path, tmp_path: Path) -> None:
    for name in ("config.json", "experiment.py"):
        shutil.copy(tiny_population / name, tmp_path / name)
    page = write_report(tmp_path).read_text()
    assert "the members (members.csv)" in page
    assert "Which setting is best" not in page


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "members.csv",
            "member,seed\n0,1\n1\n",
            r"line 3, is damaged: it has not as many values",
        ),
        ("members.csv", "member,seed\n0,1,2\n", r"members\.csv, line 2, is damaged"),
        ("summary.json", '{"layers": []}', r"summary\.json is damaged: wanted a population"),
        ("summary.json", '{"population": {"members": 1}}', r"summary\.json is damaged"),
    ],
)
def test_damage_is_named(
    name: str, content: str, message: str, tiny_population: Path, tmp_path: Path
) -> None:
    for kept in ("config.json", "members.csv", "summary.json"):
        shutil.copy(tiny_population / kept, tmp_path / kept)
    (tmp_path / name).write_text(content)
    with pytest.raises(DamagedError, match=message):
        read_run(tmp_path)
