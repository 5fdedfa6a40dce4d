"""Files of weights of every form give the same parameters; what is written says where it is from."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from nnjax.data import weight_files
from nnjax.data.weight_files import read_weights, save_weights
from nnjax.errors import ConfigError, DamagedError, DataError
from nnjax.models import weight_names
from nnjax.models.weight_names import Place, export_arrays
from tests.test_onnx_tensors import block, model, tensor

NAMES = [place.name for place in weight_names.NETS["vgg16"] if len(place.shape) == 4]
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def few_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG-16 with two channels a layer and dense layers of four, so that its files are small."""
    places = [
        Place(p.name, p.module, (3, 3, 3 if p.name == "conv1_1" else 2, 2))
        for p in weight_names.NETS["vgg16"]
        if len(p.shape) == 4
    ]
    dense = (
        Place("dense_6", "classifier.0", (18, 4), (3, 3, 2)),
        Place("dense_7", "classifier.3", (4, 4)),
        Place("dense_8", "classifier.6", (4, 0)),
    )
    monkeypatch.setitem(weight_names.NETS, "vgg16", (*places, *dense))


def trunk() -> dict:
    return {
        p.name: {"filters": random(*p.shape), "bias": random(p.shape[-1])}
        for p in weight_names.NETS["vgg16"]
        if len(p.shape) == 4
    }


def random(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def equal(params: dict, others: dict) -> bool:
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(others), strict=True)
    same = all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)
    return same and jax.tree.structure(params) == jax.tree.structure(others)


def as_onnx(params: dict) -> bytes:
    """As converters write a Keras net: filters OIHW, other layers between them."""
    tensors = [tensor("functional_1/dense_1/Cast/ReadVariableOp:0", [2, 1], block(9, bytes(8)))]
    for name, layer in params.items():
        above = "functional_1/block{}_conv{}_1".format(*name.removeprefix("conv").split("_"))
        filters = np.ascontiguousarray(layer["filters"].transpose(3, 2, 0, 1))
        tensors.append(
            tensor(f"{above}/convolution/ReadVariableOp:0", [*filters.shape], block(9, filters.tobytes()))
        )
        tensors.append(tensor(f"{above}/Squeeze:0", [layer["bias"].size], block(9, layer["bias"].tobytes())))
    return model(*tensors)


def as_h5(path: Path, params: dict, form: str) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py reads .h5 files")
    with h5py.File(path, "w") as file:
        for name, layer in params.items():
            b, i = map(int, name.removeprefix("conv").split("_"))
            keras = f"block{b}_conv{i}"
            counted = f"block{b}/layers/conv2d{f'_{i - 1}' if i > 1 else ''}/vars"
            names = {
                "classic": (f"{keras}/{keras}_W_1:0", f"{keras}/{keras}_b_1:0"),
                "weights": (f"{counted}/0", f"{counted}/1"),
            }[form]
            file[names[0]], file[names[1]] = layer["filters"], layer["bias"]
        file["block5_pool/empty"] = np.zeros(0, np.float32)
    return path


