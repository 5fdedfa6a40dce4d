"""Signals: the first sets a flag, the second ends the process, even while nothing of Python runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from nnjax.runner import interrupts
from nnjax.runner.interrupts import stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_sets_a_flag(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)
    with stop_requests() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        assert signal.getsignal(number) is not before
        time.sleep(0.05)
    assert signal.getsignal(number) is before
    assert capfd.readouterr().err == "\nnnjax: saving, then stopping; once more ends at once\n"


def test_one_request_that_is_sent_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(interrupts, "_end", ended.append)
    with stop_requests():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        assert ended == []
        monkeypatch.setattr(interrupts, "REPEAT_SECONDS", 0.0)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
    assert ended == [signal.SIGINT]


def test_without_a_signal_everything_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_requests() as asked:
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.set_wakeup_fd(-1) == -1
    assert not asked()
    assert "nnjax-signals" not in {thread.name for thread in threading.enumerate()}


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_requests() as asked:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            assert not asked()
    finally:
        signal.signal(signal.SIGINT, before)


BUSY = """
import hashlib, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
from nnjax.runner.interrupts import stop_requests
with stop_requests() as asked:
    print("busy", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000_000)  # like a compilation: minutes outside of Python
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_even_outside_of_python(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "busy\n"
        process.send_signal(number)
        assert process.stderr.readline() == "\n"
        assert "saving, then stopping" in process.stderr.readline()
        assert process.poll() is None
        time.sleep(interrupts.REPEAT_SECONDS + 0.1)
        process.send_signal(number)
        assert process.wait(2) == 128 + number


def test_in_another_thread_it_does_without() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stop_requests() as asked:
            seen.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
