"""The float32 initialisers of an ONNX file, read without the onnx package and without running anything.

An ONNX file is one message in the wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding),
ModelProto of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (2017). Every field is a number, a type
and a value, so the few fields that are wanted can be picked and all others stepped over: the graph (7) of
the model, the initialisers (5) of the graph, and of each of these its dims (1), data_type (2), float_data
(4), name (8), raw_data (9) and data_location (14). Every length is compared with what is left of the
message around it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nnjax.errors import DamagedError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # the types of the wire; 3 and 4 are out of use
MAX_FIELDS = 1_000_000  # in all: a file of two-byte fields must not take an hour
MAX_RANK = 8
FLOAT = 1
EXTERNAL = 1


class _Field(NamedTuple):
    number: int
    kind: int
    value: Any  # an int of a VARINT, a memoryview of the others


class _Reader:
    """Steps through messages and counts the fields of all of them."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.fields = 0

    def damaged(self, what: str) -> DamagedError:
        return DamagedError(f"{self.where}: not a sound ONNX file ({what})")

    def message(self, content: memoryview) -> Iterator[_Field]:
        at = 0
        while at < len(content):
            self.fields += 1
            if self.fields > MAX_FIELDS:
                raise self.damaged(f"more than {MAX_FIELDS:,} fields")
            tag, at = self.varint(content, at)
            number, kind = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                raise self.damaged(f"a field has the number {number}")
            if kind == VARINT:
                value, at = self.varint(content, at)
                yield _Field(number, kind, value)
                continue
            if kind == BYTES:
                size, at = self.varint(content, at)
            elif kind in (FIXED32, FIXED64):
                size = 4 if kind == FIXED32 else 8
            else:
                raise self.damaged(f"a field has the type {kind}")
            if size > len(content) - at:
                raise self.damaged(f"cut short: a field wants {size:,} bytes, {len(content) - at:,} are left")
            yield _Field(number, kind, content[at : at + size])
            at += size

    def varint(self, content: memoryview, at: int) -> tuple[int, int]:
        """The number at a place, seven bits a byte and the lowest first, and the place after it."""
        value = 0
        for shift in range(0, 70, 7):
            if at >= len(content):
                raise self.damaged("cut short in a number")
            byte = content[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (2**64 - 1), at
        raise self.damaged("a number of more than ten bytes")

    def varints(self, field: _Field) -> list[int]:
        """The numbers of a repeated field, one (not packed) or many (packed)."""
        if field.kind == VARINT:
            return [field.value]
        if field.kind != BYTES or len(field.value) > 10 * MAX_RANK:
            raise self.damaged("dims of a wrong type, or too many")
        numbers, at = [], 0
        while at < len(field.value):
            number, at = self.varint(field.value, at)
            numbers.append(number)
        return numbers


def parse_onnx(where: str, content: bytes) -> dict[str, np.ndarray]:
    """The float32 initialisers in the content of an ONNX file; others and empty ones are left out.

    Args:
        where: The file, for the message.
        content: All of its bytes.

    Returns:
        Name to float32 array, in the file's order and layout.

    Raises:
        DamagedError: If it is no such file, is damaged or cut short, names an initialiser twice, or keeps the
            values of one in another file.
    """
    reader = _Reader(where)
    graphs = [
        field.value
        for field in reader.message(memoryview(content))
        if (field.number, field.kind) == (7, BYTES)
    ]
    if len(graphs) != 1:
        raise reader.damaged(f"{len(graphs)} graphs, one was wanted")
    arrays: dict[str, np.ndarray] = {}
    for field in reader.message(graphs[0]):
        if (field.number, field.kind) != (5, BYTES):
            continue
        name, array = _tensor(reader, field.value)
        if array is None:
            continue
        if name in arrays:
            raise reader.damaged(f"{name[:80]!r} is there twice")
        arrays[name] = array
    return arrays


def _tensor(reader: _Reader, content: memoryview) -> tuple[str, np.ndarray | None]:
    """The name of an initialiser and its values, or None if it is not of float32 or is empty."""
    dims: list[int] = []
    name, kind, external = "", None, False
    parts: list[memoryview] = []
    for field in reader.message(content):
        if field.number == 1:
            dims += reader.varints(field)
        elif (field.number, field.kind) == (2, VARINT):
            kind = field.value
        elif field.number == 4 and field.kind in (BYTES, FIXED32):
            parts.append(field.value)
        elif (field.number, field.kind) == (8, BYTES):
            name = bytes(field.value[:512]).decode("utf-8", "replace")
        elif (field.number, field.kind) == (9, BYTES):
            parts.append(field.value)
        elif (field.number, field.kind) == (14, VARINT):
            external = field.value == EXTERNAL
    if kind != FLOAT or 0 in dims:
        return name, None
    if external:
        raise reader.damaged(f"{name!r} has its values in another file, which is not read")
    size = sum(map(len, parts))
    if len(dims) > MAX_RANK or 4 * math.prod(dims) != size:
        raise reader.damaged(f"{name!r} claims shape {dims[:MAX_RANK]} in {size:,} bytes")
    values = parts[0] if len(parts) == 1 else b"".join(parts)
    return name, np.frombuffer(values, "<f4").reshape(dims)
