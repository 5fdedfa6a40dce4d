"""The list: purposes read without importing, names and paths, and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnjax.errors import ConfigError
from nnjax.runner import listing


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three experiments; importing any of them would fail."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "xor_alone.py").write_text(
        '"""XOR needs a hidden layer.\n\nRun: ...\n"""\nraise SystemExit(1)\n'
    )
    (folder / "broken.py").write_text("def (:\n")
    (folder / "silent.py").write_text("raise SystemExit(1)\n")
    (folder / "_private.py").write_text('"""Not an experiment."""\n')
    monkeypatch.chdir(tmp_path)
    return folder


def test_purposes_are_read_without_importing(here: Path) -> None:
    listed = {item.name: item.purpose for item in listing.experiments()}
    assert listed["xor_alone"] == "XOR needs a hidden layer."
    assert listed["broken"] == "(cannot be read: SyntaxError)"
    assert listed["silent"] == "(no docstring)"
    assert "_private" not in listed


def test_the_experiments_of_the_package_are_listed_from_anywhere(here: Path) -> None:
    assert "digits" in [item.name for item in listing.experiments()]


def test_the_folder_here_comes_first(here: Path) -> None:
    (here / "digits.py").write_text('"""My own digits."""\n')
    assert listing.find_experiment("digits") == Path("experiments/digits.py")


def test_names_and_paths(here: Path) -> None:
    assert listing.find_experiment("xor_alone") == Path("experiments/xor_alone.py")
    assert listing.find_experiment("experiments/xor_alone.py") == Path("experiments/xor_alone.py")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("xor_alne", "no experiment 'xor_alne'; did you mean xor_alone?"),
        ("xor", "no experiment 'xor'; did you mean xor_alone?"),
        ("qqqqq", "no experiment 'qqqqq'; `nnjax list` shows them"),
        ("elsewhere/xor_alne.py", "no experiment at elsewhere/xor_alne.py; did you mean xor_alone?"),
        ("experiments", "no experiment 'experiments'; `nnjax list` shows them"),
    ],
)
def test_a_name_that_is_not_there(here: Path, wanted: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        listing.find_experiment(wanted)
    assert str(caught.value) == message


def test_long_purposes_are_cut_to_the_terminal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    (here / "long.py").write_text(f'"""{"word " * 40}."""\n')
    lines = listing.show_list().splitlines()
    assert all(len(line) <= 40 for line in lines[:-2])
    assert any(line.endswith("…") for line in lines)
