"""The commands: each says what it takes, and hands on what it was given."""

from __future__ import annotations

from typing import Any

import pytest

from nnjax.runner import cli, commands, experiment, resume, verify
from nnjax.runner.training_run import Keeping


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the answers were given."""
    given: list[Any] = []
    for module, name in ((experiment, "run_experiment"), (resume, "resume"), (verify, "verify")):
        monkeypatch.setattr(module, name, lambda *words, **named: given.append((*words, named)))
    return given


def test_run_takes_its_own_flags_and_leaves_the_others(told: list[Any]) -> None:
    words = ["run", "digits", "--epochs", "3", "--save-every", "2", "--on-divergence", "skip", "--out", "x"]
    assert cli.main(words) == 0
    ((path, settings, out, keeping, named),) = told
    assert (path.name, settings, out, named) == ("digits.py", ["--epochs", "3"], "x", {})
    assert keeping == Keeping("skip", 2)


def test_resume_and_verify_hand_on_what_they_were_given(told: list[Any]) -> None:
    assert cli.main(["resume", "digits", "--force", "--on-divergence", "rollback"]) == 0
    assert cli.main(["resume", "digits"]) == 0
    assert cli.main(["verify", "digits"]) == 0
    assert told == [
        ("digits", {"force": True, "on_divergence": "rollback"}),
        ("digits", {"force": False, "on_divergence": None}),
        ("digits", {}),
    ]


@pytest.mark.parametrize("name", ["resume", "verify"])
def test_what_trains_starts_its_process_again_before_the_lock_is_taken(name: str) -> None:
    assert commands.COMMANDS[name].trains


@pytest.mark.parametrize("name", list(commands.COMMANDS))
def test_every_command_has_a_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = cli.main([name, "--help"])
    except SystemExit as end:
        code = end.code
    assert code == 0
    assert f"nnjax {name}" in capsys.readouterr().out
