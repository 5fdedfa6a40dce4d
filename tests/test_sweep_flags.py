"""The flags of a population: every form, every mistake in one line that names what can be swept."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.runner.settings import Count, DropRate, PositiveRate, Rate, Seed
from nnjax.runner.sweep_flags import about_flags, parse_all, take_flags


@dataclasses.dataclass(frozen=True)
class Config:
    hidden: tuple[Count, ...] = (8,)
    epochs: Count = 3
    learning_rate: PositiveRate = 0.01
    l2: Rate = 0.0
    dropout: DropRate = 0.0
    seed: Seed = 0


@dataclasses.dataclass(frozen=True)
class Chapter:
    seeds: Count = 16


def asked(*words: str):
    return parse_all(Config, words)[1]


def test_no_flag_is_no_population() -> None:
    config, none = parse_all(Config, ["--epochs", "5"])
    assert (config.epochs, none) == (5, None)


def test_flags_stand_among_the_settings() -> None:
    words = ["--hidden", "4", "2", "--seeds", "3", "--epochs", "5", "--sweep=l2=0,1"]
    config, found = parse_all(Config, words)
    assert (config.hidden, config.epochs) == ((4, 2), 5)
    assert (found.seeds, found.sweep) == ((0, 1, 2), {"l2": (0.0, 1.0)})
    assert found.words == ("--seeds", "3", "--sweep", "l2=0,1")
    assert parse_all(Config, found.words)[1] == found


def test_one_number_is_how_many_and_several_are_which() -> None:
    assert asked("--seeds", "3", "--seed", "40").seeds == (40, 41, 42)
    assert asked("--seeds", "3,5,8").seeds == (3, 5, 8)
    assert asked("--seeds", "3", "5").seeds == (3, 5)
    assert asked("--sweep", "l2=1,2", "--seed", "7").seeds == (7,)


def test_axes() -> None:
    words = ["learning_rate=1e-4:1e-1:log8", "dropout=0:0.5:lin6", "--sweep", "l2=0,1e-4"]
    sweep = asked("--sweep", *words).sweep
    assert list(sweep) == ["learning_rate", "dropout", "l2"]
    assert len(sweep["learning_rate"]) == 8
    assert (sweep["learning_rate"][0], sweep["learning_rate"][-1]) == (1e-4, 1e-1)
    np.testing.assert_allclose(np.diff(np.log10(sweep["learning_rate"])), 3 / 7, rtol=1e-6)
    np.testing.assert_allclose(sweep["dropout"], [0, 0.1, 0.2, 0.3, 0.4, 0.5], atol=1e-8)
    for values in sweep.values():  # what is written down is what float32 holds
        assert [float(str(np.float32(value))) for value in values] == list(values)


def test_the_other_flags() -> None:
    found = asked("--folds", "5", "--halving", "3,9", "--lanes", "64")
    assert (found.folds, found.halving, found.lanes, found.seeds) == (5, (3, 9), 64, (0,))


def test_a_setting_of_the_experiment_comes_first() -> None:
    config, none = parse_all(Chapter, ["--seeds", "4"])
    assert (config.seeds, none) == (4, None)
    assert take_flags(Chapter, ["--folds", "2"])[0] == {"--folds": ["2"]}


def test_the_help_says_what_can_be_swept(capsys: pytest.CaptureFixture[str]) -> None:
    assert "learning_rate, l2, dropout" in about_flags(Config)
    assert "--sweep" not in about_flags(Chapter)
    with pytest.raises(SystemExit):
        parse_all(Config, ["--help"])
    assert "learning_rate, l2, dropout" in capsys.readouterr().out


SWEPT = "the settings that can are learning_rate, l2, dropout"
MISTAKES = [
    (["--sweep", "epochs=1,2"], f"epochs cannot be swept; {SWEPT}"),
    (["--sweep", "learnin_rate=1"], f"learnin_rate cannot be swept; {SWEPT}"),
    (["--sweep", "l2"], "--sweep wants NAME=VALUES, such as l2=0.01,0.1, got 'l2'"),
    (["--sweep"], "--sweep wants a value after it, got nothing"),
    (["--sweep", "dropout=0.5,1"], "dropout wants a number from 0 to below 1, got 1.0"),
    (["--sweep", "dropout=0,0.99999999"], "dropout wants a number from 0 to below 1, got 1.0"),
    (["--sweep", "learning_rate=0:1:lin3"], "learning_rate wants a number above 0, got 0.0"),
    (["--sweep", "l2=0:1:log3"], "l2 wants values such as 0.01,0.1 or 1e-4:1e-1:log8 or 0:0.5:lin6, got"),
    (["--sweep", "l2=0:1:lin99999999"], "got '0:1:lin99999999'"),
    (["--sweep", "l2=1:0:lin3"], "got '1:0:lin3'"),
    (["--sweep", "l2=0:1:lin1"], "got '0:1:lin1'"),
    (["--sweep", "l2=0:1:cub3"], "got '0:1:cub3'"),
    (["--sweep", "l2=0:1"], "got '0:1'"),
    (["--sweep", "l2=0:inf:lin3"], "got '0:inf:lin3'"),
    (["--sweep", "l2=nan:1:lin3"], "got 'nan:1:lin3'"),
    (["--sweep", "l2=a"], "got 'a'"),
    (["--sweep", "l2=nan"], "l2 wants a number of at least 0, got nan"),
    (["--sweep", "l2=1e60"], "l2 wants a number of at least 0, got inf"),
    (["--sweep", "l2=1,1.00000001"], "l2 wants each value once, got '1,1.00000001'"),
    (["--sweep", "l2=1", "--sweep", "l2=2"], "--sweep has l2 twice"),
    (["--sweep", "l2=1,2", "--l2", "3"], "l2 is both set and swept; give one of --l2 and --sweep l2=..."),
    (["--seeds", "0"], "--seeds wants at least one, got 0"),
    (["--seeds", "many"], "--seeds wants integers with commas between them, got 'many'"),
    (["--seeds", "2,2"], "--seeds wants each number once, got 2,2"),
    (["--seeds", "2", "--seeds", "3"], "--seeds stands twice"),
    (["--seeds", "1,2", "--seed", "3"], "--seeds says which seeds, so --seed has nothing to say"),
    (["--seeds", "2", "--seed", "4294967295"], "--seeds wants seeds below 2**32, got 2 from 4294967295"),
    (["--folds", "1"], "--folds wants integers of at least 2, got 1"),
    (["--folds", "2,3"], "--folds wants one number, got '2,3'"),
    (["--lanes", "-1"], "--lanes wants integers of at least 1, got -1"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_a_mistake_is_one_line(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        asked(*words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_experiment_in_which_nothing_can_be_swept() -> None:
    with pytest.raises(ConfigError, match="this experiment has no setting that can be swept"):
        parse_all(Chapter, ["--sweep", "l2=1,2"])
