"""The command: help, the nearest name, and one line with its exit code for all that goes wrong."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnjax import errors
from nnjax.runner import cli
from nnjax.runner.commands import Command


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_alone_it_prints_what_it_can_do(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name, command in cli.COMMANDS.items():
        assert f"nnjax {name}" in out
        assert command.purpose in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("nnjax 0.")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean run?"),
        (
            ["zzz"],
            f"unknown command 'zzz'; the commands are {', '.join(cli.COMMANDS)}",
        ),
        (["run", "digit"], "no experiment 'digit'; did you mean digits?"),
        (
            ["run", "--epochs", "3"],
            "nnjax run wants an experiment first, got --epochs; `nnjax list` shows them",
        ),
        (["run", "digits", "--out"], "argument --out: expected one argument (see `nnjax run --help`)"),
        (["list", "--all"], "unrecognized arguments: --all (see `nnjax list --help`)"),
        (["report"], "the following arguments are required: RUN (see `nnjax report --help`)"),
        (["report", "nowhere"], "no run at nowhere, nor under runs/nowhere; a run folder has a config.json"),
        (["predict", "nowhere"], "the following arguments are required: FILE (see `nnjax predict --help`)"),
        (
            ["evaluate", "nowhere"],
            "no run at nowhere, nor under runs/nowhere; a run folder has a config.json",
        ),
    ],
)
def test_a_mistake_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    assert capsys.readouterr() == ("", f"nnjax: {message}\n")


KNOWN = [
    (errors.DataError("row 3 has NaN"), 3, "row 3 has NaN"),
    (errors.DivergedError("step 7"), 4, "step 7"),
    (errors.LockedError("in use"), 8, "in use"),
    (errors.InterruptedRun("saved at step 4"), 75, "saved at step 4"),
    (MemoryError("no room"), 7, "out of memory; a smaller --batch-size may help (no room)"),
    (RuntimeError("RESOURCE_EXHAUSTED: 8 GiB"), 7, "out of memory; a smaller --batch-size may help "
     "(RESOURCE_EXHAUSTED: 8 GiB)"),
    (OSError(errno.ENOSPC, "No space left on device", "a.json"), 6, "a.json: No space left on device"),
    (PermissionError(errno.EACCES, "Permission denied", "runs"), 6, "runs: Permission denied"),
]  # fmt: skip


def fails(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Makes `nnjax list` raise."""

    def answer(words: object) -> int:
        raise error

    monkeypatch.setitem(cli.COMMANDS, "list", Command(answer, "", ""))


@pytest.mark.parametrize(("error", "code", "message"), KNOWN)
def test_what_a_user_can_act_on_is_one_line_without_a_traceback(
    error: Exception,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fails(monkeypatch, error)
    monkeypatch.delenv("NNJAX_DEBUG", raising=False)
    assert cli.main(["list"]) == code
    assert capsys.readouterr() == ("", f"nnjax: {message}\n")


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails(monkeypatch, errors.DataError("row 3 has NaN"))
    monkeypatch.setenv("NNJAX_DEBUG", "1")
    assert cli.main(["list"]) == 3
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("nnjax: row 3 has NaN\n")


def test_what_nobody_expected_shows_its_traceback_and_says_whose_fault_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails(monkeypatch, KeyError("a\nb"))
    assert cli.main(["list"]) == 70
    *traceback, last = capsys.readouterr().err.splitlines()
    assert traceback[0].startswith("Traceback")
    assert last == r"nnjax: unexpected KeyError, a fault of nnjax or of the experiment: 'a\nb'"


def test_an_interrupt_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails(monkeypatch, KeyboardInterrupt())
    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == "nnjax: interrupted\n"


def test_only_a_process_of_its_own_starts_itself_again(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("nnjax.runner.configure.reexecute", lambda: started.append("again"))
    monkeypatch.setitem(cli.COMMANDS, "run", Command(lambda words: 0, "", "", trains=True))
    assert cli.main(["run", "digits"]) == 0
    assert started == []
    monkeypatch.setattr(sys, "argv", ["nnjax", "run", "digits"])
    assert cli.main() == 0
    assert started == ["again"]
    for words in (["run", "digits", "--help"], ["list"]):
        monkeypatch.setattr(sys, "argv", ["nnjax", *words])
        assert cli.main() == 0
    assert started == ["again"]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    code = "import sys; from nnjax.runner.cli import main; sys.exit(main(['list']))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-u", "-c", code], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_that_lacks_a_character_is_no_error() -> None:
    code = "import sys; from nnjax.runner.cli import main; main(['--version']); print('\\u2026')"
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True)
    assert done.stdout.splitlines()[-1] == b"?"


def test_the_allocators_variables_are_printed_for_env(capsys: pytest.CaptureFixture[str]) -> None:
    from nnjax.runner.configure import environment

    assert cli.main(["doctor", "--environment"]) == 0
    printed = dict(item.split("=", 1) for item in capsys.readouterr().out.split())
    assert printed == environment({})
