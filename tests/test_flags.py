"""Flags: they set the fields, and every mistake is one line."""

from __future__ import annotations

import dataclasses
from typing import Literal

import pytest

from nnjax.errors import ConfigError
from nnjax.runner import flags, settings


@dataclasses.dataclass(frozen=True)
class Config:
    """What to train.

    Attributes:
        epochs: Passes over the training part.
    """

    epochs: settings.Count = 20
    batch_size: settings.Count = 32
    learning_rate: settings.PositiveRate = 1e-3
    hidden: tuple[settings.Count, ...] = (128, 64)
    patience: settings.Count | None = None
    shift: settings.Traced = 0.0
    activation: Literal["relu", "tanh"] = "relu"
    augment: bool = False


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("", {}),
        ("--epochs 3", {"epochs": 3}),
        ("--epochs=3", {"epochs": 3}),
        ("--batch-size 8", {"batch_size": 8}),
        ("--batch_size 8", {"batch_size": 8}),
        ("--learning-rate 1e-2 --epochs 1", {"learning_rate": 0.01, "epochs": 1}),
        ("--hidden 512 256", {"hidden": (512, 256)}),
        ("--hidden", {"hidden": ()}),
        ("--shift -3e-4", {"shift": -3e-4}),
        ("--patience 5", {"patience": 5}),
        ("--patience None", {"patience": None}),
        ("--augment --activation tanh", {"augment": True, "activation": "tanh"}),
        ("--no-augment", {"augment": False}),
        ("--epochs 3 --epochs 4", {"epochs": 4}),
    ],
)
def test_flags_set_the_fields(words: str, changes: dict) -> None:
    assert flags.parse(Config, words.split()) == dataclasses.replace(Config(), **changes)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--epoch 3", "unknown flag --epoch; did you mean --epochs?"),
        ("--batch 3", "unknown flag --batch; did you mean --batch-size?"),
        ("--learn-rate=1", "unknown flag --learn-rate; did you mean --learning-rate?"),
        ("-e 3", "unknown flag -e; did you mean --epochs?"),
        ("---epochs 3", "unknown flag ---epochs; did you mean --epochs?"),
        ("--epochs x", "--epochs wants an integer of at least 1, got 'x'"),
        ("--epochs 2.5", "--epochs wants an integer of at least 1, got '2.5'"),
        ("--epochs", "--epochs wants an integer of at least 1, got nothing"),
        ("--epochs=", "--epochs wants an integer of at least 1, got nothing"),
        ("--epochs 0", "--epochs wants an integer of at least 1, got 0"),
        ("--epochs 3 4", "--epochs wants an integer of at least 1, got '3 4'"),
        ("--batch_size -1", "--batch-size wants an integer of at least 1, got -1"),
        ("--learning-rate nan", "--learning-rate wants a number above 0, got nan"),
        ("--hidden 3 x", "--hidden wants any number of values, each an integer of at least 1, got '3 x'"),
        ("--patience 3.5", "--patience wants an integer of at least 1 or None, got '3.5'"),
        ("--activation sine", "--activation wants one of relu, tanh, got 'sine'"),
        ("--augment yes", "--augment wants no value after it, got 'yes'"),
        (
            "extra",
            "unexpected word 'extra'; settings are flags such as --epochs, --batch-size, --learning-rate",
        ),
    ],
)
def test_a_mistake_is_one_line(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        flags.parse(Config, words.split())
    assert str(caught.value) == message
    assert capsys.readouterr() == ("", "")


def test_an_unknown_flag_with_nothing_near_names_them_all() -> None:
    with pytest.raises(
        ConfigError, match="unknown flag --zzz; the flags are --epochs, --batch-size, --learn"
    ):
        flags.parse(Config, ["--zzz"])


def test_help_names_every_flag_and_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        flags.parse(Config, ["--help"], "nnjax run digits", "Reads digits.")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "Reads digits." in text
    assert "Passes over the training part. (default: 20)" in text
    for field in dataclasses.fields(Config):
        assert flags.flag(field.name) in text
