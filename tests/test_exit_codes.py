"""Every exit code of docs/reliability.md, from real processes with real signals, limits and damage."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nnjax
from nnjax.runner.interrupts import REPEAT_SECONDS
from nnjax.runner.run_folder import read_lines
from nnjax.training.run_lock import lock_run

# A stand-in for a compilation that takes long: time that is spent outside of Python.
SLOW_COMPILE = "    import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', {})\n    optimizer ="
SLOW_SAVE = """
from nnjax.training import checkpoint
import time
write = checkpoint.write_snapshot
def late(*arguments):
    print("saving", flush=True)
    time.sleep(1.0)
    write(*arguments)
checkpoint.write_snapshot = late
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


@pytest.fixture
def command(programs: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """`command(*words, before="code")`: the `nnjax` command as a process."""

    def start(*words: str, before: str = "") -> subprocess.Popen[str]:
        own = {"NNJAX_CACHE": str(programs), "NNJAX_REEXEC": "1", "NNJAX_OFFLINE": "1"}
        path = {"PYTHONPATH": str(Path(nnjax.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
        # A shell's background job ignores Ctrl-C; set by the child, since JAX does not like forks.
        heed = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{heed}\n{before}\nfrom nnjax.runner.cli import main\nsys.exit(main(sys.argv[1:]))"
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            env={**os.environ, **own, **path},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code of a process, and what it said last."""
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said, said
    return process.returncode, (said.splitlines() or [""])[-1]


def only(out: Path) -> Path:
    (config,) = out.glob("*/*/config.json")
    return config.parent


def waited_for(ready: Callable[[], Any]) -> None:
    until = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.01)


LONG = ("--epochs", "1000000")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_75_a_signal_while_it_trains(command: Any, tiny: Path, tmp_path: Path, number: int) -> None:
    process = command("run", str(tiny), "--out", "runs", *LONG)
    waited_for(lambda: list(tmp_path.glob("runs/tiny/*/metrics.jsonl")))
    process.send_signal(number)
    began = time.monotonic()
    code, said = ended(process)
    assert (code, said.endswith("goes on from there")) == (75, True), said
    assert time.monotonic() - began < 20  # a chunk and a save, on a machine that may be busy
    folder = only(tmp_path / "runs")
    assert str(folder.relative_to(tmp_path)) in said
    rows = read_lines(folder / "metrics.jsonl")
    assert (folder / "checkpoints" / str(rows[-1]["step"])).is_dir()


def test_75_a_signal_while_it_compiles(command: Any, tiny: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(tiny.read_text().replace("    optimizer =", SLOW_COMPILE.format(500_000)))
    process = command("run", str(slow), "--out", "runs", *LONG)
    waited_for(lambda: list(tmp_path.glob("runs/slow/*/config.json")))
    process.send_signal(signal.SIGTERM)
    code, said = ended(process)
    assert (code, "stopped " in said) == (75, True), said


def test_75_a_signal_while_it_saves(command: Any, tiny: Path, tmp_path: Path) -> None:
    process = command("run", str(tiny), "--out", "runs", "--save-every", "1", *LONG, before=SLOW_SAVE)
    assert process.stdout.readline() == "saving\n"
    process.send_signal(signal.SIGINT)
    code, said = ended(process)
    assert code == 75, said
    folder = only(tmp_path / "runs")
    last = read_lines(folder / "metrics.jsonl")[-1]["step"]
    assert json.loads((folder / "checkpoints" / str(last) / "record.json").read_text())["step"] == last


def test_a_second_signal_ends_at_once(command: Any, tiny: Path, tmp_path: Path) -> None:
    process = command("run", str(tiny), "--out", "runs", "--save-every", "1", *LONG, before=SLOW_SAVE)
    assert process.stdout.readline() == "saving\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(REPEAT_SECONDS + 0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 128 + signal.SIGTERM
    process.communicate()
    code, _ = ended(command("resume", "runs/tiny", "--on-divergence", "never"))
    assert code == 2  # and the lock is free


def test_2_a_mistake_in_the_settings(command: Any, tiny: Path, tmp_path: Path) -> None:
    for words, told in (
        (("run", str(tiny), "--epoch", "3"), "nnjax: unknown flag --epoch; did you mean --epochs?"),
        (("run", str(tiny), "--on-divergence", "hope"), "wants one of raise, skip, rollback, got 'hope'"),
        (("run", str(tiny), "--save-every", "0"), "save_every wants an integer of at least 1, got 0"),
        (("resume", "nowhere"), "no run at nowhere"),
    ):
        code, said = ended(command(*words))
        assert code == 2, said
        assert told in said
    assert not (tmp_path / "runs").exists()


def test_3_data_that_cannot_be_trained_on(command: Any, tiny: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    splits = "standardise(split(three, valid=0.2, test=0.2))"
    damage = f"splits = {splits}\n    splits.train.inputs[7] = np.nan\n    return splits"
    bad.write_text(tiny.read_text().replace(f"return {splits}", damage))
    code, said = ended(command("run", str(bad)))
    assert (code, "row 7" in said) == (3, True), said
    assert not (tmp_path / "runs").exists()


def test_4_a_training_that_diverges(command: Any, tiny: Path, tmp_path: Path) -> None:
    wild = tmp_path / "wild.py"
    wild.write_text(tiny.read_text().replace("optax.adam(", "optax.sgd("))
    code, said = ended(command("run", str(wild), "--learning-rate", "1e30"))
    assert code == 4
    assert "diverged at step" in said
    assert "the last good state is that of step 0" in said


def test_5_a_damaged_run(command: Any, tiny_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)
    (folder / "checkpoints" / "33" / "record.json").write_text("{}")
    for words in (("verify", "run"), ("evaluate", "run")):
        code, said = ended(command(*words))
        assert (code, "record.json" in said) == (5, True), said
    (folder / "config.json").write_text('{"name": "../x"}')
    code, said = ended(command("resume", "run"))
    assert (code, "config.json is damaged" in said) == (5, True), said


def test_6_a_disk_that_is_full(command: Any, tiny: Path, tmp_path: Path) -> None:
    """No file may be longer than what the rows, but not the states of a wider net, take."""
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    words = ("run", str(tiny), "--hidden", "2048", "--save-every", "1", "--epochs", "3")
    code, said = ended(command(*words, before=full))
    assert code == 6, said
    assert "could not be written" in said
    assert "Traceback" not in said


def test_6_a_folder_that_cannot_be_made(command: Any, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = ended(command("run", str(tiny), "--out", "file"))
    assert (code, "file" in said) == (6, True), said


def test_7_a_training_that_does_not_fit(command: Any, tiny: Path, tmp_path: Path) -> None:
    free = "from nnjax.training import memory\nmemory.free_bytes = lambda: 1000\n"
    code, said = ended(command("run", str(tiny), "--hidden", "512", before=free))
    assert code == 7
    assert "out of memory: batches of 32 need" in said
    assert "not even a batch of one example would fit" in said


def test_8_a_run_that_is_in_use(command: Any, tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "run")
    with lock_run(tmp_path / "run"):
        code, said = ended(command("resume", "run"))
    assert code == 8
    assert f"is in use by process {os.getpid()}" in said


def test_70_our_own_fault(command: Any, tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(tiny.read_text().replace("def data(config):", "def data(config):\n    1 / 0"))
    process = command("run", str(broken))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 70
    assert said.splitlines()[-1].startswith("nnjax: unexpected ZeroDivisionError")
