"""VGG-16's layers under Keras's names, old and new, and in ONNX files made from its nets."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.models.keras_names import from_keras_names
from nnjax.models.weight_names import NETS

LAYERS = [place.name for place in NETS["vgg16"] if len(place.shape) == 4]
CLASSIC = "{0}/{0}_W_1:0"  # vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5
MODERN = "model_weights/{0}/{0}/kernel"
ONNX = "functional_1/{0}_1/convolution/ReadVariableOp:0"


@pytest.mark.parametrize("form", [CLASSIC, MODERN, ONNX, "vgg16/{0}/kernel:0"])
def test_layers_are_found_by_block_and_number(form: str) -> None:
    arrays = {}
    for number, layer in enumerate(LAYERS):
        block, place = layer.removeprefix("conv").split("_")
        name = form.format(f"block{block}_conv{place}")
        arrays[name] = np.full((3, 3, 1, 1), number)
        arrays[f"{name.rpartition('/')[0]}/b"] = np.full(1, -number)
    found = from_keras_names(arrays, "HWIO")
    assert [found[f"{layer}/filters"][0, 0, 0, 0] for layer in LAYERS] == list(range(13))
    assert [found[f"{layer}/bias"][0] for layer in LAYERS] == [-number for number in range(13)]
    assert len(found) == 26


def test_filters_of_onnx_are_turned() -> None:
    filters = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)  # O, C, kh, kw
    found = from_keras_names({ONNX.format("block1_conv1"): filters}, "OIHW")["conv1_1/filters"]
    assert found.shape == (4, 5, 3, 2)
    assert found[3, 1, 2, 0] == filters[0, 2, 3, 1]


def test_counted_layers_of_weights_h5() -> None:
    in_blocks = {
        f"block{b}/layers/conv2d{s}/vars/0": np.full((1, 1, 1, 1), b) for b in (1, 2) for s in ("", "_1")
    }
    assert list(from_keras_names(in_blocks, "HWIO")) == [
        f"conv{b}_{i}/filters" for b in (1, 2) for i in (1, 2)
    ]
    names = [f"layers/conv2d{'_' * bool(n)}{n or ''}/vars/1" for n in range(13)]
    counted = {name: np.full(1, n) for n, name in enumerate(names)}
    assert list(from_keras_names(counted, "HWIO")) == [f"{layer}/bias" for layer in LAYERS]


def test_a_layer_too_many_is_kept_so_that_it_is_noticed() -> None:
    found = from_keras_names(
        {"layers/conv2d_13/vars/0": np.zeros((1, 1, 1, 1)), "block6_conv1/b": np.zeros(1)}, "HWIO"
    )
    assert list(found) == ["layers/conv2d_13/vars/0/filters", "conv6_1/bias"]
    twice = {"a/block1_conv1/b": np.zeros(1), "c/block1_conv1/b": np.zeros(1)}
    assert list(from_keras_names(twice, "HWIO")) == ["conv1_1/bias", "c/block1_conv1/b"]


def test_dense_layers_only_if_they_are_those_of_vgg16() -> None:
    of_another = {"fc1/fc1/kernel": np.zeros((64, 4)), "dense/kernel": np.zeros((4, 2)), "loss": np.zeros(())}
    assert from_keras_names(of_another, "HWIO") == {}
    whole = {
        "fc1/fc1_W_1:0": np.broadcast_to(np.float32(0), (25_088, 4096)),
        "fc1/fc1_b_1:0": np.zeros(4096),
        "predictions/predictions_W_1:0": np.zeros((4, 2)),
    }
    assert list(from_keras_names(whole, "HWIO")) == ["dense_6/weights", "dense_6/bias", "dense_8/weights"]
