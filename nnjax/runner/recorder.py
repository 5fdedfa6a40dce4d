"""What a run writes down while it trains: its rows, where its time went, and its state.

Rows are the same for the same command, whatever the chunks are; wall times have a file of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnjax.errors import DivergedError, InterruptedRun
from nnjax.runner.run_folder import JsonLines
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.member import Member
from nnjax.training.train import Chunk

SAVE_SECONDS = 10.0  # how much work a crash may cost, in seconds of training


class Recorder:
    """Writes one run down; `on_chunk` is handed to the training.

    Attributes:
        metrics: metrics.jsonl: one row a segment, and the last one with the test.
        timing: timing.jsonl: one row an event.
        checkpoints: The states.
        stop: Says whether somebody asked the run to stop.
    """

    def __init__(self, folder: Path, checkpoints: Checkpoints, stop: Callable[[], bool]) -> None:
        self.metrics = JsonLines(folder / "metrics.jsonl")
        self.timing = JsonLines(folder / "timing.jsonl")
        self.checkpoints = checkpoints
        self.stop = stop
        self._folder = folder
        self._saved_at = time.perf_counter()

    def on_chunk(self, chunk: Chunk) -> None:
        """Writes the rows of a chunk, saves when it is time to, and stops if that was asked for.

        Raises:
            InterruptedRun: A signal came; the state has been saved.
        """
        self.metrics.add(*chunk.rows)
        steps = len(chunk.rows) * chunk.plan.segment_steps
        self.event("train", chunk.seconds, steps, chunk.examples)
        finished = chunk.segments >= chunk.plan.segments
        if self.stop() and not finished:
            self.save(chunk.member)
            self.settle()
            step = int(chunk.member.step)
            raise InterruptedRun(f"stopped at step {step} as asked; its state is in {self._folder}")
        if time.perf_counter() - self._saved_at >= SAVE_SECONDS:
            self.save(chunk.member)

    def on_diverged(self, error: DivergedError) -> None:
        """Saves the last good state of a training that diverged."""
        member = getattr(error, "member", None)
        if member is not None:
            self.save(member)

    def save(self, member: Member) -> None:
        """Saves a state; it is written while the training goes on."""
        began = time.perf_counter()
        self.checkpoints.save(int(member.step), member, {})
        self._saved_at = time.perf_counter()
        self.event("save", self._saved_at - began)

    def settle(self) -> None:
        """Waits until the last state is on the disk."""
        began = time.perf_counter()
        self.checkpoints.wait()
        self.event("save", time.perf_counter() - began)

    def event(self, event: str, seconds: float, steps: int = 0, examples: int = 0) -> None:
        """Adds a row to timing.jsonl."""
        row: dict[str, Any] = {
            "event": event,
            "seconds": round(seconds, 6),
            "steps": steps,
            "examples": examples,
        }
        self.timing.add(row)
