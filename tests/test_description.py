"""What config.json says of a run."""

from __future__ import annotations

import shlex
from pathlib import Path

from nnjax.runner.description import command
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.flags import parse


def test_the_command_holds_the_settings_that_differ(tiny: Path) -> None:
    loaded = load_experiment(tiny)
    assert command(loaded, loaded.Config()) == f"nnjax run {tiny}"
    words = command(loaded, loaded.Config(hidden=(4, 2), batch_size=8)).split()
    assert words[3:] == ["--hidden", "4", "2", "--batch-size", "8"]


def test_the_command_gives_the_same_configuration_again(tiny: Path) -> None:
    loaded = load_experiment(tiny)
    for config in (loaded.Config(), loaded.Config(hidden=(), learning_rate=1e-7, seed=2**32 - 1)):
        words = shlex.split(command(loaded, config))
        assert parse(loaded.Config, words[3:]) == config
