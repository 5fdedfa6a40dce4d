"""safetensors files: written as others read them, and nothing hostile or damaged is believed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from nnjax.data.tensor_files import parse_tensors, read_tensors, write_tensors
from nnjax.errors import DamagedError, DataError, StorageError

ARRAYS = {
    "features.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "features.0.bias": np.array([-0.0, np.float32(1e-45)], np.float32),
}


def packed(header: dict | bytes, data: bytes = b"") -> bytes:
    """A safetensors file of any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(shape: list, first: int, end: int, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, end]}


def test_the_safetensors_library_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.safetensors"
    write_tensors(path, ARRAYS, {"licence": "CC BY 4.0, Zürich"})
    with safe_open(path, "numpy") as file:
        assert set(file.keys()) == set(ARRAYS)
        assert file.metadata()["licence"] == "CC BY 4.0, Zürich"
        for name, array in ARRAYS.items():
            assert file.get_tensor(name).tobytes() == array.tobytes()
    found = read_tensors(path)
    assert found.verified
    assert found.metadata == {"licence": "CC BY 4.0, Zürich"}
    assert {name: a.tobytes() for name, a in found.arrays.items()} == {
        n: a.tobytes() for n, a in ARRAYS.items()
    }


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", ARRAYS, {"x": "1", "y": "2"})
    write_tensors(tmp_path / "b", dict(reversed(ARRAYS.items())), {"x": "1", "y": "2"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_the_safetensors_library_writes_is_read_without_digests(tmp_path: Path) -> None:
    mixed = {"half": np.array([1.5, -2], np.float16), "double": np.array([[0.1]]), **ARRAYS}
    save_file(mixed, tmp_path / "w.safetensors", {"format": "pt"})
    found = read_tensors(tmp_path / "w.safetensors")
    assert not found.verified
    assert found.arrays["half"].tolist() == [1.5, -2]
    assert found.arrays["double"].tolist() == [[np.float32(0.1)]]
    assert {array.dtype for array in found.arrays.values()} == {np.dtype(np.float32)}


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    content = packed({"a": entry([2], 0, 4, "BF16")}, bytes([0x80, 0x3F, 0x20, 0xC0]))
    assert parse_tensors("f", content).arrays["a"].tolist() == [1.0, -2.5]


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    write_tensors(tmp_path / "w", ARRAYS, {"licence": "CC BY 4.0", "preprocessing": "caffe"})
    content = bytearray((tmp_path / "w").read_bytes())
    unnoticed = []
    for at in range(len(content)):
        for bit in range(8):
            content[at] ^= 1 << bit
            try:
                parse_tensors("f", bytes(content))
                unnoticed.append((at, bit))
            except DamagedError:
                pass
            content[at] ^= 1 << bit
    assert not unnoticed


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    write_tensors(tmp_path / "w", ARRAYS, {})
    content = (tmp_path / "w").read_bytes()
    for end in range(len(content)):
        with pytest.raises(DamagedError, match="f: "):
            parse_tensors("f", content[:end])
    with pytest.raises(DamagedError, match="has 33; cut short or damaged"):
        parse_tensors("f", content + b"x")


HOSTILE = {
    "climbs": (packed({"../../x": entry([1], 0, 4)}, bytes(4)), "'../../x' is no name for an array"),
    "root": (packed({"/etc/x": entry([1], 0, 4)}, bytes(4)), "'/etc/x' is no name"),
    "control": (packed({"a\nb": entry([1], 0, 4)}, bytes(4)), "is no name"),
    "twice": (
        packed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32"}}', bytes(4)),
        "names 'a' twice",
    ),
    "overlap": (packed({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, bytes(4)), "overlap or leave a gap"),
    "gap": (packed({"a": entry([1], 4, 8)}, bytes(8)), "overlap or leave a gap at byte 0"),
    "past the end": (packed({"a": entry([3], 0, 12)}, bytes(4)), "claims 12 bytes of arrays and has 4"),
    "shape": (packed({"a": entry([2**40], 0, 4)}, bytes(4)), r"claims shape \[1099511627776\] in 4 bytes"),
    "negative": (packed({"a": entry([-1], 0, 4)}, bytes(4)), "entry of 'a' in its header is damaged"),
    "true": (packed({"a": entry([True], 0, 4)}, bytes(4)), "entry of 'a' in its header is damaged"),
    "huge": (packed({"a": entry([0, 2**47, 2**47], 0, 0)}), r"'a' is empty"),
    "integers": (packed({"a": entry([1], 0, 4, "I32")}, bytes(4)), "'a' is of type I32"),
    "no entry": (packed({"a": 5}), "entry of 'a' in its header is damaged"),
    "list": (packed(b"[]"), "its header is no object"),
    "nested": (packed(b"[" * 100_000), "its header is not JSON"),
    "metadata": (packed({"__metadata__": {"a": 1}}), "its metadata are not texts"),
    "long header": ((2**62).to_bytes(8, "little") + b"{}", "not a safetensors file, or cut short"),
    "no digest": (packed({"__metadata__": {"sha256": "{}"}}), "its metadata are not what was saved"),
    "pickle": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not a safetensors file"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_and_named(case: str) -> None:
    content, words = HOSTILE[case]
    with pytest.raises(DamagedError, match=words) as caught:
        parse_tensors("mine.safetensors", content)
    assert str(caught.value).startswith("mine.safetensors: ")


def test_a_file_that_is_not_there_and_one_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_tensors(tmp_path / "none.safetensors")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_tensors(tmp_path / "file" / "w.safetensors", ARRAYS, {})
