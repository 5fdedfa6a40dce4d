"""The chapter on attention: three words by hand, and letters written backwards."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.experiment_module import load_experiment

PATH = Path(__file__).resolve().parent.parent / "experiments/attention.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    experiment = load_experiment(PATH)
    assert experiment.show is not None
    return sys.modules[experiment.show.__module__]


def test_three_words_by_hand(chapter: ModuleType) -> None:
    """ "sleeps" has the scores 1, 4 and 0 over the root of 2."""
    found = chapter.by_numbers()
    raised = np.exp(np.array([1.0, 4.0, 0.0]) / np.sqrt(2))
    weights = raised / raised.sum()
    np.testing.assert_allclose(found["scores"][2], np.array([1.0, 4.0, 0.0]) / np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(found["weights"][2], weights, rtol=1e-6)
    mean = [weights[0] + 2 * weights[2], 4 * weights[1] + 2 * weights[2]]
    np.testing.assert_allclose(found["means"][2], mean, rtol=1e-6)


def test_a_text_is_written_backwards_after_its_bar(chapter: ModuleType) -> None:
    dataset = chapter.backwards(chapter.Config(letters=3, alphabet=5), 4, 0)
    text = np.concatenate([dataset.inputs.values, dataset.targets[:, -1:]], axis=1)
    assert (text[:, 3] == 5).all()
    np.testing.assert_array_equal(text[:, 4:], text[:, 2::-1])
    np.testing.assert_array_equal(dataset.targets, text[:, 1:])


def test_it_learns_where_to_look(chapter: ModuleType) -> None:
    config = chapter.Config(letters=4, alphabet=4, width=16, heads=1, examples=400, epochs=25)
    shown = chapter.show(config)
    assert shown.numbers["accuracy"] > 0.9
    assert shown.numbers["looks_at_its_letter"] > 2 * shown.numbers["looks_at_its_letter_before"]
    assert shown.numbers["cache_difference"] < 1e-4
    assert set(shown.pictures) == {"numbers", "masks", "positions", "learning", "before", "after"}


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match=r"\[2, 2\].*\(2, 3\)"):
        plots.attention_figure({"": np.ones((2, 3))}, "ab")
