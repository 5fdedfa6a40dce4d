"""Verifying: the same stretch again has to give the same bits, and what does not is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from nnjax.errors import ConfigError, DamagedError, LockedError
from nnjax.runner import experiment, resume, verify
from nnjax.runner.run_folder import JsonLines, read_lines
from nnjax.runner.training_run import Keeping
from nnjax.training.checkpoint import Checkpoints, state_digest
from nnjax.training.run_lock import lock_run


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (experiment, verify):
        monkeypatch.setattr(module, "configure", lambda cores=None: None)


@pytest.fixture(scope="module")
def saved_often(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a checkpoint at each of its three segments. Do not write into it: copy it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "configure", lambda: None)
        return experiment.run_experiment(tiny, (), tmp_path_factory.mktemp("often"), Keeping(save_every=1))


@pytest.fixture
def copy(saved_often: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved_often, tmp_path / "run"))


def last_of(folder: Path) -> tuple[Any, Any, Any]:
    job = resume.reopen(folder, json.loads((folder / "config.json").read_text()))
    with job.checkpoints() as checkpoints:
        found = checkpoints.latest(resume.member_like(job))
    assert found is not None
    return job, found.state, found.meta


def test_a_stretch_between_two_checkpoints(saved_often: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Checkpoints(saved_often / "checkpoints").steps() == [11, 22, 33]
    verify.verify(saved_often)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"every checkpoint of {saved_often} is whole"
    assert second == "trained again from the checkpoint of step 22 to step 33: 1 rows and the state are equal"
    assert third == f"digest of the state: {state_digest(last_of(saved_often)[1])}"


def test_with_one_checkpoint_it_begins_at_the_start(
    tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify.verify(tiny_run)
    assert (
        "trained again from the start to step 33: 3 rows and the state are equal" in capsys.readouterr().out
    )


def test_one_bit_of_the_state_is_noticed(copy: Path) -> None:
    """Saved with digests of its own, so that only training again can tell."""
    job, state, meta = last_of(copy)
    weights = np.array(state.params["layer_0"]["weights"])
    weights.view(np.uint32)[3, 4] ^= 1
    params = {**state.params, "layer_0": {**state.params["layer_0"], "weights": weights}}
    with job.checkpoints() as checkpoints:
        checkpoints.save(33, jax.device_get(state)._replace(params=params), meta)
    message = r"trained again, the state of step 33 differs in \.params\['layer_0'\]\['weights'\]$"
    with pytest.raises(DamagedError, match=message):
        verify.verify(copy)


def test_a_row_that_was_changed_is_noticed(copy: Path) -> None:
    rows = read_lines(copy / "metrics.jsonl")
    rows[2]["train_loss"] += 1e-7
    (copy / "metrics.jsonl").unlink()
    JsonLines(copy / "metrics.jsonl").add(*rows)
    with pytest.raises(DamagedError, match=r"the rows of metrics\.jsonl differ at step 33"):
        verify.verify(copy)


def test_other_versions_are_given_as_the_reason(copy: Path) -> None:
    described = json.loads((copy / "config.json").read_text())
    described["versions"]["jax"] = "0.1.2"
    (copy / "config.json").write_text(json.dumps(described))
    verify.verify(copy)  # which may give the same bits all the same
    (copy / "metrics.jsonl").write_text("")
    with pytest.raises(DamagedError, match=r"differ in number: 0 were 1; jax was 0\.1\.2 and is "):
        verify.verify(copy)


def test_a_damaged_checkpoint_is_named(copy: Path) -> None:
    path = copy / "checkpoints" / "11" / "record.json"
    path.write_text("{}")
    with pytest.raises(DamagedError, match=str(path)):
        verify.verify(copy)


def test_there_has_to_be_something_to_verify(copy: Path) -> None:
    with lock_run(copy), pytest.raises(LockedError):
        verify.verify(copy)
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(ConfigError, match="has no checkpoint that could be trained to again"):
        verify.verify(copy)
    described = json.loads((copy / "config.json").read_text())
    chapter = {name: described[name] for name in ("name", "config")} | {"chapter": True}
    (copy / "config.json").write_text(json.dumps(chapter))
    with pytest.raises(ConfigError, match="is a chapter's run, which has no training"):
        verify.verify(copy)


def test_what_is_not_finite_is_none_in_a_row() -> None:
    assert verify.equal({"step": 1, "valid_loss": float("inf")}, {"step": 1, "valid_loss": None})
    assert not verify.equal({"step": 1, "valid_loss": 1.0}, {"step": 1, "valid_loss": None})
