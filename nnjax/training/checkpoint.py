"""Checkpoints: the last few states of a run, each whole or not there at all.

A checkpoint is written into a folder beside its place and renamed into it, so that a process that
is killed at any moment leaves the ones before untouched. Writing happens on a thread of its own;
the calling thread only copies the state to the host.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from nnjax.errors import ConfigError, DamagedError, StorageError
from nnjax.training.snapshot import Leaves, host_leaves, read_snapshot, reason, state_digest, write_snapshot

__all__ = ["Checkpoint", "Checkpoints", "state_digest"]

_UNFINISHED = ".orbax-checkpoint-tmp"
_log = logging.getLogger("nnjax")


class Checkpoint(NamedTuple):
    """A state that was read back.

    Attributes:
        step: The step it was saved under.
        state: The pytree, bit for bit what was saved.
        meta: What was saved with it.
    """

    step: int
    state: Any
    meta: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run, in `folder/STEP`, and the best one in `folder/best/STEP`.

    Use it as a context manager: leaving it waits for the save that is under way. The process that
    saves must hold the run's lock (`nnjax.training.run_lock`); reading needs none and changes nothing.

    Attributes:
        folder: Where they lie; made by the first save.
        keep: How many of the newest steps are kept, at least 1.
        keep_every: Steps that are a multiple of it are kept for good; None keeps none of them.
        asynchronous: Whether `save` returns before the checkpoint is written.
        report: Called with a sentence when a damaged checkpoint is passed over.
    """

    def __init__(
        self,
        folder: str | Path,
        keep: int = 3,
        *,
        keep_every: int | None = None,
        asynchronous: bool = True,
        report: Callable[[str], Any] = _log.warning,
    ) -> None:
        if keep < 1 or (keep_every is not None and keep_every < 1):
            raise ConfigError(f"keep and keep_every must be at least 1, not {keep} and {keep_every}.")
        self.folder = Path(folder)
        self.keep = keep
        self.keep_every = keep_every
        self.asynchronous = asynchronous
        self.report = report
        self._writer = ThreadPoolExecutor(1, "nnjax-checkpoint")
        self._pending: Future[None] | None = None

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        try:
            self.wait()
        except StorageError as storage_error:
            if error is None:
                raise
            self.report(str(storage_error))  # must not hide the error that is under way
        finally:
            self._writer.shutdown()

    @property
    def best(self) -> Checkpoints:
        """The checkpoint that was saved last with `best=True`; there is at most one."""
        self.wait()
        return Checkpoints(self.folder / "best", keep=1, asynchronous=self.asynchronous, report=self.report)

    def save(self, step: int, state: Any, meta: Mapping[str, Any], best: bool = False) -> None:
        """Saves `state` under `step`, and makes it the newest: later steps, which a rollback has
        left behind, are deleted, and so is the oldest beyond `keep`.

        Args:
            step: At least 0.
            state: Pytree of arrays and numbers; it may be donated as soon as this returns.
            meta: What else is needed to continue; anything that JSON can hold.
            best: Whether to save it as the best one, too.

        Raises:
            ConfigError: If a leaf of `state` is no array of numbers, or `meta` is not JSON.
            StorageError: If the save before this one, or this one if it is not asynchronous, failed.
                The last good checkpoint is still there.
        """
        self.wait()
        if step < 0:
            raise ConfigError(f"step must be at least 0, not {step}.")
        try:
            plain = json.loads(json.dumps(meta))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"meta must hold only what JSON can: {error}.") from error
        self._pending = self._writer.submit(self._write, int(step), host_leaves(state), plain, best)
        if not self.asynchronous:
            self.wait()

    def wait(self) -> None:
        """Waits until the last save is on the disk.

        Raises:
            StorageError: If it failed. The last good checkpoint is still there.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def steps(self) -> list[int]:
        """The steps that are there, oldest first; without a look at whether they are whole."""
        return _steps(self.folder)

    def latest(self, like: Any) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None if there is no checkpoint at all.

        Args:
            like: Pytree whose structure, shapes and dtypes the state must have. A leaf comes back as
                what it is there: a number, a NumPy array, or a JAX array in the same sharding (also
                for a `jax.ShapeDtypeStruct`).

        Raises:
            ConfigError: If `like` is not of the saved state's structure, shapes and dtypes.
            DamagedError: If there are checkpoints and none is whole.
        """
        self.wait()
        damage: list[str] = []
        for step in reversed(self.steps()):
            try:
                found = self.restore(step, like)
            except DamagedError as error:
                damage.append(str(error))
                continue
            if damage:
                self.report(f"Going back to the checkpoint of step {step}: {' '.join(damage)}")
            return found
        if damage:
            raise DamagedError(f"no checkpoint in {self.folder} is whole: {' '.join(damage)}")
        return None

    def restore(self, step: int, like: Any) -> Checkpoint:
        """The checkpoint of `step`; `like` and the errors are those of `latest`."""
        self.wait()
        if step not in self.steps():
            raise ConfigError(f"no checkpoint of step {step} in {self.folder}; there are {self.steps()}.")
        return Checkpoint(step, *read_snapshot(self.folder / str(step), step, like))

    def _write(self, step: int, leaves: Leaves, meta: dict[str, Any], best: bool) -> None:
        _store(self.folder, step, leaves, meta, self.keep, self.keep_every)
        if best:
            _store(self.folder / "best", step, leaves, meta, keep=1)


def _steps(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())


def _store(
    folder: Path, step: int, leaves: Leaves, meta: dict[str, Any], keep: int, keep_every: int | None = None
) -> None:
    """Writes one checkpoint beside its place, renames it into it, and only then deletes old ones."""
    unfinished = folder / f"{step}{_UNFINISHED}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        unfinished.mkdir()
        write_snapshot(unfinished, step, leaves, meta)
        for later in _steps(folder):
            if later >= step:
                _remove(folder / str(later))
        unfinished.rename(folder / str(step))
        _sync(folder)
        for old in _steps(folder)[:-keep]:
            if not keep_every or old % keep_every:
                _remove(folder / str(old))
    except Exception as error:
        _clear(folder)
        steps = _steps(folder)
        last = f"The last good one is step {steps[-1]}." if steps else "There is none before it."
        text = f"the checkpoint of step {step} could not be written to {folder}: {reason(error)}. {last}"
        raise StorageError(text) from error


def _clear(folder: Path) -> None:
    """Deletes what a killed or failed save has left behind."""
    for path in folder.glob(f"*{_UNFINISHED}") if folder.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True)


def _remove(path: Path) -> None:
    """Takes a checkpoint out of the list in one step, so that it is never there by half."""
    doomed = path.with_name(f"old-{path.name}{_UNFINISHED}")
    path.rename(doomed)
    shutil.rmtree(doomed)


def _sync(folder: Path) -> None:
    """Makes a rename outlast a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
