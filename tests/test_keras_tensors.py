"""Keras's .h5 files: what lies in them is read, what they point to is not."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from nnjax.data import keras_tensors
from nnjax.data.keras_tensors import parse_keras
from nnjax.errors import DamagedError, DataError

h5py = pytest.importorskip("h5py", reason="h5py reads .h5 files: pip install 'nnjax[keras]'")


def made(fill) -> bytes:
    """The bytes of an HDF5 file that `fill(file)` fills."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        fill(file)
    return memory.getvalue()


def test_arrays_come_by_their_paths_and_as_float32() -> None:
    def fill(file) -> None:
        file["block1_conv1/block1_conv1_W_1:0"] = np.arange(4, dtype=np.float64).reshape(2, 2)
        file["half"] = np.array([0.5, -2], np.float16)
        file["step"] = np.arange(3)
        file.attrs["layer_names"] = ["block1_conv1"]

    found = parse_keras("f", made(fill))
    assert set(found) == {"block1_conv1/block1_conv1_W_1:0", "half"}
    assert found["block1_conv1/block1_conv1_W_1:0"].tolist() == [[0, 1], [2, 3]]
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_links_and_values_elsewhere_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.ones(3, np.float32)
    (tmp_path / "raw").write_bytes(bytes(12))

    def external(file) -> None:
        file["a"] = h5py.ExternalLink(str(secret), "x")

    def soft(file) -> None:
        file["a"] = h5py.SoftLink("/b")

    def stored(file) -> None:
        file.create_dataset("a", (3,), "f4", external=[(str(tmp_path / "raw"), 0, 12)])

    def virtual(file) -> None:
        layout = h5py.VirtualLayout((3,), "f4")
        layout[:] = h5py.VirtualSource(str(secret), "x", (3,))
        file.create_virtual_dataset("a", layout)

    for fill, words in (
        (external, "a link"),
        (soft, "a link"),
        (stored, "another file"),
        (virtual, "another file"),
    ):
        with pytest.raises(DamagedError, match=words):
            parse_keras("f", made(fill))


def test_a_small_file_that_claims_much_is_refused() -> None:
    def fill(file) -> None:
        file.create_dataset("a", (2**29,), "f4", chunks=(2**20,), compression="gzip")

    with pytest.raises(DamagedError, match=r"f: claims 2,147,483,648 bytes of arrays"):
        parse_keras("f", made(fill))


def test_a_group_that_holds_itself_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_tensors, "MAX_ITEMS", 50)

    def fill(file) -> None:
        file.create_group("a")["again"] = file

    with pytest.raises(DamagedError, match="more than 50 items, or deeper than 12 groups"):
        parse_keras("f", made(fill))


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", None])
def test_what_is_no_hdf5_file_is_damaged(content: bytes | None) -> None:
    whole = made(lambda file: file.create_dataset("a", data=np.ones(1000, np.float32)))
    with pytest.raises(DamagedError, match=r"mine.h5: not a sound HDF5 file"):
        parse_keras("mine.h5", whole[: len(whole) // 2] if content is None else content)


def test_without_h5py_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"f: a .h5 file is read with h5py.*pip install 'nnjax\[keras\]'"):
        parse_keras("f", b"")


def test_arrays_of_more_than_the_cap_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py reads .h5 files")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kernel"] = np.zeros(3, np.float32)
    monkeypatch.setattr(keras_tensors, "MAX_BYTES", 11)
    with pytest.raises(DamagedError, match=r"a\.h5: claims 12 bytes of arrays"):
        parse_keras("a.h5", (tmp_path / "a.h5").read_bytes())
