"""What AlexNet's and VGG-16's experiments share is what each had: see also test_large_experiments."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from PIL import Image

from nnjax.data.weight_files import Weights
from nnjax.models.convnet import convnet
from nnjax.models.pixels import preprocess
from nnjax.runner import image_training
from nnjax.runner.image_training import ImageTraining

SETTINGS = {"folder": "", "classes": 3, "side": 0, "weights": "", "bfloat16": False}
TRAINING = ImageTraining(
    weights="vgg16",
    make=lambda config, size, classes, dropout, features: convnet(
        (size("side"), size("side"), 3), (4,), 5, classes, features=features
    ),
    small={"side": 16},
    full={"side": 32},
    first="conv_1",
    watched=("conv_1",),
    focus="conv_1",
)


def settings(**other) -> SimpleNamespace:
    return SimpleNamespace(**{**SETTINGS, **other})


@pytest.mark.parametrize(
    ("given", "side"), [({}, 16), ({"folder": "x"}, 32), ({"weights": "w"}, 32), ({"side": 7}, 7)]
)
def test_a_setting_of_zero_is_small_for_the_crops_and_full_for_what_is_real(given, side: int) -> None:
    assert TRAINING.size(settings(**given), "side") == side


def test_the_net_sees_pixels_as_its_weights_were_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    plain = convnet((32, 32, 3), (4,), 5, 3)
    params = plain.init(jax.random.key(0))
    given = {"conv_1": jax.tree.map(lambda leaf: leaf + 1, params["conv_1"])}
    found = Weights(given, "vgg16", {"preprocessing": "caffe"}, True)
    monkeypatch.setattr(image_training, "_found", lambda net, path: found)
    net = TRAINING.net(settings(weights="somewhere"))
    begun = net.init(jax.random.key(0))
    np.testing.assert_array_equal(begun["conv_1"]["filters"], given["conv_1"]["filters"])
    np.testing.assert_allclose(
        net.apply(begun, images), plain.apply(begun, preprocess(images, "caffe")), rtol=1e-5
    )


def test_a_folder_counts_its_classes_and_keeps_its_own_test_part(tmp_path: Path) -> None:
    for part, labels in (("train", "abcd"), ("test", "abc")):
        for label in labels:
            for i in range(3):
                place = tmp_path / part / label
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((8, 8, 3), i, np.uint8)).save(place / f"{i}.png")
    config = settings(folder=str(tmp_path), side=16, valid=0.25)
    splits = TRAINING.data(config)
    assert [len(part) for part in splits[:3]] == [9, 3, 9]
    params = TRAINING.net(config).init(jax.random.key(0))
    assert params["output"]["bias"].shape == (4,)
