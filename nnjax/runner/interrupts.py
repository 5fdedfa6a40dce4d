"""Ctrl-C and SIGTERM ask a run to stop; it stops where its state is whole."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

STOPPING = (signal.SIGINT, signal.SIGTERM)
REPEAT_SECONDS = 0.3  # `timeout` and some schedulers send one request twice


@contextlib.contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside the block the first SIGINT or SIGTERM only sets a flag; a second one ends the process at once.

    Python runs a signal's handler between two of its own instructions, so never while XLA compiles. The
    signals therefore are also read, as bytes that the C side of Python writes, on a thread.

    Yields:
        A function that says whether a stop was asked for.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # Python lets only this one set handlers
        yield asked.is_set
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # Who started this process with a signal ignored, as a shell does for a background job, meant it.
    heeded = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in heeded}
    former = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, asked), name="nnjax-signals", daemon=True)
    watcher.start()
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former)
        os.close(writer)  # which the watcher reads as the end
        watcher.join()
        os.close(reader)


def _watch(reader: int, asked: threading.Event) -> None:
    """Counts the signals, and ends the process at the second."""
    first = 0.0
    while number := os.read(reader, 1):
        if number[0] not in STOPPING:
            continue
        if not first:
            first = time.monotonic()
            asked.set()
            print("\nnnjax: saving, then stopping; once more ends at once", file=sys.stderr, flush=True)
        elif time.monotonic() - first > REPEAT_SECONDS:
            _end(number[0])


def _end(number: int) -> None:
    """What is on the disk is whole at any moment, so nothing has to be cleared up but the cursor."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")
    os._exit(128 + number)
