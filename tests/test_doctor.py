"""The doctor: what is there, what is missing, and the command for it."""

from __future__ import annotations

import os
from pathlib import Path

import jax
import pytest

from nnjax.runner import doctor


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], doctor.Finding]:
    """The findings with an empty cache and one package missing."""
    version = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: None if name == "pooch" else version(name))
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path))
    monkeypatch.delenv("NNJAX_DATA", raising=False)
    monkeypatch.delenv("NNJAX_OFFLINE", raising=False)
    return {(finding.section, finding.name): finding for finding in doctor.findings()}


def test_a_missing_package_comes_with_its_command(found: dict) -> None:
    assert found["versions", "pooch"].value == "missing: pip install pooch"
    assert not found["versions", "pooch"].fine
    assert found["versions", "jax"].value == jax.__version__


def test_missing_data_come_with_the_ways_to_get_them(found: dict, tmp_path: Path) -> None:
    mnist = found["data", "mnist"]
    assert not mnist.fine
    assert "$NNJAX_DATA/mnist" in mnist.value
    assert mnist.value.endswith("or let `nnjax run` download it")
    assert found["caches", "data"].value == str(tmp_path)
    assert "NNJAX_OFFLINE" not in os.environ


def test_without_a_network_no_download_is_offered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path))
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    values = {finding.name: finding.value for finding in doctor.findings()}
    assert "download it" not in values["mnist"]
    assert values["downloads"] == "off ($NNJAX_OFFLINE)"
    assert os.environ["NNJAX_OFFLINE"] == "1"


def test_required_reads_the_metadata_of_the_package() -> None:
    assert "jax" in doctor.required("")
    assert "pytest" not in doctor.required("")
    assert "pytest" in doctor.required("test")
    assert "torch" in doctor.required("benchmark")


def test_elsewhere_than_on_a_terminal_it_prints_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.examine()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok ", "!! ")) for line in lines)
    assert f"ok versions: jax: {jax.__version__}" in lines
