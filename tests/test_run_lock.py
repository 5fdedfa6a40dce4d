"""Two processes never hold one run, and a dead one never does."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import nnjax
from nnjax.errors import LockedError, StorageError
from nnjax.training.run_lock import lock_run

HOLD = """
import sys
from nnjax.errors import NnjaxError
from nnjax.training.run_lock import lock_run
try:
    with lock_run(sys.argv[1]):
        print("held", flush=True)
        sys.stdin.read()
except NnjaxError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


@contextmanager
def another_process(folder: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=Path(nnjax.__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_second_process_is_told_who_holds_the_run_and_kill_9_frees_it(tmp_path):
    with another_process(tmp_path) as (holder, said):
        assert said == "held"
        with pytest.raises(LockedError, match=f"is in use by process {holder.pid};"), lock_run(tmp_path):
            pass
        holder.kill()  # SIGKILL
        holder.wait()
        with lock_run(tmp_path):
            assert (tmp_path / "run.lock").read_text() == f"{os.getpid()}\n"


def test_the_second_process_ends_with_exit_code_8(tmp_path):
    with lock_run(tmp_path), another_process(tmp_path) as (second, said):
        assert said.startswith(f"{tmp_path} is in use by process {os.getpid()};")
        assert second.wait() == 8


def test_a_run_that_has_ended_is_free(tmp_path):
    for _ in range(2):
        with lock_run(tmp_path / "run"):
            pass
    with pytest.raises(KeyError), lock_run(tmp_path / "run"):
        raise KeyError
    with lock_run(tmp_path / "run"), lock_run(tmp_path / "another"):
        pass


def test_one_process_cannot_hold_a_run_twice(tmp_path):
    with lock_run(tmp_path):
        with pytest.raises(LockedError, match=f"process {os.getpid()}"), lock_run(tmp_path):
            pass
        with pytest.raises(LockedError), lock_run(tmp_path):  # the failed try above has freed nothing
            pass


def test_a_holder_without_a_readable_number(tmp_path):
    with lock_run(tmp_path):
        (tmp_path / "run.lock").write_text("?")
        with pytest.raises(LockedError, match="is in use by another process;"), lock_run(tmp_path):
            pass


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match=r"run\.lock cannot be opened for writing: "),
        lock_run(tmp_path / "file"),
    ):
        pass