def forms(folder: Path, params: dict) -> Iterator[Path]:
    """The same parameters in every form that is read."""
    arrays = export_arrays("vgg16", params)
    save_file(arrays, folder / "torchvision.safetensors")
    yield folder / "torchvision.safetensors"
    save_weights(params, folder / "ours.safetensors")
    yield folder / "ours.safetensors"
    (folder / "a.onnx").write_bytes(as_onnx(params))
    yield folder / "a.onnx"
    yield as_h5(folder / "classic.h5", params, "classic")
    yield as_h5(folder / "new.weights.h5", params, "weights")
    with zipfile.ZipFile(folder / "some-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "a.onnx", "../models/a.onnx")
        archive.writestr("some/__init__.py", "raise SystemExit('run')")
    yield folder / "some-1.0-py3-none-any.whl"


def test_every_form_gives_the_same_parameters(tmp_path: Path) -> None:
    params = trunk()
    read = {path.name: read_weights(path) for path in forms(tmp_path, params)}
    assert len(read) == 6
    for name, weights in read.items():
        assert equal(weights.params, params), name
        assert weights.net in ("vgg16", ""), name


def test_pytorchs_files_where_it_is_installed(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch reads .pth files, and is not installed")
    params = trunk()
    arrays = {name: torch.from_numpy(array) for name, array in export_arrays("vgg16", params).items()}
    torch.save(arrays, tmp_path / "a.pth")
    weights = read_weights(tmp_path / "a.pth")
    assert equal(weights.params, params)
    assert weights.metadata["preprocessing"] == "torch"


def test_what_is_written_has_torchvisions_names_and_says_where_it_is_from(tmp_path: Path) -> None:
    params = trunk()
    said = {"source": "a test", "licence": "CC BY 4.0", "attribution": "Ada", "preprocessing": "caffe"}
    save_weights(params, tmp_path / "w.safetensors", "vgg16", said)
    with safe_open(tmp_path / "w.safetensors", "numpy") as file:
        filters = file.get_tensor("features.2.weight")
        assert file.metadata().items() >= {**said, "layout": "torchvision", "net": "vgg16"}.items()
        assert file.metadata()["parameters"] == str(sum(leaf.size for leaf in jax.tree.leaves(params)))
    assert filters[1, 0, 2, 1] == params["conv1_2"]["filters"][2, 1, 0, 1]
    again = read_weights(tmp_path / "w.safetensors")
    assert again.verified
    assert again.metadata.items() >= said.items()


def test_unknown_files_say_so_and_keep_their_digest(tmp_path: Path) -> None:
    content = as_onnx(trunk())
    (tmp_path / "a.onnx").write_bytes(content)
    assert read_weights(tmp_path / "a.onnx").metadata == {
        "source": "a.onnx",
        "source_sha256": hashlib.sha256(content).hexdigest(),
        "licence": "unknown",
        "attribution": "",
        "preprocessing": "caffe",
    }


def test_other_nets_keep_their_own_names(tmp_path: Path) -> None:
    params = {"conv_1": {"filters": random(5, 5, 48, 2)}, "deep": {"er": {"bias": random(3)}}}
    save_weights(params, tmp_path / "w.safetensors")
    weights = read_weights(tmp_path / "w.safetensors")
    assert weights.net == ""
    assert equal(weights.params, params)


def test_a_net_for_small_images_says_so_and_comes_back(tmp_path: Path) -> None:
    params = trunk() | {
        "dense_6": {"weights": random(2, 5), "bias": random(5)},
        "dense_7": {"weights": random(5, 5), "bias": random(5)},
        "dense_8": {"weights": random(5, 2), "bias": random(2)},
    }
    with pytest.raises(
        DataError, match=r"wrong shape: dense_6/weights is \[2, 5\], and \[18, 4\] was wanted"
    ):
        save_weights(params, tmp_path / "w.safetensors", "vgg16")
    save_weights(params, tmp_path / "w.safetensors", "vgg16", any_size=True)
    assert equal(read_weights(tmp_path / "w.safetensors").params, params)


def test_faults_name_the_file(tmp_path: Path) -> None:
    params = trunk()
    del params["conv5_3"]
    (tmp_path / "a.onnx").write_bytes(as_onnx(params))
    with pytest.raises(
        DataError, match=r"a.onnx: not the parameters of vgg16\n  missing: conv5_3/filters \[3, 3, 2, 2\]"
    ):
        read_weights(tmp_path / "a.onnx")
    (tmp_path / "b.onnx").write_bytes(model(tensor("dense/kernel", [1], block(9, bytes(4)))))
    with pytest.raises(DataError, match=r"b.onnx: no layer of VGG-16 .* its arrays are dense/kernel"):
        read_weights(tmp_path / "b.onnx")
    (tmp_path / "a.pkl").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a.pkl: wanted a file ending in .safetensors"):
        read_weights(tmp_path / "a.pkl")
    with pytest.raises(ConfigError, match="no net is called 'vgg'"):
        save_weights(params, tmp_path / "w.safetensors", "vgg")


def test_provenance_is_texts_and_no_digests(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="provenance must be texts"):
        save_weights(trunk(), tmp_path / "w", provenance={"year": 2014})  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match="no names that begin with sha256"):
        save_weights(trunk(), tmp_path / "w", provenance={"sha256": "{}"})
    with pytest.raises(DataError, match=r"wanted arrays under plain names, got \['\.\./x'\]"):
        save_weights({"..": {"x": random(1)}}, tmp_path / "w")


def test_hostile_archives_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def packed(name: str, **members: bytes) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return tmp_path / name

    with pytest.raises(DataError, match=r"two.whl: wanted one file of weights in it .* got a.onnx, b.h5"):
        read_weights(packed("two.whl", **{"a.onnx": b"", "b.h5": b""}))
    with pytest.raises(DataError, match=r"none.zip: wanted one file of weights"):
        read_weights(packed("none.zip", **{"a.py": b""}))
    with pytest.raises(DamagedError, match=r"bomb.whl: .* more than 200 times"):
        read_weights(packed("bomb.whl", **{"a.onnx": bytes(17 * 2**20)}))
    monkeypatch.setattr(weight_files, "MAX_MEMBER_BYTES", 10)
    with pytest.raises(DamagedError, match=r"large.whl: claims 11 bytes of weights"):
        read_weights(packed("large.whl", **{"a.onnx": bytes(11)}))
    (tmp_path / "no.whl").write_bytes(b"PK no zip")
    with pytest.raises(DamagedError, match=r"no.whl: not a sound zip file"):
        read_weights(tmp_path / "no.whl")


def test_a_name_that_is_an_array_and_a_group_is_refused(tmp_path: Path) -> None:
    for arrays in ({"a": random(1), "a/b": random(1)}, {"a/b": random(1), "a": random(1)}):
        save_file(arrays, tmp_path / "w.safetensors")
        with pytest.raises(DamagedError, match="'a"):
            read_weights(tmp_path / "w.safetensors")
