"""Arrays in a safetensors file, with a SHA-256 of each that is compared when the file is read.

A safetensors file is a length, a JSON header that says where each array lies, and the bytes
(https://huggingface.co/docs/safetensors, 2022). The form itself does not notice a flipped bit, nor two
arrays of the same name, nor a name that climbs out of a folder. So the header is checked here in full, and
files that we write have two more entries in their metadata: "sha256", the digest of every array's bytes,
and "sha256_metadata", the digest of all the other entries.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnjax.data.limits import check_file
from nnjax.errors import DamagedError, StorageError

MAX_HEADER = 16 * 2**20
MAX_TENSORS = 100_000
# What is read, all of it as float32: bfloat16 is the upper half of a float32.
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
NAME = re.compile(r"[\w.:/ -]{1,512}")


class Tensors(NamedTuple):
    """What a safetensors file holds.

    Attributes:
        arrays: Name to float32 array.
        metadata: The file's own entries, without the digests.
        verified: Whether there were digests, which then have been compared.
    """

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str]
    verified: bool


def write_tensors(
    path: str | os.PathLike, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes a safetensors file that is whole or not there, with the digests of its arrays.

    The same arrays and metadata give the same bytes.

    Args:
        path: Where it goes; a file that is there is replaced, a folder that is not there is made.
        arrays: Name to float32 array.
        metadata: Texts that go with them.

    Raises:
        StorageError: If it cannot be written.
    """
    path = Path(path).expanduser()
    contents = {name: np.ascontiguousarray(array, "<f4") for name, array in sorted(arrays.items())}
    digests = {name: hashlib.sha256(_bytes(array)).hexdigest() for name, array in contents.items()}
    entries = {**metadata, "sha256": json.dumps(digests, sort_keys=True)}
    entries["sha256_metadata"] = _metadata_digest(entries)
    header: dict[str, Any] = {"__metadata__": entries}
    reached = 0
    for name, array in contents.items():
        offsets = [reached, reached := reached + array.nbytes]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the arrays begin at a multiple of 8
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for array in contents.values():
                file.write(_bytes(array))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_tensors(path: str | os.PathLike) -> Tensors:
    """Reads a safetensors file.

    Raises:
        DataError: If there is no such file.
        DamagedError: As `parse_tensors`.
    """
    path = check_file(path)
    return parse_tensors(str(path), path.read_bytes())


def parse_tensors(where: str, content: bytes) -> Tensors:
    """The arrays in the content of a safetensors file.

    Args:
        where: The file, for the message.
        content: All of its bytes.

    Raises:
        DamagedError: If it is no such file, is damaged, names an array twice or by a path that climbs, has
            anything but floating-point numbers, or an array is not the one whose digest it has.
    """
    header, start = _header(where, content)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DamagedError(f"{where}: its metadata are not texts")
    places = {name: _place(where, name, entry) for name, entry in header.items()}
    _check_places(where, places, len(content) - start)
    raw = {
        name: np.frombuffer(content, DTYPES[dtype], math.prod(shape), start + first).reshape(shape)
        for name, (dtype, shape, first, _) in places.items()
    }
    verified = _compare(where, raw, metadata)
    arrays = {name: _float32(places[name][0], array) for name, array in raw.items()}
    kept = {name: text for name, text in metadata.items() if not name.startswith("sha256")}
    return Tensors(arrays, kept, verified)


def is_plain(name: str) -> bool:
    """Whether an array may be called so: no odd characters, and no path that climbs.

    >>> is_plain("conv_1/bias"), is_plain("../bias")
    (True, False)
    """
    return bool(NAME.fullmatch(name)) and not name.startswith("/") and ".." not in name.split("/")


def _header(where: str, content: bytes) -> tuple[dict[str, Any], int]:
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(MAX_HEADER, len(content) - 8):
        raise DamagedError(f"{where}: not a safetensors file, or cut short")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for name, value in pairs:
            if name in seen:
                raise DamagedError(f"{where}: names {name[:80]!r} twice")
            seen[name] = value
        return seen

    try:
        header = json.loads(content[8 : 8 + size].decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise DamagedError(f"{where}: its header is not JSON; it is damaged or no safetensors file") from None
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        raise DamagedError(f"{where}: its header is no object of at most {MAX_TENSORS:,} arrays")
    return header, 8 + size


def _place(where: str, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """(dtype, shape, first byte, end) of one array, if its entry can be believed."""
    if not is_plain(name):
        raise DamagedError(f"{where}: {name[:80]!r} is no name for an array")
    try:
        dtype, shape, (first, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        numbers = [*shape, first, end]
        sound = set(entry) == {"dtype", "shape", "data_offsets"} and all(
            type(number) is int and 0 <= number < 2**48 for number in numbers
        )
    except (TypeError, KeyError, ValueError):
        sound, dtype, shape, first, end = False, "", (), 0, 0
    if not sound or len(shape) > 8:
        raise DamagedError(f"{where}: the entry of {name!r} in its header is damaged")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise DamagedError(f"{where}: {name!r} is of type {str(dtype)[:20]}; wanted {', '.join(DTYPES)}")
    if 0 in shape:
        raise DamagedError(f"{where}: {name!r} is empty, {list(shape)}")
    if end - first != math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
        raise DamagedError(f"{where}: {name!r} claims shape {list(shape)} in {end - first:,} bytes")
    return dtype, shape, first, end


def _check_places(where: str, places: Mapping[str, tuple], size: int) -> None:
    """The arrays must lie one after another and fill the file: no gap, no overlap, nothing left over."""
    reached = 0
    for _, _, first, end in sorted(places.values(), key=lambda place: place[2:]):
        if first != reached:
            raise DamagedError(f"{where}: its arrays overlap or leave a gap at byte {reached:,} of the data")
        reached = end
    if reached != size:
        raise DamagedError(
            f"{where}: claims {reached:,} bytes of arrays and has {size:,}; cut short or damaged"
        )


def _compare(where: str, raw: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bool:
    """Whether there are digests; all of them are compared."""
    present = [name for name in ("sha256", "sha256_metadata") if name in metadata]
    if not present and not any(name.startswith("sha256") for name in metadata):
        return False
    entries = {name: text for name, text in metadata.items() if name != "sha256_metadata"}
    if len(present) < 2 or metadata["sha256_metadata"] != _metadata_digest(entries):
        raise DamagedError(f"{where}: its metadata are not what was saved")
    digests = json.loads(metadata["sha256"])
    if set(digests) != set(raw):
        raise DamagedError(f"{where}: its arrays are not those whose digests it has")
    for name, array in raw.items():
        if hashlib.sha256(_bytes(array)).hexdigest() != digests[name]:
            raise DamagedError(f"{where}: {name!r} is not what was saved; the file is damaged")
    return True


def _metadata_digest(entries: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(entries), sort_keys=True).encode()).hexdigest()


def _bytes(array: np.ndarray) -> Any:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _float32(dtype: str, array: np.ndarray) -> np.ndarray:
    if dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)
