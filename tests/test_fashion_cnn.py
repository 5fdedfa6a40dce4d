"""Fashion-MNIST with two convolutions: its parts in small, on images that are drawn here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from nnjax import Dataset, Splits
from nnjax.runner.experiment_module import Experiment, load_experiment
from nnjax.training.fit import fit_task

NAMES = tuple(f"class {k}" for k in range(10))


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment(Path(__file__).resolve().parent.parent / "experiments/fashion_cnn.py")


def stripes(count: int, seed: int) -> Dataset:
    """Images of the k-th class have a bright row 2 k + 4."""
    generator = np.random.default_rng(seed)
    targets = np.arange(count, dtype=np.int32) % 10
    images = generator.integers(0, 60, (count, 28, 28, 1), dtype=np.uint8)
    images[np.arange(count), 2 * targets + 4] = 230
    return Dataset(images, targets, "stripes", NAMES, (0, 255))


@pytest.fixture(scope="module")
def parts() -> Splits:
    return Splits(stripes(200, 0), stripes(40, 1), stripes(40, 2))


@pytest.fixture(scope="module")
def fitted(experiment: Experiment, parts: Splits):
    config = experiment.Config(channels=(4, 8), hidden=16, epochs=4, batch_size=20, dropout=0.1)
    # The schedule counts the steps of 55,000 images; so many are not trained on here.
    hyper = experiment.hyper(config) | {"learning_rate": 1.0}
    return fit_task(
        experiment.recipe(config), experiment.plan(config, parts), parts, 0, hyper, progress=False
    )


def test_the_net_is_the_one_of_the_table(experiment: Experiment) -> None:
    config = experiment.Config()
    params = jax.eval_shape(experiment.task(config, experiment.hyper(config)).net.init, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 421_642


def test_it_learns_stripes(fitted) -> None:
    assert fitted.rows[-1]["valid_accuracy"] > 0.5


def test_augmented_images_are_those_of_training_alone(experiment: Experiment) -> None:
    plain, moved = (
        experiment.task(config, experiment.hyper(config)).net
        for config in (
            dataclasses.replace(experiment.Config(), augment=augment, channels=(2,), hidden=4, dropout=0.0)
            for augment in (False, True)
        )
    )
    params = jax.jit(plain.init)(jax.random.key(0))
    images = stripes(4, 0).inputs
    images[:, :, 14:] = 0
    outputs = [
        np.asarray(
            jax.jit(lambda p, x, n=net, t=train: n.apply(p, x, key=jax.random.key(1), train=t))(
                params, images
            )
        )
        for net in (plain, moved)
        for train in (False, True)
    ]
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(outputs[0], outputs[2], rtol=1e-5, atol=1e-5)
    assert np.abs(outputs[0] - outputs[3]).max() > 1e-2


def test_the_figures(experiment: Experiment, fitted, parts: Splits, tmp_path: Path) -> None:
    captions = experiment.figures(experiment.Config(), fitted, parts, tmp_path)
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == sorted(captions)
    assert set(captions) == {"depth", "filters", "maps", "patches", "saliency"}
    json.dumps(captions)
