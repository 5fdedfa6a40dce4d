"""The IDX format of MNIST: one array in a file, with or without gzip.

The layout, from LeCun's page of 1998 (https://yann.lecun.org/exdb/mnist/): two zero bytes, a byte that
names the element type, a byte that counts the axes, each axis as a big-endian uint32, then the elements in
row-major order, big-endian. The header says how long the file must be, so it is believed only as far as
`limits` allows and a file that is shorter or longer is refused.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import zlib
from typing import IO, cast

import numpy as np

from nnjax.data.limits import check_file, check_unpacked
from nnjax.errors import DamagedError

ELEMENT_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_AXES = 8
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: str | os.PathLike, sha256: str | None = None) -> np.ndarray:
    """Reads an IDX file; gzip is recognised by its first bytes, not by the name.

    Args:
        path: The file.
        sha256: If given, the SHA-256 (hex) that the decompressed file must have. The compressed bytes are no
            use for this: the same content packed by another gzip has others.

    Returns:
        The array, in the byte order of the machine.

    Raises:
        DataError: If there is no such file.
        DamagedError: If it is not IDX, shorter or longer than its header says, or another file than expected.
    """
    path = check_file(path)
    with open(path, "rb") as raw:
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        try:
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
            header, dtype, shape, content = _read(stream, path)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedError(f"{path}: damaged gzip ({error})") from None
    if sha256 is not None:
        _check_digest(path, header, content, sha256)
    try:
        array = np.frombuffer(content, dtype).reshape(shape)
    except ValueError as error:  # a dimension of 0 beside others that no array can have
        raise DamagedError(f"{path}: no array has the shape {list(shape)} ({error})") from None
    return array.astype(dtype.newbyteorder("="))


def _read(stream: IO[bytes], path) -> tuple[bytes, np.dtype, tuple[int, ...], bytes]:
    start = stream.read(4)
    if (
        len(start) < 4
        or start[:2] != b"\0\0"
        or start[2] not in ELEMENT_TYPES
        or not 1 <= start[3] <= MAX_AXES
    ):
        raise DamagedError(f"{path}: not an IDX file; it starts with {start.hex(' ') or 'nothing'}")
    axes = start[3]
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DamagedError(f"{path}: ends inside its IDX header")
    dtype = np.dtype(ELEMENT_TYPES[start[2]])
    shape = struct.unpack(f">{axes}I", sizes)
    wanted = math.prod(shape) * dtype.itemsize
    check_unpacked(path, wanted)
    content = stream.read(wanted + 1)
    if len(content) != wanted:
        came = "more" if len(content) > wanted else f"{len(content):,}"
        raise DamagedError(
            f"{path}: its header, shape {list(shape)}, promises {wanted:,} bytes; there are {came}"
        )
    return start + sizes, dtype, shape, content


def _check_digest(path, header: bytes, content: bytes, sha256: str) -> None:
    digest = hashlib.sha256(header)
    digest.update(content)
    if digest.hexdigest() != sha256:
        raise DamagedError(
            f"{path}: its decompressed content has the SHA-256 {digest.hexdigest()}, "
            f"and {sha256} was wanted; it is damaged or another file, so delete it and load again"
        )
