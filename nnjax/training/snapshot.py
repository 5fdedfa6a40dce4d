"""One checkpoint on the disk: the leaves of a pytree and a record of them.

    12/state/...      the leaves, as Orbax writes them, each under its key path
    12/record.json    step, meta, and the SHA-256 of every file of `state` and of every leaf

Orbax restores flipped bits without a word, so both digests are checked on every read: a file's,
before Orbax parses a byte of it, and a leaf's, when Orbax has made an array of it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError, DamagedError

_FORMAT = 1
_STATE = "state"
_RECORD = "record.json"
_RECORD_ROOM = 1 << 16  # bytes, for what is written besides the leaves

Leaves = Mapping[str, np.ndarray]


def state_digest(state: Any) -> str:
    """The SHA-256 of a pytree: of each leaf's key path, dtype, shape and bytes, in the tree's order.

    Args:
        state: Pytree of arrays and numbers.

    Returns:
        64 hexadecimal digits; equal for two states only if they are equal bit for bit.

    Raises:
        ConfigError: If a leaf is neither an array of numbers nor a number.

    >>> state_digest({"bias": np.zeros(2)}) == state_digest({"bias": np.zeros(2)})
    True
    >>> state_digest({"bias": np.zeros(2)}) == state_digest({"bias": -np.zeros(2)})
    False
    """
    return _json_digest(leaf_records(host_leaves(state)))


def host_leaves(state: Any) -> dict[str, np.ndarray]:
    """Copies the leaves of `state` to the host, by key path, so that the originals may be donated.

    Raises:
        ConfigError: If a leaf is neither an array of numbers nor a number.
    """
    leaves = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        name = jax.tree_util.keystr(path)
        try:
            value = np.array(leaf, order="C")
        except TypeError as error:  # a typed PRNG key
            raise ConfigError(f"{name} of the state: {error}. Store the seed as uint32 instead.") from error
        if not (jnp.issubdtype(value.dtype, np.number) or value.dtype == bool):
            raise ConfigError(f"{name} of the state must be an array of numbers, not {type(leaf).__name__}.")
        if name in leaves:
            raise ConfigError(f"two leaves of the state have the key path {name}.")
        leaves[name] = value.astype(value.dtype.newbyteorder("="), copy=False)
    return leaves


def leaf_records(leaves: Leaves) -> list[dict[str, Any]]:
    """What is recorded of every leaf: its key path, dtype, shape and the SHA-256 of its bytes."""
    return [
        {
            "path": name,
            "dtype": leaf.dtype.name,
            "shape": list(leaf.shape),
            "sha256": hashlib.sha256(leaf.reshape(-1).view(np.uint8).data).hexdigest(),
        }
        for name, leaf in leaves.items()
    ]


def write_snapshot(folder: Path, step: int, leaves: Leaves, meta: Mapping[str, Any]) -> None:
    """Writes `leaves` and `meta` into the empty `folder`; what Orbax or the disk raises passes through."""
    import orbax.checkpoint as ocp

    _reserve(folder, sum(leaf.nbytes for leaf in leaves.values()) + _RECORD_ROOM)
    stored = {name: leaf for name, leaf in leaves.items() if leaf.size}  # Orbax refuses empty arrays
    if stored:
        with _quiet_orbax(), ocp.PyTreeCheckpointer() as checkpointer:
            checkpointer.save((folder / _STATE).absolute(), stored)
    record = {
        "format": _FORMAT,
        "step": step,
        "meta": meta,
        "leaves": leaf_records(leaves),
        "files": _file_digests(folder / _STATE),
    }
    with (folder / _RECORD).open("w") as file:
        json.dump(record | {"sha256": _json_digest(record)}, file)
        file.flush()
        os.fsync(file.fileno())


def read_snapshot(folder: Path, step: int, like: Any) -> tuple[Any, dict[str, Any]]:
    """Reads the state and the meta of `step` from `folder`.

    Args:
        folder: The folder that `write_snapshot` filled.
        step: The step it was filled with.
        like: Pytree whose structure, shapes and dtypes the state must have. A leaf comes back as
            what it is there: a number, a NumPy array, or a JAX array in the same sharding (also for a
            `jax.ShapeDtypeStruct`).

    Raises:
        ConfigError: If `like` is not of the saved state's structure, shapes and dtypes.
        DamagedError: If anything differs from what was written, or cannot be read.
    """
    record = _checked_record(folder, step)
    wanted = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(like)}
    _compare(folder, record["leaves"], wanted)
    leaves = _orbax_leaves(folder / _STATE, record["leaves"])
    for entry, restored in zip(record["leaves"], leaf_records(leaves), strict=True):
        if entry != restored:
            raise DamagedError(f"{folder}: {entry['path']} is not what was saved.")
    placed = [_place(leaves[name], leaf) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(like), placed), record["meta"]


def reason(error: BaseException) -> str:
    """What the operating system said, where `error` tells it; else the start of the error's text."""
    code = re.search(r"os_error_code='(\d+)'", str(error))  # tensorstore's way of passing errno on
    if code:
        return os.strerror(int(code[1]))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _reserve(folder: Path, size: int) -> None:
    """Takes `size` bytes of the disk and gives them back. When a write fails, Orbax's other threads go
    on writing and complain when they find their loop closed; so a full disk has to show before."""
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    path = folder / "room"
    with path.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # this kind of disk cannot tell
                raise
    path.unlink()


