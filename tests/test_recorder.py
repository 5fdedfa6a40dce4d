"""What a run writes down: rows as they come, times apart, and a state when it is asked to stop."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnjax.errors import DivergedError, InterruptedRun
from nnjax.runner import recorder as module
from nnjax.runner.recorder import Recorder
from nnjax.runner.run_folder import read_lines
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.train import Chunk
from nnjax.types import Plan

PLAN = Plan(segments=4, segment_steps=10, batch_size=2)


def state(step: int) -> Any:
    return {"step": np.int32(step), "weights": np.full(3, step, np.float32)}


class Member(SimpleNamespace):
    """Stands for a member: the recorder only reads its step and hands it on."""


def chunk(first: int, last: int, seconds: float = 0.5) -> Chunk:
    """The chunk of segments `first`..`last`, counted from 1."""
    rows = [{"step": 10 * i, "epoch": i, "train_loss": 1 / i} for i in range(first, last + 1)]
    return Chunk(Member(step=np.int32(10 * last)), rows, last, PLAN, 20 * len(rows), seconds)  # type: ignore


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A recorder whose checkpoints hold `state(step)`."""
    save = Checkpoints.save
    monkeypatch.setattr(
        Checkpoints, "save", lambda self, step, member, meta: save(self, step, state(int(member.step)), meta)
    )
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        yield Recorder(tmp_path, checkpoints, lambda: False)


def test_rows_do_not_depend_on_the_chunks(tmp_path: Path, recorder: Recorder) -> None:
    recorder.on_chunk(chunk(1, 1))
    recorder.on_chunk(chunk(2, 4))
    written = recorder.metrics.path.read_bytes()
    recorder.metrics.path.unlink()
    recorder.on_chunk(chunk(1, 4))
    assert recorder.metrics.path.read_bytes() == written
    assert [row["step"] for row in read_lines(recorder.metrics.path)] == [10, 20, 30, 40]


def test_times_have_a_file_of_their_own(recorder: Recorder) -> None:
    recorder.on_chunk(chunk(1, 3, seconds=0.25))
    recorder.event("compile", 1.5)
    assert read_lines(recorder.timing.path) == [
        {"event": "train", "seconds": 0.25, "steps": 30, "examples": 60},
        {"event": "compile", "seconds": 1.5, "steps": 0, "examples": 0},
    ]
    assert "seconds" not in recorder.metrics.path.read_text()


def test_a_stop_saves_the_state_first(tmp_path: Path, recorder: Recorder) -> None:
    recorder.stop = lambda: True
    with pytest.raises(InterruptedRun, match="stopped at step 20 as asked; its state is in") as caught:
        recorder.on_chunk(chunk(1, 2))
    assert caught.value.exit_code == 75
    found = Checkpoints(tmp_path / "checkpoints").latest(state(0))
    assert found is not None
    assert (found.step, found.state["weights"].tolist()) == (20, [20.0] * 3)


def test_a_stop_after_the_last_segment_stops_nothing(recorder: Recorder) -> None:
    recorder.stop = lambda: True
    recorder.on_chunk(chunk(1, 4))


def test_a_long_training_saves_on_the_way(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.on_chunk(chunk(1, 1))
    assert not (tmp_path / "checkpoints").exists()
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    recorder.on_chunk(chunk(2, 2))
    recorder.settle()
    assert recorder.checkpoints.steps() == [20]
    assert [row["event"] for row in read_lines(recorder.timing.path)] == ["train", "train", "save", "save"]


def test_the_last_good_state_of_a_training_that_diverged_is_saved(recorder: Recorder) -> None:
    error = DivergedError("step 31")
    recorder.on_diverged(error)
    assert recorder.checkpoints.steps() == []
    error.member = Member(step=np.int32(30))  # type: ignore
    recorder.on_diverged(error)
    recorder.settle()
    assert recorder.checkpoints.steps() == [30]
