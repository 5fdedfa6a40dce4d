"""The README holds: its commands are those of .ci/run, its example runs, its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def block(heading: str, language: str, text: str = README) -> str:
    """The first fenced block of a language under a heading."""
    section = text.split(f"\n## {heading}\n", 1)[1]
    return re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)[1]


def test_ci_runs_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text()
    function = re.search(r"^readme\(\) \{.*?^\}", script, re.DOTALL | re.MULTILINE)[0]
    assert 'for heading in "Run it" "Test it"' in script
    for heading in ("Run it", "Test it"):
        command = ["bash", "-c", f'{function}\nreadme "{heading}"']
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == block(heading, "bash")


def test_the_two_commands_are_what_they_say() -> None:
    assert block("Run it", "bash").strip().endswith("nnjax run experiments/digits.py")
    assert block("Test it", "bash").strip().endswith("-m pytest -n auto")


def test_pre_commit_runs_the_commands_of_ci() -> None:
    entries = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert len(entries) == 4
    assert [line for line in script if line in entries] == entries


def test_ci_is_a_script_that_stops_at_the_first_failure() -> None:
    path = ROOT / ".ci/run"
    assert os.access(path, os.X_OK)
    assert "set -euo pipefail" in path.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_experiment_has_its_row() -> None:
    for path in (ROOT / "experiments").glob("*.py"):
        assert f"(experiments/{path.name})" in README


def test_the_python_example_runs(tmp_path: Path) -> None:
    example = block("Use it", "python")
    assert len(example.splitlines()) <= 12
    command = [sys.executable, "-W", "error", "-c", example]
    environ = {**os.environ, "NNJAX_CACHE": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    accuracy = float(re.search(r"accuracy\D+([\d.]+)", done.stdout)[1])
    assert accuracy > 0.95
