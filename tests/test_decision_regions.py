"""The chapter of classifiers: five nets that learn their sets, and hidden neurons that are the net's own."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

PATH = Path(__file__).resolve().parent.parent / "experiments/decision_regions.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).show.__module__]


@pytest.fixture(scope="module")
def shown(chapter: ModuleType) -> Shown:
    return chapter.show(chapter.Config(hidden=(6,), spiral_hidden=(8, 5), samples=300, epochs=40))


def test_five_sets_in_their_order(shown: Shown) -> None:
    names = ["moons", "circles", "xor_cloud", "spiral", "iris"]
    assert list(shown.pictures) == names
    table = {row["set"]: row for row in shown.numbers["sets"]}
    assert list(table) == names
    assert [row["hidden"] for row in table.values()] == ["6", "6", "6", "8 + 5", "6"]
    assert [row["classes"] for row in table.values()] == [2, 2, 2, 2, 3]


def test_they_are_learned(shown: Shown) -> None:
    scores = {row["set"]: row["test accuracy"] for row in shown.numbers["sets"]}
    for name, least in (("moons", 0.88), ("circles", 0.95), ("xor_cloud", 0.93), ("iris", 0.88)):
        assert scores[name] >= least, name


def test_a_heat_map_for_each_hidden_neuron(shown: Shown) -> None:
    for name, neurons in (("moons", 6), ("spiral", 13), ("iris", 6)):
        figure = shown.pictures[name].image
        maps = [axis for axis in figure.axes[1:] if axis.images]
        assert len(maps) == neurons
        for axis in maps:
            values = np.asarray(axis.images[0].get_array())
            assert np.abs(values).max() <= 1  # it is a tangent
    iris = shown.pictures["iris"].image.axes[0]
    assert (iris.get_xlabel(), iris.get_ylabel()) == ("petal length, cm", "petal width, cm")


def test_parts_share_no_example_and_iris_is_its_petals(chapter: ModuleType) -> None:
    splits = chapter.examples(chapter.Config(), "iris")
    assert [len(part) for part in splits[:3]] == [75, 30, 45]
    rows = np.concatenate([part.inputs for part in splits[:3]])
    assert rows.shape == (150, 2)
    assert (rows[:, 0].min(), rows[:, 0].max()) == (1.0, pytest.approx(6.9))
    moons = chapter.examples(chapter.Config(samples=100), "moons")
    points = {tuple(row) for part in moons[:3] for row in part.inputs.tolist()}
    assert len(points) == 100


@pytest.mark.slow
def test_the_accuracies_that_the_chapter_promises(chapter: ModuleType) -> None:
    from nnjax.data.scaling import standardise

    config = chapter.Config()
    for name, least in (
        ("moons", 0.97),
        ("circles", 0.98),
        ("xor_cloud", 0.97),
        ("spiral", 0.95),
        ("iris", 0.93),
    ):
        test = standardise(chapter.examples(config, name)).test
        assert chapter.train(config, name).evaluate(test)["accuracy"] >= least, name
