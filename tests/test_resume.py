"""A run that was stopped, killed or diverged goes on, and ends as if nothing had happened."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from nnjax.errors import ConfigError, DamagedError, DivergedError, InterruptedRun, LockedError
from nnjax.runner import experiment, resume, training_run
from nnjax.runner.figures import draw_figures
from nnjax.runner.report import write_report
from nnjax.runner.run_folder import read_lines
from nnjax.runner.training_run import Keeping
from nnjax.training import train as loop
from nnjax.training.checkpoint import Checkpoints, state_digest
from nnjax.training.run_lock import lock_run

SETTINGS = {"learning_rate": 0.02}


@pytest.fixture(scope="module", autouse=True)
def _compile_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Most of these tests train the same program."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = [jax.config.values[name] for name in names]
    for name, value in zip(names, (str(tmp_path_factory.mktemp("programs")), 0.0), strict=True):
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    yield
    for name, value in zip(names, before, strict=True):
        jax.config.update(name, value)
    compilation_cache.reset_cache()


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "configure", lambda: None)
    monkeypatch.setattr(resume, "configure", lambda cores: None)
    # Figures take longer than all the rest; `test_the_folder_is_complete` has them.
    monkeypatch.setattr(training_run, "draw_figures", lambda *arguments: None)
    monkeypatch.setattr(training_run, "write_report", lambda folder: folder / "report.html")


def stopped(monkeypatch: pytest.MonkeyPatch, path: Path, out: Path, after: int, **keeping: Any) -> Path:
    """A run that a signal stops when it has been asked `after` times whether it should."""
    with monkeypatch.context() as patch:
        patch.setattr(loop, "CHUNK_SECONDS", 0.0)  # a segment a chunk
        asked = itertools.count()
        stop = lambda: next(asked) >= after
        patch.setattr(experiment, "stop_requests", lambda: _Requests(stop))
        with pytest.raises(InterruptedRun):
            experiment.run_experiment(path, SETTINGS, out, Keeping(**keeping))
    (folder,) = (out / path.stem).iterdir()
    return folder


class _Requests:
    def __init__(self, stop: Any) -> None:
        self.stop = stop

    def __enter__(self) -> Any:
        return self.stop

    def __exit__(self, *error: Any) -> None:
        pass


def final_digest(folder: Path) -> str:
    job = resume.reopen(folder, json.loads((folder / "config.json").read_text()))
    with job.checkpoints() as checkpoints:
        found = checkpoints.latest(resume.member_like(job))
    assert found is not None
    return state_digest(found.state)


def same_end(folder: Path, whole: Path) -> None:
    assert (folder / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    assert final_digest(folder) == final_digest(whole)
    assert (folder / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()
    assert "finished" in json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize("after", [0, 1, 4, 5, 6])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(
    tiny: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """In the compilation, after the first chunk, before the test, the figures and the report."""
    folder = stopped(monkeypatch, tiny, tmp_path, after)
    assert resume.resume(folder) == folder
    same_end(folder, tiny_run)


def test_rows_after_the_checkpoint_and_rows_cut_short_go(
    tiny: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped(monkeypatch, tiny, tmp_path, 3)
    rows = read_lines(folder / "metrics.jsonl")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({**rows[-1], "step": 99}) + '\n{"step": 1')
    with (folder / "timing.jsonl").open("a") as file:
        file.write('{"event": "tr')
    resume.resume(folder)
    same_end(folder, tiny_run)
    assert all("event" in row for row in read_lines(folder / "timing.jsonl"))


def test_the_folder_is_complete(
    tiny: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped(monkeypatch, tiny, tmp_path, 1)
    monkeypatch.setattr(training_run, "draw_figures", draw_figures)
    monkeypatch.setattr(training_run, "write_report", write_report)
    resume.resume(folder)

    def names(run: Path) -> set[str]:
        return {str(path.relative_to(run)) for path in run.rglob("*") if "checkpoints" not in path.parts}

    assert names(folder) == names(tiny_run)


def test_without_a_checkpoint_it_begins_anew(tiny: Path, tiny_run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    unfinish(folder)
    shutil.rmtree(folder / "checkpoints")
    resume.resume(folder)
    same_end(folder, tiny_run)


def test_a_finished_run_is_left_alone(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    before = (folder / "metrics.jsonl").stat().st_mtime_ns
    resume.resume(folder)
    assert "has finished, at 2" in capsys.readouterr().out
    assert (folder / "metrics.jsonl").stat().st_mtime_ns == before


def unfinish(folder: Path, **changes: Any) -> dict[str, Any]:
    """Makes a finished run one that was killed before it could say so."""
    described = json.loads((folder / "config.json").read_text())
    described.pop("finished", None)
    described |= changes
    (folder / "config.json").write_text(json.dumps(described))
    return described


@pytest.fixture
def killed(tiny_run: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(tiny_run, tmp_path / "killed"))
    unfinish(folder)
    return folder


def test_other_versions_processors_and_devices_are_refused(killed: Path) -> None:
    described = json.loads((killed / "config.json").read_text())
    described["versions"]["jax"] = "0.1.2"
    unfinish(killed, versions=described["versions"], processor="Z80", devices=["gpu:0 old"])
    before = (killed / "metrics.jsonl").read_bytes()
    message = r"jax was 0\.1\.2 and is .*; processor was Z80 and is .*; devices was gpu:0 old and is cpu:0"
    with pytest.raises(ConfigError, match=message + r".*\. --force goes on all the same"):
        resume.resume(killed)
    assert (killed / "metrics.jsonl").read_bytes() == before
    assert resume.resume(killed, force=True) == killed


def test_other_data_and_another_plan_are_refused(killed: Path) -> None:
    described = json.loads((killed / "config.json").read_text())
    unfinish(killed, data_digest="0" * 64, plan={**described["plan"], "batch_size": 16})
    with pytest.raises(ConfigError, match="batch_size was 16 and is 32; the data are others"):
        resume.resume(killed)


def test_a_checkpoint_whose_rows_are_gone_is_damage(killed: Path) -> None:
    (killed / "metrics.jsonl").write_text("")
    with pytest.raises(DamagedError, match=r"metrics\.jsonl is damaged: 3 rows were written, 0 are left"):
        resume.resume(killed)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    tiny: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stopped(monkeypatch, tiny, tmp_path, 4, save_every=1)
    steps = Checkpoints(folder / "checkpoints").steps()
    assert len(steps) >= 2
    (folder / "checkpoints" / str(steps[-1]) / "record.json").write_text("{}")
    resume.resume(folder)
    assert (folder / "metrics.jsonl").read_bytes() == (tiny_run / "metrics.jsonl").read_bytes()


def test_a_run_that_is_under_way_is_refused(killed: Path) -> None:
    with lock_run(killed), pytest.raises(LockedError, match="is in use by process"):
        resume.resume(killed)


def test_a_run_that_diverged_goes_on_with_another_policy(tiny: Path, tmp_path: Path) -> None:
    """A learning rate that is far too high: a tenth of it, three times over, is low enough."""
    path = tmp_path / "wild.py"
    path.write_text(tiny.read_text().replace("optax.adam(", "optax.sgd("))
    with pytest.raises(DivergedError):
        experiment.run_experiment(path, {"learning_rate": 1e30}, tmp_path / "runs")
    (folder,) = (tmp_path / "runs" / "wild").iterdir()
    with pytest.raises(DivergedError, match="diverged at step"):
        resume.resume(folder)
    with pytest.raises(ConfigError, match="on_divergence wants one of raise, skip, rollback, got 'never'"):
        resume.resume(folder, on_divergence="never")
    assert json.loads((folder / "config.json").read_text())["keeping"]["on_divergence"] == "raise"
    with pytest.raises(DivergedError, match=r"Every segment diverged\."):
        resume.resume(folder, on_divergence="skip")
    assert json.loads((folder / "config.json").read_text())["keeping"]["on_divergence"] == "skip"


def test_remedies_survive_a_stop(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first of three rollbacks, it takes the other two, as it would have, and no more."""
    path = tmp_path / "wild.py"
    path.write_text(tiny.read_text().replace("optax.adam(", "optax.sgd("))
    monkeypatch.setitem(SETTINGS, "learning_rate", 1e30)
    with pytest.raises(DivergedError, match="rolled back 3 times"):
        experiment.run_experiment(path, SETTINGS, tmp_path / "whole", Keeping("rollback"))
    (whole,) = (tmp_path / "whole" / "wild").iterdir()
    folder = stopped(monkeypatch, path, tmp_path / "cut", 2, on_divergence="rollback")
    taken = remedies_of(folder)
    assert len(taken) == 1
    with pytest.raises(DivergedError, match="rolled back 3 times"):
        resume.resume(folder)
    assert remedies_of(folder)[:1] == taken
    assert remedies_of(folder) == remedies_of(whole)
    assert final_digest(folder) == final_digest(whole)


