"""The float32 arrays of a Keras .h5 file, by their paths in it, read with h5py where it is installed.

An HDF5 file (https://www.hdfgroup.org/solutions/hdf5, 1998) can point into other files, by links or by
arrays whose values lie elsewhere; no such pointer is followed. What is not read costs no memory: the arrays
that are wanted are few and small, and their sizes are looked at first.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from nnjax.errors import DamagedError, DataError

MAX_ITEMS = 10_000
MAX_DEPTH = 12
MAX_BYTES = 2**30
MAX_RATIO = 200  # of an array's values to the whole file's bytes


def parse_keras(where: str, content: bytes) -> dict[str, np.ndarray]:
    """The floating-point arrays in the content of an HDF5 file.

    Args:
        where: The file, for the message.
        content: All of its bytes.

    Returns:
        Path in the file, such as "block1_conv1/block1_conv1_W_1:0", to float32 array.

    Raises:
        DataError: If h5py is not installed.
        DamagedError: If the file is damaged, or claims more than is believed.
    """
    try:
        import h5py
    except ImportError:
        text = "a .h5 file is read with h5py, which is not installed: pip install 'nnjax[keras]'"
        raise DataError(f"{where}: {text}") from None
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            sets = _datasets(where, file)
            claimed = sum(math.prod(dataset.shape) * 4 for dataset in sets.values())
            if claimed > MAX_BYTES or claimed > max(2**20, MAX_RATIO * len(content)):
                raise DamagedError(f"{where}: claims {claimed:,} bytes of arrays")
            return {name: np.asarray(dataset[()], np.float32) for name, dataset in sets.items()}
    except DamagedError:
        raise
    except Exception as error:  # h5py raises OSError, RuntimeError, KeyError, ... for what is damaged
        raise DamagedError(f"{where}: not a sound HDF5 file ({error})") from None


def _datasets(where: str, file: Any) -> dict[str, Any]:
    """Every array of floating-point numbers that lies in this file itself."""
    import h5py

    found: dict[str, Any] = {}
    groups: list[tuple[str, Any]] = [("", file)]
    seen = 0
    while groups:
        path, group = groups.pop()
        for name in group:
            seen += 1
            if seen > MAX_ITEMS or path.count("/") > MAX_DEPTH:
                raise DamagedError(
                    f"{where}: more than {MAX_ITEMS:,} items, or deeper than {MAX_DEPTH} groups"
                )
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise DamagedError(f"{where}: {path}{name} is a link that may lead out of the file")
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append((f"{path}{name}/", item))
            elif isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and item.shape is not None:
                if item.is_virtual or item.external:
                    raise DamagedError(f"{where}: {path}{name} has its values in another file")
                found[f"{path}{name}"] = item
    return found
