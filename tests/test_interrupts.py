"""Signals: the first sets a flag, the second is the system's again."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from nnjax.runner.interrupts import stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_sets_a_flag_and_the_second_is_not_held_back(number: int) -> None:
    before = signal.getsignal(number)
    with stop_requests() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_without_a_signal_the_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_requests() as asked:
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert not asked()


def test_in_another_thread_it_does_without() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stop_requests() as asked:
            seen.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
