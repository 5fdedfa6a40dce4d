"""What a run ran on, against the system's own tools."""

from __future__ import annotations

import os
import subprocess
from importlib import metadata
from pathlib import Path

import jax
import pytest

from nnjax.runner import machine


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_versions_are_those_that_run() -> None:
    found = machine.versions()
    assert found["jax"] == jax.__version__
    assert found["nnjax"] == metadata.version("nnjax")


def test_git_commit_names_the_commit_and_what_differs_from_it(tmp_path: Path) -> None:
    assert machine.git_commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-qm", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert machine.git_commit(tmp_path) == head
    (tmp_path / "a.py").write_text("2")
    assert machine.git_commit(tmp_path) == head + "+changes"


def test_git_commit_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.git_commit(tmp_path) is None


def test_memory_is_what_the_system_says() -> None:
    total, free = machine.memory_bytes()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert total == pytest.approx(pages, rel=0.01)
    assert 0 <= free <= total


def test_the_processor_has_a_name() -> None:
    listed = Path("/proc/cpuinfo")
    if not listed.exists() or "model name" not in listed.read_text():
        pytest.skip("the system does not say")
    assert f": {machine.processor()}\n" in listed.read_text()
