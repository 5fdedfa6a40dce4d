"""Loading an experiment: its parts, and what is said of one that lacks them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnjax.errors import ConfigError
from nnjax.runner.experiment_module import load_experiment

WHOLE = '''"""Says what it is for.

Run: nothing.
"""
from __future__ import annotations
import dataclasses
from nnjax.runner.settings import Count, PositiveRate

@dataclasses.dataclass(frozen=True)
class Config:
    epochs: Count = 2
    learning_rate: PositiveRate = 0.1

def data(config): ...
def task(config, hyper): return (config.epochs, hyper["learning_rate"])
def plan(config, splits): ...
'''


def written(folder: Path, text: str) -> Path:
    path = folder / "tiny.py"
    path.write_text(text)
    return path


def test_a_whole_experiment(tmp_path: Path) -> None:
    experiment = load_experiment(written(tmp_path, WHOLE))
    assert (experiment.name, experiment.purpose) == ("tiny", "Says what it is for.")
    config = experiment.Config(epochs=5)
    assert experiment.hyper(config) == {"learning_rate": 0.1}
    assert experiment.recipe(config)({"learning_rate": 7}) == (5, 7)
    assert experiment.figures is None


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    load_experiment(written(tmp_path, WHOLE))
    again = load_experiment(written(tmp_path, WHOLE.replace("epochs: Count = 2", "epochs: Count = 33")))
    assert again.Config().epochs == 33


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def plan(", "def plann(", "got no plan"),
        ("frozen=True", "frozen=False", "wants a frozen dataclass Config, got <class"),
        ("class Config", "class Settings", "wants a frozen dataclass Config, got None"),
        ("Count = 2", "Count", "every setting of Config wants a default, got none for epochs"),
        ("def data(config)", "def data(config", "tiny.py, line 14: '(' was never closed"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(written(tmp_path, WHOLE.replace(old, new)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_experiment(tmp_path / "nowhere.py")
    (tmp_path / "zeros.py").write_bytes(b"\0\0")
    with pytest.raises(ConfigError, match=r"zeros\.py"):
        load_experiment(tmp_path / "zeros.py")
