"""What a run writes down while it trains: its rows, where its time went, and its state.

Rows are the same for the same command, whatever the chunks are; wall times have a file of their own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nnjax.errors import DivergedError, InterruptedRun
from nnjax.runner.run_folder import JsonLines
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.divergence import Remedies, check_good, described, stop
from nnjax.training.member import Member
from nnjax.training.train import Chunk
from nnjax.types import Params

SAVE_SECONDS = 10.0  # how much work a crash may cost, in seconds of training ...
SAVE_SHARE = 10  # ... but the training waits for saves at most a tenth of its time
_log = logging.getLogger("nnjax")


class Recorder:
    """Writes one run down; `on_chunk`, `on_compiled` and `remedy` are handed to the training.

    Attributes:
        metrics: metrics.jsonl: one row a segment, and the last one with the test.
        timing: timing.jsonl: one row an event.
        checkpoints: The states. With each goes what belongs to it: {"rows": how many rows of
            metrics.jsonl are those of the state, "remedies": see `Remedies.taken`}.
        asked: Says whether somebody asked the run to stop.
        rows: How many rows metrics.jsonl has.
        remedies: What the training goes on with when it diverges; None lets it end.
        every: Segments after which it is saved, besides the saves that time asks for; None is none.
        sample: `sample(params) -> text`, what the net writes at each segment's end, for samples.jsonl; None
            is nothing.
    """

    def __init__(
        self,
        folder: Path,
        checkpoints: Checkpoints,
        asked: Callable[[], bool],
        rows: int = 0,
        remedies: Remedies | None = None,
        every: int | None = None,
        sample: Callable[[Params], str] | None = None,
    ) -> None:
        self.metrics = JsonLines(folder / "metrics.jsonl")
        self.timing = JsonLines(folder / "timing.jsonl")
        self.checkpoints = checkpoints
        self.asked = asked
        self.rows = rows
        self.remedies = remedies
        self.every = every
        self.sample = sample
        self.samples = JsonLines(folder / "samples.jsonl")
        self._folder = folder
        self._saved_at, self._took = time.perf_counter(), 0.0

    def on_compiled(self, seconds: float) -> None:
        """Notes the time, and stops if that was asked for: there is nothing new to save."""
        self.event("compile", seconds)
        self.stop_if_asked("before its next step")

    def on_chunk(self, chunk: Chunk) -> None:
        """Writes the rows of a chunk, saves when it is time to, and stops if that was asked for.

        Raises:
            InterruptedRun: A signal came; the state has been saved.
            DivergedError: The state is not finite, and was not saved.
            StorageError: A row or a state cannot be written.
        """
        self.add(chunk.rows)
        if self.sample is not None and chunk.rows:
            self.samples.add({"step": chunk.rows[-1]["step"], "text": self.sample(chunk.member.params)})
        steps = len(chunk.rows) * chunk.plan.segment_steps
        self.event("train", chunk.seconds, steps, chunk.examples)
        finished = chunk.segments >= chunk.plan.segments
        if self.asked() and not finished:
            self.save(chunk.member)
            self.settle()
            self.stop_if_asked(f"at step {int(chunk.member.step)}")
        on_grid = self.every is not None and chunk.rows and chunk.segments % self.every == 0
        since = time.perf_counter() - self._saved_at
        if on_grid or since >= max(SAVE_SECONDS, SAVE_SHARE * self._took):
            self.save(chunk.member)

    @property
    def seen_every(self) -> int | None:
        """Segments after which a chunk must end, so that it can be saved or asked for a sample there."""
        return self.every if self.sample is None else 1

    def remedy(self, error: DivergedError) -> Member:
        """What to go on with after a divergence; says so. Raises what `Remedies` raises."""
        if self.remedies is None:
            return stop(error)
        member = self.remedies(error)
        _log.warning("%s", described(self.remedies.taken[-1]))
        return member

    def on_diverged(self, error: DivergedError) -> None:
        """Saves the last good state of a training that diverged."""
        if isinstance(error.member, Member):
            self.save(error.member)

    def save(self, member: Member) -> None:
        """Saves a state; it is written while the training goes on.

        Raises:
            DivergedError: It is not finite.
            StorageError: The one before, or a row, could not be written.
        """
        began = time.perf_counter()
        check_good(member)
        self.metrics.sync()  # a state never is on the disk before its rows are
        taken = [] if self.remedies is None else self.remedies.taken
        self.checkpoints.save(int(member.step), member, {"rows": self.rows, "remedies": taken})
        self._saved_at = time.perf_counter()
        self._took = self._saved_at - began
        self.event("save", self._took)

    def settle(self) -> None:
        """Waits until the last state is on the disk."""
        began = time.perf_counter()
        self.checkpoints.wait()
        self.event("save", time.perf_counter() - began)

    def stop_if_asked(self, where: str) -> None:
        """Raises InterruptedRun if a signal came; what is needed to go on is saved."""
        if self.asked():
            raise InterruptedRun(
                f"stopped {where}, as asked; `nnjax resume {self._folder}` goes on from there"
            )

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Adds rows to metrics.jsonl."""
        listed = list(rows)
        self.metrics.add(*listed)
        self.rows += len(listed)

    def event(self, event: str, seconds: float, steps: int = 0, examples: int = 0) -> None:
        """Adds a row to timing.jsonl."""
        spent = round(seconds, 6)
        self.timing.add({"event": event, "seconds": spent, "steps": steps, "examples": examples})
