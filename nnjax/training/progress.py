"""Progress for people: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

from nnjax.training.train import Chunk

BAR_AFTER_SECONDS = 0.5  # a shorter training needs no bar, and drawing one would take longer
LINE_EVERY_SECONDS = 5.0


class Progress:
    """Shows a training: loss, accuracy, examples per second and time left.

    Use it as a context manager and pass it to `train` as `on_chunk`.

    Attributes:
        stream: Where it writes; a bar if that is a terminal, plain lines if not.
    """

    def __init__(self, stream: Any = None, bar_after: float = BAR_AFTER_SECONDS) -> None:
        self.stream = stream or sys.stderr
        self.bar_after = bar_after
        self.terminal = self.stream.isatty()
        self.began = self.told = time.perf_counter()
        self._bar: Any = None
        self._last: Chunk | None = None
        self._examples = 0
        self._seconds = 0.0

    def __enter__(self) -> Progress:
        return self

    def __call__(self, chunk: Chunk) -> None:
        """Takes a chunk into account, and draws when it is time to."""
        self._last = chunk
        self._examples += chunk.examples
        self._seconds += chunk.seconds
        now = time.perf_counter()
        if self.terminal:
            if self._bar is None and now - self.began >= self.bar_after:
                self._bar = new_bar(self.stream, chunk.plan.segments)
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=chunk.segments, told=self.described())
        elif now - self.told >= LINE_EVERY_SECONDS:
            self.told = now
            self.write_line()

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._last is not None:
            self.write_line()

    def described(self) -> str:
        """The last row's numbers and the pace, in words."""
        chunk = self._last
        if chunk is None:
            return ""
        row = chunk.rows[-1] if chunk.rows else {}
        numbers = [f"{name.replace('_', ' ')} {value:.4f}" for name, value in row.items() if "_" in name]
        pace = self._examples / self._seconds if self._seconds else 0.0
        return ", ".join([*numbers, f"{pace:,.0f} examples/s"])

    def write_line(self) -> None:
        """One plain line."""
        chunk = self._last
        if chunk is None:
            return
        epoch = chunk.rows[-1]["epoch"] if chunk.rows else "?"
        left = self._seconds / max(chunk.segments, 1) * (chunk.plan.segments - chunk.segments)
        rest = f", {left:.0f} s left" if left >= 1 else ""
        print(f"epoch {epoch}: {self.described()}{rest}", file=self.stream, flush=True)


def new_bar(stream: Any, total: int) -> Any:
    """A started Rich progress bar with one task of `total` segments."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[told]}"))
    bar = RichProgress(*columns, console=Console(file=stream), transient=True)
    bar.add_task("training", total=total, told="")
    bar.start()
    return bar
