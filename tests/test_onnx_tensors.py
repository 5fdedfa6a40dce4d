"""The ONNX reader against files that are put together by hand, byte by byte, and against hostile ones."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest

from nnjax.data import onnx_tensors
from nnjax.data.onnx_tensors import parse_onnx
from nnjax.errors import DamagedError


def varint(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = number >> 7, number & 127
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name: str, dims: list[int], content: bytes, kind: int = 1) -> bytes:
    return b"".join(number(1, size) for size in dims) + number(2, kind) + block(8, name.encode()) + content


def model(*tensors: bytes) -> bytes:
    """A model with what else models have: its version, its maker, a node, an input."""
    graph = block(1, block(1, b"x") + block(4, b"Relu")) + block(2, b"graph")
    graph += b"".join(block(5, each) for each in tensors) + block(11, block(1, b"x"))
    return number(1, 8) + block(2, b"maker") + block(7, graph) + block(8, number(2, 15))


VALUES = struct.pack("<6f", 1, -2, 0.5, 4, 5, -0.0)


def test_bytes_written_out_by_hand() -> None:
    content = bytes.fromhex(
        "3a 1b"  # field 7, the graph, 27 bytes
        "2a 19"  # field 5, an initialiser, 25 bytes
        "08 02"  # dims: 2
        "08 01"  # dims: 1
        "10 01"  # data_type: 1, float
        "42 07 66 31 2f 62 3a 30 21"  # name: "f1/b:0!"
        "4a 08 00 00 80 3f 00 00 20 c0"  # raw_data: 1.0, -2.5
    )
    ((name, array),) = parse_onnx("f", content).items()
    assert (name, array.shape, array.ravel().tolist()) == ("f1/b:0!", (2, 1), [1.0, -2.5])


@pytest.mark.parametrize("form", ["raw", "packed", "single", "packed dims"])
def test_every_way_to_write_floats(form: str) -> None:
    if form == "raw":
        content = model(tensor("w", [2, 3], block(9, VALUES)))
    elif form == "packed":
        content = model(tensor("w", [2, 3], block(4, VALUES)))
    elif form == "single":
        fields = b"".join(varint(4 << 3 | 5) + VALUES[at : at + 4] for at in range(0, 24, 4))
        content = model(tensor("w", [2, 3], fields))
    else:
        content = model(block(1, varint(2) + varint(3)) + tensor("w", [], block(9, VALUES)))
    array = parse_onnx("f", content)["w"]
    assert array.tobytes() == VALUES
    assert array.shape == (2, 3)


def test_other_types_and_empty_ones_are_left_out() -> None:
    others = [tensor("shape", [1], block(9, bytes(8)), kind=7), tensor("empty", [0, 2**60], b"")]
    assert list(parse_onnx("f", model(*others, tensor("w", [6], block(9, VALUES))))) == ["w"]


HOSTILE = {
    "twice": (model(*[tensor("w", [6], block(9, VALUES))] * 2), "'w' is there twice"),
    "too long": (
        model(tensor("w", [2**40], block(9, VALUES))),
        r"claims shape \[1099511627776\] in 24 bytes",
    ),
    "negative": (model(tensor("w", [2**64 - 1], block(9, VALUES))), "claims shape"),
    "rank": (model(tensor("w", [1] * 9, block(9, VALUES[:4]))), "claims shape"),
    "elsewhere": (model(tensor("w", [6], number(14, 1) + block(13, b"../../x"))), "in another file"),
    "no graph": (number(1, 8), "0 graphs, one was wanted"),
    "two graphs": (model() + model(), "2 graphs, one was wanted"),
    "group": (varint(7 << 3 | 3), "a field has the type 3"),
    "field 0": (number(0, 1), "a field has the number 0"),
    "endless number": (b"\xff" * 20, "a number of more than ten bytes"),
    "a length past the end": (
        varint(7 << 3 | 2) + varint(2**63) + b"x",
        "a field wants 9,223,372,036,854,775,808",
    ),
    "pickle": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not a sound ONNX file"),
    "dims as floats": (model(varint(1 << 3 | 5) + bytes(4)), "dims of a wrong type"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_and_named(case: str) -> None:
    content, words = HOSTILE[case]
    with pytest.raises(DamagedError, match=words) as caught:
        parse_onnx("mine.onnx", content)
    assert str(caught.value).startswith("mine.onnx: ")


def test_a_file_cut_short_anywhere_is_refused_or_has_the_whole_graph() -> None:
    content = model(tensor("w", [6], block(9, VALUES)))
    after = content.index(block(8, number(2, 15)))  # what follows the graph may be gone
    for end in range(len(content)):
        if end == after:
            continue
        with pytest.raises(DamagedError, match="f: not a sound ONNX file"):
            parse_onnx("f", content[:end])


def test_flipped_bits_never_end_in_another_error() -> None:
    content = bytearray(model(tensor("w", [2, 3], block(9, VALUES)), tensor("b", [1], block(4, VALUES[:4]))))
    for at in range(len(content)):
        for bit in range(8):
            content[at] ^= 1 << bit
            with contextlib.suppress(DamagedError):
                parse_onnx("f", bytes(content))
            content[at] ^= 1 << bit


def test_the_number_of_fields_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_tensors, "MAX_FIELDS", 50)
    with pytest.raises(DamagedError, match="more than 50 fields"):
        parse_onnx("f", number(1, 8) * 60)
    assert np.isfinite(parse_onnx("f", model(tensor("w", [6], block(9, VALUES))))["w"]).all()
