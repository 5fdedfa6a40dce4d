"""Settings: what the annotations let through, both ways of JSON, and the words of the errors."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnjax.errors import ConfigError
from nnjax.runner import settings


@dataclasses.dataclass(frozen=True)
class Config:
    hidden: tuple[settings.Count, ...] = (128, 64)
    window: tuple[settings.Count, settings.Count] = (3, 3)
    epochs: settings.Count = 20
    learning_rate: settings.PositiveRate = 1e-3
    l2: settings.Rate = 0.0
    dropout: settings.DropRate = 0.0
    shift: settings.Traced = 0.0
    holdout: settings.Fraction = 0.2
    patience: settings.Count | None = None
    activation: Literal["relu", "tanh"] = "relu"
    augment: bool = False
    seed: settings.Seed = 0
    name: str = "x"


configs = st.builds(
    Config,
    hidden=st.lists(st.integers(1, 4096), max_size=4).map(tuple),
    epochs=st.integers(1, 10**6),
    learning_rate=st.floats(1e-30, 1e30),
    shift=st.floats(allow_nan=False, allow_infinity=False),
    patience=st.none() | st.integers(1, 100),
    activation=st.sampled_from(["relu", "tanh"]),
    augment=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)


@given(configs)
def test_json_brings_back_the_same_configuration(config: Config) -> None:
    settings.check(config)
    text = json.dumps(settings.to_json(config), allow_nan=False)
    again = settings.from_json(Config, json.loads(text))
    assert again == config
    assert hash(again) == hash(config)


def test_json_holds_lists_where_python_holds_tuples() -> None:
    assert settings.to_json(Config())["hidden"] == [128, 64]
    assert settings.from_json(Config, {"hidden": [7]}).hidden == (7,)


def test_an_integer_is_a_float_where_a_float_is_wanted() -> None:
    rate = settings.from_json(Config, {"learning_rate": 1}).learning_rate
    assert (rate, type(rate)) == (1.0, float)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"epoch": 3}, "unknown setting 'epoch'; did you mean epochs?"),
        ({"epochs": 0}, "epochs wants an integer of at least 1, got 0"),
        ({"epochs": 2.5}, "epochs wants an integer of at least 1, got 2.5"),
        ({"epochs": True}, "epochs wants an integer of at least 1, got True"),
        ({"epochs": 2**63}, "epochs wants an integer of at least 1, got 9223372036854775808"),
        ({"learning_rate": 0}, "learning_rate wants a number above 0, got 0"),
        ({"learning_rate": math.nan}, "learning_rate wants a number above 0, got nan"),
        ({"learning_rate": math.inf}, "learning_rate wants a number above 0, got inf"),
        ({"shift": -math.inf}, "shift wants a number, got -inf"),
        ({"l2": -0.1}, "l2 wants a number of at least 0, got -0.1"),
        ({"dropout": 1.0}, "dropout wants a number from 0 to below 1, got 1.0"),
        ({"holdout": 1.5}, "holdout wants a number from 0 to 1, got 1.5"),
        ({"hidden": [3, 0]}, "hidden wants any number of values, each an integer of at least 1, got [3, 0]"),
        ({"hidden": 3}, "hidden wants any number of values, each an integer of at least 1, got 3"),
        (
            {"window": [3]},
            "window wants 2 values: an integer of at least 1, an integer of at least 1, got [3]",
        ),
        ({"patience": 0}, "patience wants an integer of at least 1 or None, got 0"),
        ({"activation": "sine"}, "activation wants one of relu, tanh, got 'sine'"),
        ({"augment": 1}, "augment wants true or false, got 1"),
        ({"seed": 2**32}, "seed wants an integer from 0 to 4294967295, got 4294967296"),
        ({"name": 3}, "name wants a word, got 3"),
    ],
)
def test_errors_say_what_was_wanted_and_what_came(mapping: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.from_json(Config, mapping)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_check_holds_for_configurations_built_in_python() -> None:
    with pytest.raises(ConfigError, match="l2 wants a number of at least 0, got -1"):
        settings.check(Config(l2=-1))


def test_edges_that_belong_to_a_range() -> None:
    config = Config(dropout=0.0, holdout=1.0, l2=0.0, seed=2**32 - 1, epochs=1)
    settings.check(config)


def test_hyper_fields_are_those_that_only_scale() -> None:
    assert settings.hyper_fields(Config) == ("learning_rate", "l2", "dropout", "shift")


def test_nearest_prefers_a_longer_name_and_lists_all_when_nothing_is_near() -> None:
    assert settings.nearest("batch", ["match", "batch_size"], "settings") == "did you mean batch_size?"
    assert settings.nearest("zzz", ["a", "b"], "settings") == "the settings are a, b"


def test_settings_and_flags_do_not_import_jax() -> None:
    code = "import sys, nnjax.runner.flags; sys.exit('jax' in sys.modules or 'tyro' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
