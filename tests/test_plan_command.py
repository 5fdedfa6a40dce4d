"""`nnjax plan` says what a training takes, and trains nothing."""

from __future__ import annotations

import pytest

from nnjax.errors import ConfigError, OutOfMemoryError
from nnjax.runner import cli, plan_command
from nnjax.runner.listing import find_experiment


def test_the_forecast_of_the_digits(capsys) -> None:
    forecast = plan_command.plan_experiment(find_experiment("digits"), ["--epochs", "10"])
    parameters = 64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    assert forecast.parameters == 4 * parameters
    assert 3 * forecast.parameters <= forecast.state < 3.01 * forecast.parameters  # two moments and the best
    assert forecast.steps == 10 * 36
    assert forecast.working > 0
    said = capsys.readouterr().out
    assert f"{parameters:,}" in said
    assert "digits: 360 steps of 32 examples, on one device" in said


def test_what_does_not_fit_says_what_would(monkeypatch) -> None:
    monkeypatch.setattr(plan_command, "free_bytes", lambda: 1_500_000)
    with pytest.raises(OutOfMemoryError, match=r"batches of 512 need .* are free; .*fit"):
        plan_command.plan_experiment(find_experiment("digits"), ["--batch-size", "512"])


def test_a_chapter_has_nothing_to_plan() -> None:
    with pytest.raises(ConfigError, match="edges is a chapter"):
        plan_command.plan_experiment(find_experiment("edges"))


def test_the_command_wants_an_experiment(capsys) -> None:
    assert cli.main(["plan", "--epochs", "3"]) == 2
    assert cli.main(["plan", "--help"]) == 0
    assert "exit code 7" in capsys.readouterr().out
