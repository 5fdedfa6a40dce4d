"""Run folders: names that do not collide, files that are whole, runs that are found again."""

from __future__ import annotations

import datetime
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nnjax.errors import ConfigError, DamagedError, StorageError
from nnjax.runner.run_folder import JsonLines, find_run, new_folder, read_lines, write_json

NOON = datetime.datetime(2024, 5, 6, 12, 0, 0)


def test_runs_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_folder(tmp_path, "digits", NOON), range(24)))
    assert len(set(folders)) == 24
    assert tmp_path / "digits" / "2024-05-06_12-00-00" in folders
    assert tmp_path / "digits" / "2024-05-06_12-00-00_24" in folders


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "digits").write_text("")
    with pytest.raises(StorageError, match="digits"):
        new_folder(tmp_path, "digits", NOON)


def test_a_run_is_found_by_its_folder_its_name_or_as_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (new_folder(Path("runs"), "digits", NOON) for _ in range(2))
    for moment, folder in enumerate((first, second)):
        write_json(folder / "config.json", {})
        os.utime(folder / "config.json", (moment, moment))
    assert find_run(str(first)) == first
    assert find_run("digits") == second
    assert find_run("runs/digits") == second
    with pytest.raises(ConfigError, match="no run at fashion, nor under runs/fashion"):
        find_run("fashion")


def test_json_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    with pytest.raises(StorageError, match="cannot be written: No such file or directory"):
        write_json(tmp_path / "nowhere" / "config.json", {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.json"]


def test_rows_come_back_and_what_is_not_finite_is_null(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "metrics.jsonl")
    assert read_lines(lines.path) == []
    lines.add({"step": 1, "train_loss": 0.1})
    lines.add({"step": 2, "train_loss": float("nan")}, {"step": 3, "train_loss": float("inf")})
    assert read_lines(lines.path) == [
        {"step": 1, "train_loss": 0.1},
        {"step": 2, "train_loss": None},
        {"step": 3, "train_loss": None},
    ]


def test_rows_are_cut_to_a_position_and_those_that_stay_are_untouched(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "metrics.jsonl")
    lines.add({"step": 1, "train_loss": 0.1}, {"step": 2, "train_loss": float("nan")}, {"step": 3})
    lines.sync()
    first = lines.path.read_bytes().splitlines(keepends=True)
    with lines.path.open("a") as file:
        file.write('{"step": 4, "tr')  # what a kill leaves
    kept = lines.cut(2)
    assert lines.path.read_bytes() == b"".join(first[:2])
    assert kept[0] == {"step": 1, "train_loss": 0.1}
    assert math.isnan(kept[1]["train_loss"])
    with pytest.raises(DamagedError, match=r"metrics\.jsonl is damaged: 3 rows were written, 2 are left"):
        lines.cut(3)
    assert lines.path.read_bytes() == b"".join(first[:2])


def test_a_row_that_was_cut_short_goes_and_the_others_stay(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "timing.jsonl")
    assert lines.cut() == []
    assert lines.cut(0) == []
    assert not lines.path.exists()
    lines.path.write_text('{"event": "train"}\n{"event": "sa')
    assert lines.cut() == [{"event": "train"}]
    assert lines.path.read_text() == '{"event": "train"}\n'
    with pytest.raises(DamagedError, match="1 rows were written, 0 are left"):
        JsonLines(tmp_path / "nothing.jsonl").cut(1)


@pytest.mark.parametrize("text", ["[1]\n", "{\n", "\x00\n", "[" * 100_000 + "\n"])
def test_a_line_that_is_no_row_is_damage(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(text)
    with pytest.raises(DamagedError, match=r"metrics\.jsonl, line 1, is damaged"):
        JsonLines(path).cut(1)
    assert path.read_text() == text
