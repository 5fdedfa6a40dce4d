"""The experiments alexnet and vgg16 on a small folder of images, from random and from given weights."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from nnjax.models.vgg16 import vgg16
from nnjax.runner import image_training
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.listing import find_experiment
from nnjax.training.fit import fit_task

SMALL = {"side": 64, "hidden": 4, "batch_size": 4, "epochs": 1, "valid": 0.25}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight red and eight blue images, of sizes of their own."""
    rng = np.random.default_rng(0)
    for name, channel in (("red", 0), ("blue", 2)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 60, (40 + i, 50, 3), np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    return tmp_path / "images"


def test_alexnet_reads_a_folder(folder: Path) -> None:
    experiment = load_experiment(find_experiment("alexnet"))
    config = experiment.Config(folder=str(folder), **SMALL)
    splits = experiment.data(config)
    assert [len(part) for part in splits[:3]] == [8, 4, 4]
    assert splits.train.classes == ("blue", "red")
    assert splits.train.inputs[splits.train.targets == 1][..., 0].min() >= 140
    params = experiment.task(config, {"dropout": 0.0, "learning_rate": 1e-3}).net.init(jax.random.key(0))
    assert params["dense_8"]["weights"].shape == (4, 2)


def test_vgg16_fine_tunes_its_dense_layers_from_weights(folder: Path, tmp_path: Path, monkeypatch) -> None:
    experiment = load_experiment(find_experiment("vgg16"))
    settings = SMALL | {"side": 32, "shrink": 32, "freeze": "conv"}
    config = experiment.Config(folder=str(folder), weights="given", **settings)
    given = vgg16(
        2, 32, 8, blocks=[(c, w // 32) for c, w in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))]
    )
    params = given.init(jax.random.key(5))

    class Found:
        metadata = {"preprocessing": "caffe"}  # noqa: RUF012

    Found.params = {name: layer for name, layer in params.items() if name.startswith("conv")}
    monkeypatch.setattr(image_training, "_found", lambda net, path: Found)
    splits = experiment.data(config)
    plan = experiment.plan(config, splits)
    hyper = experiment.hyper(config) | {"dropout": 0.0, "learning_rate": 1e-2}
    fitted = fit_task(experiment.recipe(config), plan, splits, hyper=hyper, layout="one", progress=False)
    for name, layer in fitted.member.params.items():
        if name.startswith("conv"):
            np.testing.assert_array_equal(layer["filters"], params[name]["filters"])
    begun = experiment.task(config, hyper).net.init(
        jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 0), 0)
    )
    assert not np.array_equal(fitted.member.params["dense_8"]["bias"], begun["dense_8"]["bias"])
