"""Ctrl-C and SIGTERM ask a run to stop; it stops where its state is whole."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside the block the first SIGINT or SIGTERM only sets a flag; a second one ends at once.

    Yields:
        A function that says whether a stop was asked for.
    """
    asked = threading.Event()
    before = {}

    def note(number: int, frame: FrameType | None) -> None:
        del number, frame
        asked.set()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    if threading.current_thread() is not threading.main_thread():  # Python lets only this one set handlers
        yield asked.is_set
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield asked.is_set
    finally:
        restore()
