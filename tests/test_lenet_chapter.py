"""The chapter on LeNet-5, in small: images of 32x32, folds that validate once, and what is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnjax.data.splits import k_folds
from nnjax.errors import DataError
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

CHAPTER = load_experiment(Path(__file__).resolve().parent.parent / "experiments/lenet.py")
MODULE = CHAPTER.show.__globals__
CONFIG = CHAPTER.Config(examples=240, folds=2, epochs=6, batch_size=20)


@pytest.fixture(scope="module")
def shown() -> Shown:
    return CHAPTER.show(CONFIG)


def test_digits_are_drawn_larger_and_mnist_gets_a_border() -> None:
    at_32 = MODULE["at_32"]
    digits = np.zeros((1, 8, 8), np.uint8)
    digits[0, 2, 3] = 16
    nearest = at_32(digits, "nearest")
    assert nearest.shape == (1, 32, 32, 1)
    assert nearest.dtype == np.uint8
    rows, columns = np.nonzero(nearest[0, :, :, 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 11, 12, 15)
    assert set(nearest.ravel().tolist()) == {0, 255}
    smooth = at_32(digits, "linear")[0, :, :, 0]
    assert int(smooth.sum()) == pytest.approx(int(nearest.sum()), rel=0.02)
    assert len(set(smooth.ravel().tolist())) > 5
    mnist = at_32(np.full((1, 28, 28, 1), 7, np.uint8))[0, :, :, 0]
    assert (mnist[2:30, 2:30] == 255).all()
    assert int(mnist.sum()) == 255 * 28 * 28
    with pytest.raises(DataError, match=r"LeNet-5 wants grey images \[N, H, W\], got \[1, 8, 8, 3\]"):
        at_32(np.zeros((1, 8, 8, 3)))


def test_it_learns_in_every_fold(shown: Shown) -> None:
    folds = [row["accuracy"] for row in shown.numbers["folds"]]
    assert len(folds) == 2
    assert min(folds) > 0.7
    assert shown.numbers["mean_accuracy"] == pytest.approx(np.mean(folds))
    assert shown.numbers["parameters"] == 61_706


def test_an_example_is_scored_by_the_net_that_did_not_train_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fitted:
        def params(self, member: int) -> int:
            return member

    dataset = MODULE["images"](CONFIG)
    fake = lambda dataset: MODULE["Net"](
        None, lambda params, x: np.eye(10)[params][None] * np.ones((len(x), 1))
    )
    monkeypatch.setitem(MODULE, "net_of", fake)
    monkeypatch.setattr(MODULE["jax"], "jit", lambda f: f)
    said = MODULE["out_of_fold"](CONFIG, dataset, Fitted()).argmax(axis=1)
    for member, (_, rows) in enumerate(k_folds(dataset, 2)):
        assert (said[rows] == member).all()


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["curves", "filters", "maps", "mistakes"]
    assert len(shown.pictures["filters"].image.axes) == 6
    names = [axis.get_ylabel().split("\n")[0] for axis in shown.pictures["maps"].image.axes]
    assert [name for name in names if name] == ["conv_1", "pool_2", "conv_3", "pool_4"]