def remedies_of(folder: Path) -> list[dict[str, Any]]:
    step = Checkpoints(folder / "checkpoints").steps()[-1]
    return json.loads((folder / "checkpoints" / str(step) / "record.json").read_text())["meta"]["remedies"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../../outside"},
        {"name": ["tiny"]},
        {"config": []},
        {"config": {"epochs": "many"}},
        {"config": {"unheard_of": 1}},
        {"plan": {"segments": "3"}},
        {"plan": 3},
        {"data": {"train": -1}},
        {"devices": "cpu:0"},
        {"keeping": {"on_divergence": 7}},
        {"keeping": {"on_divergence": "never"}},
    ],
    ids=str,
)
def test_a_hostile_config_is_refused_with_its_file_named(killed: Path, changes: dict[str, Any]) -> None:
    unfinish(killed, **changes)
    before = {path: path.read_bytes() for path in killed.rglob("*") if path.is_file()}
    with pytest.raises(DamagedError, match=r"config\.json is damaged"):
        resume.resume(killed)
    lock = killed / "run.lock"
    after = {path: path.read_bytes() for path in killed.rglob("*") if path.is_file() and path != lock}
    before.pop(lock, None)
    assert after == before
    assert not (killed.parent / "outside").exists()


@pytest.mark.parametrize("text", [b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_config_that_is_no_object_is_refused(killed: Path, text: bytes) -> None:
    (killed / "config.json").write_bytes(text)
    with pytest.raises(DamagedError, match=r"config\.json is damaged"):
        resume.resume(killed)


def test_an_experiment_that_is_none_is_damage(killed: Path) -> None:
    (killed / "experiment.py").write_text("def (")
    with pytest.raises(DamagedError, match=r"experiment\.py is damaged: .*line 1"):
        resume.resume(killed)


def test_a_chapter_is_not_trained(killed: Path) -> None:
    described = json.loads((killed / "config.json").read_text())
    for name in ("plan", "data"):
        described.pop(name)
    (killed / "config.json").write_text(json.dumps({**described, "chapter": True}))
    with pytest.raises(ConfigError, match="is a chapter's run, which is not trained: run it again"):
        resume.resume(killed)


def test_a_population_is_handed_on_and_has_no_policies(killed: Path) -> None:
    unfinish(killed, population={})
    with pytest.raises(ConfigError, match="only the member that diverges stops"):
        resume.resume(killed, on_divergence="skip")
