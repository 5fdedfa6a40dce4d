"""Whatever is killed, damaged or full: what is restored is bit for bit what was saved, or nothing is.

Run as a program (`python test_checkpoint.py FOLDER`), this file saves without end, to be killed.
"""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnjax
from nnjax.errors import ConfigError, DamagedError, StorageError
from nnjax.training import checkpoint
from nnjax.training.checkpoint import Checkpoints, state_digest


def state_of(step: int, size: int = 3000) -> dict:
    """A state that differs in every leaf from that of any other step."""
    values = np.random.default_rng(step).normal(size=size).astype(np.float32)
    return {
        "params": {"weights": values, "bias": values[:3] + 1},
        "moments": (values**2,),
        "step": np.int32(step),
    }


def save_without_end(folder: str) -> None:
    with Checkpoints(folder) as checkpoints:
        found = checkpoints.latest(state_of(0))
        step = 0 if found is None else found.step
        while True:
            step += 1
            checkpoints.save(step, state_of(step), {"rows": step}, best=step % 3 == 0)
            print(step, flush=True)


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(found, step: int) -> None:
    assert found.step == step
    assert found.meta == {"rows": step}
    assert state_digest(found.state) == state_digest(state_of(step))


@contextmanager
def no_file_longer_than(size: int):
    """The writer gets EFBIG in the middle of a file, as it gets ENOSPC on a full disk; root does, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- which checkpoints are there


def test_the_newest_three_are_kept(tmp_path):
    with Checkpoints(tmp_path / "new" / "folder") as checkpoints:
        assert checkpoints.steps() == []
        assert checkpoints.latest(state_of(0)) is None
        assert not (tmp_path / "new").exists()
        for step in (0, 9, 10, 100, 200):
            checkpoints.save(step, state_of(step), {"rows": step})
        check(checkpoints.latest(state_of(0)), 200)
        assert checkpoints.steps() == [10, 100, 200]
        check(checkpoints.restore(10, state_of(0)), 10)
        with pytest.raises(ConfigError, match=r"no checkpoint of step 9 in .*; there are \[10, 100, 200\]"):
            checkpoints.restore(9, state_of(0))


def test_periodic_ones_are_kept_for_good(tmp_path):
    with Checkpoints(tmp_path, keep=1, keep_every=20) as checkpoints:
        for step in range(10, 70, 10):
            checkpoints.save(step, state_of(step), {"rows": step})
        checkpoints.wait()
        assert checkpoints.steps() == [20, 40, 60]


def test_the_best_one_has_a_folder_of_its_own(tmp_path):
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        assert checkpoints.best.latest(state_of(0)) is None
        for step in range(1, 9):
            checkpoints.save(step, state_of(step), {"rows": step}, best=step in (2, 4))
        assert checkpoints.best.steps() == [4]
        check(checkpoints.best.latest(state_of(0)), 4)
        assert checkpoints.steps() == [7, 8]


def test_a_rollback_leaves_the_later_steps_behind(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (10, 20, 30):
            checkpoints.save(step, state_of(step), {"rows": step})
        checkpoints.save(20, state_of(77), {"rows": 77})
        assert state_digest(checkpoints.latest(state_of(0)).state) == state_digest(state_of(77))
        assert checkpoints.steps() == [10, 20]


@pytest.mark.parametrize(("keep", "keep_every"), [(0, None), (3, 0)])
def test_settings_are_checked(tmp_path, keep, keep_every):
    with pytest.raises(ConfigError, match=f"must be at least 1, not {keep} and {keep_every}"):
        Checkpoints(tmp_path, keep, keep_every=keep_every)


def test_what_cannot_be_saved_is_refused_before_anything_is_written(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(ConfigError, match="step must be at least 0, not -1"):
            checkpoints.save(-1, state_of(1), {})
        with pytest.raises(ConfigError, match=r"meta must hold only what JSON can: .*int64"):
            checkpoints.save(1, state_of(1), {"rows": np.int64(1)})
        with pytest.raises(ConfigError, match="must be an array of numbers, not str"):
            checkpoints.save(1, {"a": "text"}, {})
    assert list(tmp_path.iterdir()) == []


# --- saving while training goes on


def test_the_state_may_be_donated_and_the_meta_changed_at_once(tmp_path):
    step = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf + 1, state), donate_argnums=0)
    state = {"weights": jnp.zeros(200_000), "count": jnp.int32(0)}
    meta = {"rows": [0]}
    with Checkpoints(tmp_path, keep=9) as checkpoints:
        for i in range(5):
            checkpoints.save(i, state, meta)
            state = step(state)
            meta["rows"].append(i + 1)
        for i in range(5):
            found = checkpoints.restore(i, state)
            assert np.unique(found.state["weights"]) == [i]
            assert found.meta["rows"] == list(range(i + 1))
            assert np.unique(step(found.state)["weights"]) == [i + 1]  # what was restored may be donated, too


def test_a_numpy_state_may_be_changed_in_place_at_once(tmp_path):
    state = state_of(1, 300_000)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state, {"rows": 1})
        state["params"]["weights"][:] = 0
        assert state_digest(checkpoints.latest(state).state) == state_digest(state_of(1, 300_000))


def test_save_returns_before_the_disk_has_it_and_wait_after(tmp_path, monkeypatch):
    write, may_write = checkpoint.write_snapshot, threading.Event()

    def late(*arguments):
        assert may_write.wait(10)
        write(*arguments)

    monkeypatch.setattr(checkpoint, "write_snapshot", late)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state_of(1), {"rows": 1})
        assert checkpoints.steps() == []
        may_write.set()
        checkpoints.wait()
        assert checkpoints.steps() == [1]
    with Checkpoints(tmp_path, asynchronous=False) as checkpoints:
        checkpoints.save(2, state_of(2), {"rows": 2})
        assert checkpoints.steps() == [1, 2]


def test_leaving_the_block_waits_even_after_an_error(tmp_path):
    def train():
        with Checkpoints(tmp_path) as checkpoints:
            checkpoints.save(1, state_of(1), {"rows": 1})
            raise KeyError

    with pytest.raises(KeyError):
        train()
    check(Checkpoints(tmp_path).latest(state_of(0)), 1)


# --- the disk


@pytest.fixture(params=["before Orbax writes", "while Orbax writes"])
def full_disk(request, monkeypatch):
    """A disk on which a large state does not fit, and how early that is known."""
    if request.param == "while Orbax writes":
        monkeypatch.setattr(os, "posix_fallocate", lambda *arguments: None)
    return lambda: no_file_longer_than(100_000)


LARGE = {"weights": np.random.default_rng(0).normal(size=100_000)}


def test_a_full_disk_is_reported_and_the_last_good_one_is_still_there(tmp_path, full_disk, capfd):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state_of(1), {"rows": 1})
        checkpoints.wait()
        before = files_in(tmp_path)
        message = rf"checkpoint of step 2 .* to {tmp_path}: File too large\. The last good one is step 1\."
        for surfaces in (checkpoints.wait, lambda: checkpoints.save(3, state_of(3), {"rows": 3})):
            with full_disk():
                checkpoints.save(2, LARGE, {"rows": 2}, best=True)
                with pytest.raises(StorageError, match=message):
                    surfaces()
            assert files_in(tmp_path) == before
            assert [path.name for path in tmp_path.iterdir()] == ["1"]
        check(checkpoints.latest(state_of(0)), 1)
        checkpoints.save(2, state_of(2), {"rows": 2})
        check(checkpoints.latest(state_of(0)), 2)
    assert capfd.readouterr().err == ""  # the error says it; Orbax's tracebacks stay out of sight


def test_a_full_disk_does_not_cost_the_checkpoint_that_is_written_again(tmp_path, full_disk):
    with Checkpoints(tmp_path, keep=1, asynchronous=False) as checkpoints:
        checkpoints.save(1, state_of(1), {"rows": 1})
        with full_disk(), pytest.raises(StorageError):
            checkpoints.save(1, LARGE, {"rows": 2})
        check(checkpoints.latest(state_of(0)), 1)


def test_a_full_disk_at_the_first_save_leaves_nothing_behind(tmp_path, full_disk):
    checkpoints = Checkpoints(tmp_path, asynchronous=False)
    with full_disk(), pytest.raises(StorageError, match=r"File too large\. There is none before it\."):
        checkpoints.save(2, LARGE, {"rows": 2})
    assert list(tmp_path.iterdir()) == []


def test_leaving_the_block_raises_what_the_last_save_met(tmp_path, full_disk):
    with full_disk(), pytest.raises(StorageError), Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, LARGE, {"rows": 2})


def test_a_storage_error_does_not_hide_the_error_that_is_under_way(tmp_path, full_disk):
    said = []

    def train():
        with Checkpoints(tmp_path, report=said.append) as checkpoints:
            checkpoints.save(2, LARGE, {"rows": 2})
            raise KeyError

    with full_disk(), pytest.raises(KeyError):
        train()
    assert len(said) == 1
    assert "File too large" in said[0]


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_disk_that_cannot_reserve_room_is_good_enough(tmp_path, monkeypatch, code):
    def refuse(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state_of(1), {"rows": 1})
        check(checkpoints.latest(state_of(0)), 1)


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").touch()
    for folder, message in (
        (tmp_path / "file", "File exists"),
        (tmp_path / "file" / "sub", "Not a directory"),
    ):
        checkpoints = Checkpoints(folder, asynchronous=False)
        with pytest.raises(StorageError, match=f"could not be written to {folder}: {message}"):
            checkpoints.save(1, state_of(1), {})
        assert checkpoints.latest(state_of(1)) is None


@pytest.mark.parametrize("call", ["mkdir", "rename"])
def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch, call):
    def refuse(self, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(self))

    with Checkpoints(tmp_path, asynchronous=False) as checkpoints:
        checkpoints.save(1, state_of(1), {"rows": 1})
        with monkeypatch.context() as patch:
            patch.setattr(Path, call, refuse)
            with pytest.raises(StorageError, match=r"Permission denied\. The last good one is step 1\."):
                checkpoints.save(2, state_of(2), {"rows": 2})
        check(checkpoints.latest(state_of(0)), 1)


def test_reading_changes_nothing_and_the_next_save_clears_up(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state_of(1), {"rows": 1})
        checkpoints.wait()
        shutil.copytree(tmp_path / "1", tmp_path / "2.orbax-checkpoint-tmp")  # as a killed save leaves it
        before = files_in(tmp_path)
        check(checkpoints.latest(state_of(0)), 1)
        assert files_in(tmp_path) == before
        checkpoints.save(3, state_of(3), {"rows": 3})
        checkpoints.wait()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]


# --- damage


def damages(path: Path):
    """What can happen to a file, each as (name, new content or None for a deleted file)."""
    content = path.read_bytes()
    yield "deleted", None
    for size in {0, 1, len(content) // 2, len(content) - 1} - {len(content)}:
        yield f"cut to {size}", content[: max(size, 0)]
    yield "longer", content + b"\0"
    if content:
        for byte in sorted({0, len(content) - 1, *np.linspace(0, len(content) - 1, 12, dtype=int).tolist()}):
            flipped = bytearray(content)
            flipped[byte] ^= 1 << byte % 8
            yield f"bit {byte % 8} of byte {byte} flipped", bytes(flipped)


def test_damage_to_any_file_is_noticed_and_the_step_before_is_used(tmp_path):
    said = []
    with Checkpoints(tmp_path, report=said.append) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, state_of(step), {"rows": step})
    files = sorted(path for path in (tmp_path / "2").rglob("*") if path.is_file())
    assert len(files) > 5
    trials = 0
    for path in files:
        content = path.read_bytes()
        for _, damaged in damages(path):
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            with pytest.raises(DamagedError, match=path.name):
                checkpoints.restore(2, state_of(0))
            if trials % 5 == 0:  # the rest costs a whole restore each
                check(checkpoints.latest(state_of(0)), 1)
                assert said.pop().startswith(f"Going back to the checkpoint of step 1: {path}")
            trials += 1
            path.write_bytes(content)
    assert trials > 60
    check(checkpoints.latest(state_of(0)), 2)
    assert said == []


def test_when_none_is_whole_the_error_names_every_damage(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state_of(step), {"rows": step})
    shutil.rmtree(tmp_path / "1" / "state")
    (tmp_path / "2" / "record.json").unlink()
    (tmp_path / "3" / "state" / "_METADATA").write_bytes(b"{}")
    with pytest.raises(DamagedError) as caught:
        checkpoints.latest(state_of(0))
    for text in (
        f"no checkpoint in {tmp_path} is whole: ",
        f"{tmp_path}/3/state/_METADATA has changed since it was written.",
        f"{tmp_path}/2/record.json cannot be read: No such file or directory.",
        f"{tmp_path}/1/state/_CHECKPOINT_METADATA is missing.",
    ):
        assert text in str(caught.value)


def test_the_run_goes_on_over_a_damaged_checkpoint(tmp_path):
    with Checkpoints(tmp_path, report=lambda text: None) as checkpoints:
        for step in (10, 20, 30):
            checkpoints.save(step, state_of(step), {"rows": step})
        checkpoints.wait()
        (tmp_path / "30" / "record.json").write_text("{}")
        check(checkpoints.latest(state_of(0)), 20)
        checkpoints.save(30, state_of(30), {"rows": 30})
        check(checkpoints.latest(state_of(0)), 30)
        assert checkpoints.steps() == [10, 20, 30]


def test_another_dtype_is_an_error_and_not_a_reason_to_go_back(tmp_path):
    said = []
    with Checkpoints(tmp_path, report=said.append) as checkpoints:
        checkpoints.save(1, {"x": np.zeros(2, np.float16)}, {})
        checkpoints.save(2, {"x": np.zeros(2, np.float32)}, {})
        with pytest.raises(ConfigError, match=r"\['x'\] should be float16\[2\], but is float32\[2\]"):
            checkpoints.latest({"x": np.zeros(2, np.float16)})
    assert said == []


# --- kill -9


def kill_while_it_saves(folder: Path, kills: int) -> int:
    """Kills a process that saves without end, `kills` times over; how often it left a save unfinished."""
    environment = os.environ | {"PYTHONPATH": str(Path(nnjax.__file__).parents[1])}
    patience, unfinished, last = random.Random(folder.name), 0, 0
    for _ in range(kills):
        command = [sys.executable, __file__, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            reached = int(process.stdout.readline())
            assert reached == last + 1  # it went on from what the killed one had saved
            time.sleep(patience.uniform(0, 0.15))
            process.kill()
            reached = int((process.stdout.read().split() or [reached])[-1])
        unfinished += any(folder.glob("*-tmp")) or any(folder.glob("best/*-tmp"))
        checkpoints = Checkpoints(folder)
        found = checkpoints.latest(state_of(0))
        last = 0 if found is None else found.step
        assert last in (reached - 1, reached)  # the save before the one under way was on the disk
        for step in checkpoints.steps():
            check(checkpoints.restore(step, state_of(0)), step)
        for step in checkpoints.best.steps():
            check(checkpoints.best.restore(step, state_of(0)), step)
    return unfinished


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_kill_9_while_saving(tmp_path, kills):
    folders = [tmp_path / "a", tmp_path / "b"]
    with ThreadPoolExecutor(2) as two:
        unfinished = sum(two.map(lambda folder: kill_while_it_saves(folder, kills // 2), folders))
    assert unfinished >= kills // 5  # otherwise the kills came at no bad moment, and nothing was tested


if __name__ == "__main__":
    save_without_end(sys.argv[1])
