"""The names and layouts of weights: torchvision's flatten order against ours, and every fault named."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from nnjax.errors import ConfigError, DataError
from nnjax.models.alexnet import alexnet
from nnjax.models.lenet import lenet5
from nnjax.models.vgg16 import vgg16, vgg16_trunk
from nnjax.models.weight_names import NETS, export_arrays, flat, import_arrays, net_of
from nnjax.types import Net

RNG = np.random.default_rng(0)
# torchvision's own module names, in order, as its documentation prints the nets
VGG16 = [f"features.{n}" for n in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
ALEXNET = [f"features.{n}" for n in (0, 3, 6, 8, 10)]


def small(net: str, side: int = 2, hidden: int = 5, classes: int = 3) -> dict:
    """Random parameters of a net with few channels: the nth convolution has n + 1 of them."""
    params, before = {}, 3
    for place in NETS[net]:
        if len(place.shape) == 4:
            kh, kw = place.shape[:2]
            channels = len(params) + 2
            params[place.name] = {"filters": random(kh, kw, before, channels), "bias": random(channels)}
            before = channels
        else:
            rows = side * side * before if place.image else hidden
            columns = hidden if place.shape[1] else classes
            params[place.name] = {"weights": random(rows, columns), "bias": random(columns)}
    return params


def random(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def trunk(net: str = "vgg16") -> dict:
    """Zeros in the published shapes of the convolutions."""
    return {
        p.name: {"filters": np.zeros(p.shape, np.float32), "bias": np.zeros(p.shape[-1], np.float32)}
        for p in NETS[net]
        if len(p.shape) == 4
    }


def test_parameter_counts_are_the_published_ones() -> None:
    def count(net: str, classes: int, kind: int | None = None) -> int:
        shapes = [
            (*p.shape[:-1], p.shape[-1] or classes)
            for p in NETS[net]
            if len(p.shape) == (kind or len(p.shape))
        ]
        return sum(int(np.prod(shape)) + shape[-1] for shape in shapes)

    assert count("vgg16", 1000) == 138_357_544
    assert count("vgg16", 1000, kind=4) == 14_714_688
    assert count("alexnet", 1000) == 61_100_840
    assert count("lenet5", 10) == 61_706


@pytest.mark.parametrize(
    ("net", "modules", "dense"), [("vgg16", VGG16, (0, 3, 6)), ("alexnet", ALEXNET, (1, 4, 6))]
)
def test_names_and_layouts_are_those_of_torchvision(
    net: str, modules: list[str], dense: tuple[int, ...]
) -> None:
    params = small(net)
    arrays = export_arrays(net, params, any_size=True)
    names = [*modules, *(f"classifier.{n}" for n in dense)]
    assert list(arrays) == [f"{name}.{leaf}" for name in names for leaf in ("weight", "bias")]
    first = next(iter(params.values()))["filters"]
    for o, c, i, j in ((0, 0, 0, 0), (1, 2, 0, 2), (0, 1, 2, 1)):
        assert arrays["features.0.weight"][o, c, i, j] == first[i, j, c, o]
    last = arrays[f"classifier.{dense[-1]}.weight"]
    np.testing.assert_array_equal(last, params["dense_8"]["weights"].T)


@pytest.mark.parametrize(("net", "first"), [("vgg16", "classifier.0"), ("alexnet", "classifier.1")])
def test_the_first_dense_layer_gives_the_same_on_an_image_flattened_either_way(net: str, first: str) -> None:
    params = small(net)
    arrays = export_arrays(net, params, any_size=True)
    channels = len([place for place in NETS[net] if len(place.shape) == 4]) + 1
    image = RNG.normal(size=(channels, 2, 2))  # C, H, W, as PyTorch has it
    theirs = arrays[f"{first}.weight"].astype(float) @ image.reshape(-1)
    ours = image.transpose(1, 2, 0).reshape(-1) @ params["dense_6"]["weights"].astype(float)
    np.testing.assert_allclose(theirs, ours, rtol=1e-12)
    assert not np.allclose(params["dense_6"]["weights"].T.astype(float) @ image.reshape(-1), ours)


def test_the_first_dense_layer_of_the_published_size_in_single_rows() -> None:
    params = trunk("alexnet") | {
        "dense_6": {"weights": np.zeros((9216, 4096), np.float32), "bias": np.zeros(4096, np.float32)},
        "dense_7": {"weights": np.zeros((4096, 4096), np.float32), "bias": np.zeros(4096, np.float32)},
        "dense_8": {"weights": np.zeros((4096, 7), np.float32), "bias": np.zeros(7, np.float32)},
    }
    h, w, c = 4, 1, 200
    params["dense_6"]["weights"][(h * 6 + w) * 256 + c, 11] = 1
    weight = export_arrays("alexnet", params)["classifier.1.weight"]
    assert np.argwhere(weight).tolist() == [[11, (c * 6 + h) * 6 + w]]


@pytest.mark.parametrize("net", ["vgg16", "alexnet", "lenet5"])
def test_there_and_back_is_the_same_bit_for_bit(net: str) -> None:
    params = small(net)
    arrays = export_arrays(net, params, any_size=True)
    assert net_of(arrays) == net
    back = import_arrays(net, arrays, any_size=True)
    assert jax.tree.structure(back) == jax.tree.structure(params)
    for ours, again in zip(jax.tree.leaves(params), jax.tree.leaves(back), strict=True):
        assert ours.tobytes() == again.tobytes()


def test_names_of_our_own_are_read_too() -> None:
    own = dict(flat(trunk()))
    assert net_of(own) == "vgg16"
    assert list(import_arrays("vgg16", own)) == list(trunk())


def test_timms_dense_layers_are_convolutions_under_other_names() -> None:
    params = small("vgg16")
    arrays = export_arrays("vgg16", params, any_size=True)
    timm = {name: array for name, array in arrays.items() if name.startswith("features")}
    channels = arrays["features.28.bias"].size
    timm["pre_logits.fc1.weight"] = arrays["classifier.0.weight"].reshape(5, channels, 2, 2)
    timm["pre_logits.fc2.weight"] = arrays["classifier.3.weight"][:, :, None, None]
    timm["head.fc.weight"] = arrays["classifier.6.weight"]
    for theirs, ours in (("pre_logits.fc1", 0), ("pre_logits.fc2", 3), ("head.fc", 6)):
        timm[f"{theirs}.bias"] = arrays[f"classifier.{ours}.bias"]
    assert net_of(timm) == "vgg16"
    for ours, again in zip(
        jax.tree.leaves(params), jax.tree.leaves(import_arrays("vgg16", timm, any_size=True)), strict=True
    ):
        assert ours.tobytes() == again.tobytes()


def test_every_fault_is_listed() -> None:
    arrays = export_arrays("vgg16", trunk())
    del arrays["features.0.bias"]
    arrays["features.2.weight"] = np.zeros((64, 64, 5, 5))
    arrays["features.1.weight"] = np.zeros(3)
    arrays["features.5.weight"] = np.zeros(7)
    with pytest.raises(DataError) as caught:
        import_arrays("vgg16", arrays, "mine.safetensors")
    assert str(caught.value).splitlines() == [
        "mine.safetensors: not the parameters of vgg16",
        "  missing: conv1_1/bias [64]",
        "  unexpected: features.1.weight [3]",
        "  wrong shape: conv1_2/filters is [5, 5, 64, 64], and [3, 3, 64, 64] was wanted",
        "  wrong shape: conv2_1/filters is [7], and [3, 3, 64, 128] was wanted",
    ]


def test_a_net_with_one_dense_layer_is_no_trunk() -> None:
    params = trunk() | {"dense_8": {"weights": np.zeros((4096, 5)), "bias": np.zeros(6)}}
    with pytest.raises(
        DataError, match=r"(?s)missing: dense_6/weights \[25088, 4096\].*wrong shape: dense_8/bias is \[6\]"
    ):
        export_arrays("vgg16", params)


def test_small_nets_are_refused_unless_any_size_will_do() -> None:
    with pytest.raises(DataError, match="wrong shape: conv1_1/filters"):
        export_arrays("vgg16", small("vgg16"))
    params = small("vgg16")
    params["dense_6"]["weights"] = params["dense_6"]["weights"][:-1]
    with pytest.raises(DataError, match="dense_6 reads 55 numbers, no square of 14 channels"):
        export_arrays("vgg16", params, any_size=True)


def test_one_layer_under_two_names_is_refused() -> None:
    arrays = export_arrays("vgg16", trunk())
    with pytest.raises(DataError, match="conv1_1/bias is there under another name too"):
        import_arrays("vgg16", arrays | {"conv1_1/bias": arrays["features.0.bias"]})


def test_an_unknown_net_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="no net is called 'vgg17' here; the names are vgg16, alexnet, lenet5"
    ):
        export_arrays("vgg17", {})
    assert net_of({"layer_0/weights": 0, "a": 0}) is None
    assert net_of({"conv_1/bias": 0, "conv_2/bias": 0, "dense/bias": 0, "output/bias": 0}) is None


@pytest.mark.parametrize(
    ("net", "made", "classes"),
    [
        ("vgg16", vgg16(), 1000),
        ("vgg16", vgg16(classes=7), 7),
        ("vgg16", vgg16_trunk(), 0),
        ("alexnet", alexnet(), 1000),
        ("lenet5", lenet5(), 10),
    ],
)
def test_the_nets_of_the_library_have_these_names_and_shapes(net: str, made: Net, classes: int) -> None:
    shapes = {name: leaf.shape for name, leaf in flat(jax.eval_shape(made.init, jax.random.key(0)))}
    wanted = {}
    for place in NETS[net]:
        if len(place.shape) == 4 or classes:
            shape = (*place.shape[:-1], place.shape[-1] or classes)
            wanted |= {f"{place.name}/{place.kernel}": shape, f"{place.name}/bias": shape[-1:]}
    assert shapes == wanted
