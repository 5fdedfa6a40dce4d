"""Progress for people: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

BAR_AFTER_SECONDS = 0.5  # a shorter training needs no bar, and drawing one would take longer
LINE_EVERY_SECONDS = 5.0


class Progress:
    """Shows a training: loss, accuracy, examples per second and time left.

    Use it as a context manager, and tell it of every chunk.

    Attributes:
        stream: Where it writes; a bar if that is a terminal, plain lines if not.
    """

    def __init__(self, stream: Any = None, bar_after: float = BAR_AFTER_SECONDS) -> None:
        self.stream = stream or sys.stderr
        self.bar_after = bar_after
        self.terminal = self.stream.isatty()
        self.told = time.perf_counter()
        self._bar: Any = None
        self._row: Mapping[str, Any] = {}
        self._done = self._total = self._examples = 0
        self._seconds = 0.0

    def __enter__(self) -> Progress:
        return self

    def __call__(self, row: Mapping[str, Any], done: int, total: int, examples: int, seconds: float) -> None:
        """Takes a chunk into account, and draws when it is time to.

        Args:
            row: The last row of metrics, with its "epoch", or with a "place" that says how far it is.
            done: Segments done.
            total: Segments there are.
            examples: Examples seen in this chunk.
            seconds: Wall time of this chunk.
        """
        self._row, self._done, self._total = row, done, total
        self._examples += examples
        self._seconds += seconds
        now = time.perf_counter()
        if self.terminal:
            if self._bar is None and self._seconds >= self.bar_after:
                self._bar = new_bar(self.stream, total)
            if self._bar is not None:
                self._bar.update(
                    self._bar.task_ids[0], completed=done, pace=self.pace(), told="\n".join(self.numbers())
                )
        elif now - self.told >= LINE_EVERY_SECONDS:
            self.told = now
            self.write_line()

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._total:
            self.write_line()

    def described(self) -> str:
        """The last row's numbers and the pace, in words."""
        return ", ".join([*self.numbers(), f"{self.pace():,.0f} examples/s"])

    def numbers(self) -> list[str]:
        """The last row's numbers, each with its name."""
        return [f"{k.replace('_', ' ')} {value:.4f}" for k, value in self._row.items() if "_" in k]

    def pace(self) -> float:
        """Examples a second."""
        return self._examples / self._seconds if self._seconds else 0.0

    def write_line(self) -> None:
        """One plain line."""
        left = self._seconds / max(self._done, 1) * (self._total - self._done)
        rest = f", {left:.0f} s left" if left >= 1 else ""
        place = self._row.get("place", f"epoch {self._row.get('epoch', '?')}")
        print(f"{place}: {self.described()}{rest}", file=self.stream, flush=True)


def new_bar(stream: Any, total: int) -> Any:
    """A started Rich progress bar with one task of `total` segments."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        MofNCompleteColumn(),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[pace]:,.0f} examples/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),  # one number a line, so that 80 columns are enough
    )
    bar = RichProgress(*columns, console=Console(file=stream), transient=True, expand=True)
    bar.add_task("training", total=total, told="", pace=0.0)
    bar.start()
    return bar
