"""One process a run folder: two that save into the same one would mix their steps without a word."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from nnjax.errors import LockedError, StorageError


@contextlib.contextmanager
def lock_run(folder: str | Path) -> Iterator[None]:
    """Holds the run in `folder` for this process, until the block or the process ends.

    The kernel holds the lock and frees it with the process, kill -9 included, so that a lock is never
    stale. The file `run.lock` stays behind; it says who held the run last. Take it after any
    re-execution; a forked child would keep it alive, so workers are spawned.

    Args:
        folder: The run folder, made if it is missing.

    Raises:
        LockedError: If another process, or another block of this one, holds the run.
        StorageError: If the folder cannot be written.
    """
    path = Path(folder) / "run.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")  # never truncates the holder's number
    except OSError as error:
        raise StorageError(f"{path} cannot be opened for writing: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"{folder} is in use by {_holder(path)}; wait for it, or end it.") from error
        except OSError as error:
            raise StorageError(f"{path} cannot be locked: {error.strerror}.") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _holder(path: Path) -> str:
    try:
        return f"process {int(path.read_text())}"
    except (OSError, ValueError):
        return "another process"
