"""How much a file may unpack to: what stands between us and a few kilobytes that claim gigabytes.

A compressed file says how large its content is before that content is read. A small claim is
believed; a larger one must be below `MAX_BYTES` and not more than `MAX_RATIO` times the file itself.
MNIST, mostly black, unpacks to about five times its size.
"""

from __future__ import annotations

import os
from pathlib import Path

from nnjax.errors import DamagedError, DataError

MAX_BYTES = 8 * 2**30
MAX_RATIO = 200
SMALL_BYTES = 16 * 2**20


def check_file(path: str | os.PathLike, most: int | None = None) -> Path:
    """`path` as a Path, if it is an ordinary file that is there and is not too large.

    Args:
        path: The file.
        most: How many bytes it may have; None for `MAX_BYTES`.

    Raises:
        DataError: If it is missing, may not be read, is a folder, a device or a pipe, or is too large.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not path.is_file():
        raise DataError(f"{path}: not an ordinary file")
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: no permission to read it")
    most = MAX_BYTES if most is None else most
    if path.stat().st_size > most:
        raise DataError(f"{path}: {path.stat().st_size:,} bytes, and the most that is read is {most:,}")
    return path


def check_unpacked(path: Path, unpacked: int) -> None:
    """Refuses a file whose content claims more bytes than is believable.

    Args:
        path: The file, for the message.
        unpacked: How many bytes its whole content claims to have.

    Raises:
        DamagedError: If that is above `MAX_BYTES`, or above `SMALL_BYTES` and `MAX_RATIO` times the file.
    """
    packed = path.stat().st_size
    if unpacked > MAX_BYTES:
        raise DamagedError(f"{path}: claims {unpacked:,} bytes of content, and the most is {MAX_BYTES:,}")
    if unpacked > SMALL_BYTES and unpacked > MAX_RATIO * packed:
        raise DamagedError(
            f"{path}: {packed:,} bytes claim {unpacked:,} bytes of content, more than {MAX_RATIO} times; "
            "refused, since it looks like a decompression bomb"
        )