def _json_digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _file_digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digests[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _checked_record(folder: Path, step: int) -> dict[str, Any]:
    """The record in `folder`, once it and every file it names are known to be unchanged."""
    path = folder / _RECORD
    try:
        record = json.loads(path.read_bytes())
        digest = record.pop("sha256")
        files = _file_digests(folder / _STATE)
    except OSError as error:
        raise DamagedError(f"{error.filename or path} cannot be read: {reason(error)}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is not a record: {reason(error)}.") from error
    if digest != _json_digest(record) or record["step"] != step:
        raise DamagedError(f"{path} has changed since it was written.")
    if record["format"] != _FORMAT:
        raise ConfigError(f"{path} has format {record['format']}; this version of nnjax reads {_FORMAT}.")
    for name, digest in record["files"].items():
        if files.get(name) != digest:
            changed = "has changed since it was written" if name in files else "is missing"
            raise DamagedError(f"{folder / _STATE / name} {changed}.")
    return record


def _compare(folder: Path, saved: list[dict[str, Any]], wanted: Mapping[str, Any]) -> None:
    """Orbax casts in silence, and so does JAX: shapes and dtypes are compared before anything is read."""
    described = {entry["path"]: f"{entry['dtype']}{entry['shape']}" for entry in saved}
    for name, leaf in wanted.items():
        array = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
        text = f"{array.dtype.name}{list(array.shape)}"
        if described.get(name) != text:
            came = described.get(name, "nothing")
            raise ConfigError(f"{folder} is of another state: {name} should be {text}, but is {came}.")
        on_device = not isinstance(array, np.ndarray | np.generic)
        if on_device and jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
            raise ConfigError(f"{folder}: {name} is {text}, for which JAX needs jax_enable_x64.")
    for name in described.keys() - wanted.keys():
        raise ConfigError(f"{folder} is of another state: it also has {name}, {described[name]}.")


def _orbax_leaves(folder: Path, saved: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The saved leaves in the saved order; those without elements, which Orbax does not store, made anew."""
    import orbax.checkpoint as ocp

    leaves = {}
    try:
        if any(0 not in entry["shape"] for entry in saved):
            with _quiet_orbax(), ocp.PyTreeCheckpointer() as checkpointer:
                leaves = checkpointer.restore(folder.absolute())
        return {
            entry["path"]: np.zeros(entry["shape"], jnp.dtype(entry["dtype"]))
            if 0 in entry["shape"]
            else np.asarray(leaves[entry["path"]])
            for entry in saved
        }
    except Exception as error:  # the bytes are those that were written, so this is another Orbax
        raise DamagedError(f"Orbax cannot read {folder}: {reason(error)}.") from error


def _place(value: np.ndarray, wanted: Any) -> Any:
    """`value` as what `wanted` is. A sharding is passed on only where it was asked for, since an array
    that is committed to its device would make JAX compile the program once more."""
    if not hasattr(wanted, "dtype"):
        return type(wanted)(value.item())
    if isinstance(wanted, np.ndarray | np.generic):
        return value
    if isinstance(wanted, jax.Array) and not wanted.committed:
        return jax.device_put(value)
    return jax.device_put(value, wanted.sharding)


@contextlib.contextmanager
def _quiet_orbax() -> Iterator[None]:
    """Orbax logs the tracebacks of its threads and then raises; the error that we raise says it once."""
    logger = logging.getLogger("absl")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
