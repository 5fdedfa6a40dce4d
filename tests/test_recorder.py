"""What a run writes down: rows as they come, times apart, and a state when it is asked to stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nnjax.errors import DivergedError, InterruptedRun
from nnjax.runner import recorder as module
from nnjax.runner.recorder import Recorder
from nnjax.runner.run_folder import read_lines
from nnjax.training.checkpoint import Checkpoints
from nnjax.training.divergence import Remedies
from nnjax.training.member import Member
from nnjax.training.train import Chunk
from nnjax.types import Plan

PLAN = Plan(segments=4, segment_steps=10, batch_size=2)


def state(step: int) -> Member:
    """A member of so many steps."""
    params = {"weights": np.full(3, step, np.float32)}
    number = np.int32(step)
    return Member(np.uint32(0), number, {}, number, params, (), params, np.float32(1), number, number, number)


def chunk(first: int, last: int, seconds: float = 0.5) -> Chunk:
    """The chunk of segments `first`..`last`, counted from 1."""
    rows = [{"step": 10 * i, "epoch": i, "train_loss": 1 / i} for i in range(first, last + 1)]
    return Chunk(state(10 * last), rows, last, PLAN, 20 * len(rows), seconds)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
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
    recorder.asked = lambda: True
    message = f"stopped at step 20, as asked; `nnjax resume {tmp_path}` goes on"
    with pytest.raises(InterruptedRun, match=message) as caught:
        recorder.on_chunk(chunk(1, 2))
    assert caught.value.exit_code == 75
    found = Checkpoints(tmp_path / "checkpoints").latest(state(0))
    assert found is not None
    assert (found.step, found.state.params["weights"].tolist()) == (20, [20.0] * 3)
    assert found.meta == {"rows": 2, "remedies": []}


def test_a_stop_after_the_last_segment_stops_nothing(recorder: Recorder) -> None:
    recorder.asked = lambda: True
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


def test_a_stop_in_the_compilation_has_nothing_to_save(tmp_path: Path, recorder: Recorder) -> None:
    recorder.on_compiled(1.0)
    recorder.asked = lambda: True
    with pytest.raises(InterruptedRun, match="stopped before its next step, as asked"):
        recorder.on_compiled(1.0)
    assert not (tmp_path / "checkpoints").exists()


def test_checkpoints_of_the_grid_are_kept(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "checkpoints", keep=1, keep_every=20) as checkpoints:
        recorder = Recorder(tmp_path, checkpoints, lambda: False, every=2)
        for segment in range(1, 5):
            recorder.on_chunk(chunk(segment, segment))
        recorder.settle()
        assert checkpoints.steps() == [20, 40]
        assert [checkpoints.restore(step, state(0)).meta["rows"] for step in (20, 40)] == [2, 4]


def test_rows_before_a_resumption_are_counted(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        recorder = Recorder(tmp_path, checkpoints, lambda: False, rows=2)
        recorder.on_chunk(chunk(3, 4))
        recorder.save(state(40))
        found = checkpoints.latest(state(0))
    assert found is not None
    assert found.meta["rows"] == 4


def test_the_last_good_state_of_a_training_that_diverged_is_saved(recorder: Recorder) -> None:
    recorder.on_diverged(DivergedError("step 31"))
    assert recorder.checkpoints.steps() == []
    recorder.on_diverged(DivergedError("step 31", state(30)))
    recorder.settle()
    assert recorder.checkpoints.steps() == [30]


def test_a_state_that_is_not_finite_is_not_saved(recorder: Recorder) -> None:
    recorder.save(state(10))
    recorder.settle()
    bad = state(20)._replace(params={"weights": np.array([1, np.nan], np.float32)})
    with pytest.raises(DivergedError, match=r"params\['weights'\] is not finite at step 20"):
        recorder.save(bad)
    recorder.settle()
    assert recorder.checkpoints.steps() == [10]


def test_a_remedy_is_said_and_saved_with_the_state(
    tmp_path: Path, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    error = DivergedError("diverged", state(10), 17, "the loss")
    with pytest.raises(DivergedError):
        recorder.remedy(error)
    recorder.remedies = Remedies("skip", lambda hyper: None, PLAN)  # type: ignore
    member = recorder.remedy(error)
    assert caplog.messages == ["the loss was not finite at step 17: its segment is skipped, as of step 10"]
    recorder.save(member)
    found = recorder.checkpoints.latest(state(0))
    assert found is not None
    assert found.step == 20
    remedy = {"policy": "skip", "step": 10, "diverged": 17, "cause": "the loss"}
    assert found.meta["remedies"] == [remedy]
