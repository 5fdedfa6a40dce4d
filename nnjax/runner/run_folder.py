"""The folder that a run leaves: a name that no other run has, and files that are whole or not there."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnjax.errors import ConfigError, DamagedError, StorageError

CONFIG = "config.json"
STAMP = "%Y-%m-%d_%H-%M-%S"


def new_folder(out: Path, name: str, started: datetime.datetime) -> Path:
    """Makes `out/NAME/TIMESTAMP`, with a number behind it where two runs start in one second.

    Raises:
        StorageError: The folder cannot be made.
    """
    return fresh_folder(out / name / started.strftime(STAMP))


def fresh_folder(wanted: Path) -> Path:
    """Makes the folder `wanted`, with a number behind its name where there is one already.

    Raises:
        StorageError: The folder cannot be made.
    """
    number = 1
    while True:
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}_{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            if not folder.parent.is_dir():
                raise StorageError(f"{folder.parent} is a file, and runs go into a folder there") from None
            number += 1
        except OSError as error:
            raise StorageError(f"{folder} cannot be made: {error.strerror}") from error


def find_run(wanted: str, out: str = "runs") -> Path:
    """The run folder that a person means: a run's own folder, or the latest under a folder or a name.

    Raises:
        ConfigError: There is none.
    """
    for folder in (Path(wanted), Path(out) / wanted):
        if (folder / CONFIG).is_file():
            return folder
        runs = sorted(folder.glob(f"*/{CONFIG}"), key=lambda path: (path.stat().st_mtime_ns, str(path)))
        if runs:
            return runs[-1].parent
    raise ConfigError(f"no run at {wanted}, nor under {out}/{wanted}; a run folder has a {CONFIG}")


def mark_finished(folder: Path) -> None:
    """Notes in config.json that nothing is left to do; what comes before may be cut short by a kill.

    Raises:
        StorageError: It cannot be written.
    """
    path = folder / CONFIG
    described = json.loads(path.read_text(encoding="utf-8"))
    ended = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    write_json(path, {**described, "finished": ended})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a JSON file that is whole or not there.

    Raises:
        StorageError: It cannot be written.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


class JsonLines:
    """A file of JSON rows that grows while a run goes on; each row is on disk before the next is made.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, *rows: Mapping[str, Any]) -> None:
        """Appends rows.

        Raises:
            StorageError: They cannot be written.
        """
        text = "".join(json.dumps(_finite(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error

    def sync(self) -> None:
        """Waits until the rows so far are on the disk, and not only in the system's memory.

        Raises:
            StorageError: They cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error

    def cut(self, rows: int | None = None) -> list[dict[str, Any]]:
        """Deletes all rows after the first `rows`, or, for None, only a last one that was cut short.

        Returns:
            The rows that stay, with NaN for what was not finite.

        Raises:
            DamagedError: There are fewer, or one that stays is no row.
            StorageError: The file cannot be written.
        """
        try:
            text = self.path.read_bytes() if self.path.exists() else b""
            whole = text.split(b"\n")[:-1]  # what comes after the last line end is cut short
            kept = whole[:rows]
            if rows is not None and len(kept) < rows:
                raise DamagedError(f"{self.path} is damaged: {rows} rows were written, {len(kept)} are left")
            parsed = [_row(line, f"{self.path}, line {number},") for number, line in enumerate(kept, 1)]
            if text:
                os.truncate(self.path, sum(len(line) + 1 for line in kept))
        except OSError as error:
            raise StorageError(f"{self.path} cannot be cut to its rows: {error.strerror}") from error
        return parsed


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{where} is damaged: {error}") from error
    if not isinstance(row, dict):
        raise DamagedError(f"{where} is damaged: it is no object")
    return {name: float("nan") if value is None else value for name, value in row.items()}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file; none where it is not there."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """`row` with None for what JSON has no number for, such as the loss of a training that diverged."""
    odd = (float("inf"), float("-inf"))
    return {
        name: None if isinstance(value, float) and (value != value or value in odd) else value
        for name, value in row.items()
    }
