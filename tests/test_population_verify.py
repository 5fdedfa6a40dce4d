"""Verifying a population: the same chunks again have to give the same bits, and what does not is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from nnjax.errors import ConfigError, DamagedError
from nnjax.runner import cli, population_verify, resume, verify
from nnjax.runner.population_members import read_members
from nnjax.runner.population_run import reopen
from nnjax.runner.population_state import UNDER_WAY
from nnjax.training.checkpoint import Checkpoints, state_digest


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (resume, verify):
        monkeypatch.setattr(module, "configure", lambda cores=None: None)


@pytest.fixture
def interrupted(interrupted_population: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(interrupted_population, tmp_path / "run"))


@pytest.fixture
def ended(tiny_population: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_population, tmp_path / "ended"))


def last_state(folder: Path) -> tuple[int, Any, dict[str, Any]]:
    last = population_verify.every_state(reopen(folder), folder)[-1]
    return last.step, jax.device_get(last.state), last.meta


def test_the_stretch_between_two_states(
    interrupted_population: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", str(interrupted_population)]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"every state of {interrupted_population} is whole"
    told = [f"the state after {count} segments of all members together" for count in (18, 27)]
    assert second == f"trained again from {told[0]} to {told[1]}: lanes, queue and members are equal"
    assert third == f"digest of the state: {state_digest(last_state(interrupted_population)[1])}"


def test_a_population_that_has_ended_is_trained_from_its_last_state(
    interrupted: Path, tiny_population: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resume.resume(interrupted)
    assert Checkpoints(interrupted / UNDER_WAY).steps() == [27]
    capsys.readouterr()
    verify.verify(interrupted)
    _, second, third = capsys.readouterr().out.splitlines()
    began = "trained again from the state after 27 segments of all members together to the end"
    assert second == f"{began}, 9 segments: all members are equal"
    verify.verify(tiny_population)  # which nobody interrupted: no state was saved
    _, second, again = capsys.readouterr().out.splitlines()
    assert second == "trained again from the start to the end, 36 segments: all members are equal"
    assert third == again


def test_one_bit_of_a_lane_is_noticed(interrupted: Path) -> None:
    """Saved with digests of its own, so that only training again can tell."""
    step, state, meta = last_state(interrupted)
    state = jax.tree.map(np.array, state)
    moments = [leaf for leaf in jax.tree.leaves(state.members.opt_state) if leaf.ndim > 2]
    moments[0].view(np.uint32)[3, 4, 5] ^= 1
    with Checkpoints(interrupted / UNDER_WAY) as checkpoints:
        checkpoints.save(step, state, meta)
    with pytest.raises(DamagedError, match=r"trained again, \.members\.opt_state.*\['weights'\] differ$"):
        verify.verify(interrupted)


def test_one_bit_of_a_member_is_noticed(ended: Path) -> None:
    results = read_members(ended, reopen(ended).population)
    losses = results.history["valid_loss"].copy()
    losses.view(np.uint32)[8, 2] ^= 1
    with Checkpoints(ended / "members", keep=1) as checkpoints:
        changed = results._replace(history={**results.history, "valid_loss": losses})
        checkpoints.save(checkpoints.steps()[0], changed, {})
    with pytest.raises(DamagedError, match=r"trained again, \.history\['valid_loss'\] differ$"):
        verify.verify(ended)


def test_other_chunks_are_not_the_same_stretch(interrupted: Path) -> None:
    step, state, meta = last_state(interrupted)
    assert meta == {"before": 18, "chunks": [[1, 1]]}
    with Checkpoints(interrupted / UNDER_WAY) as checkpoints:
        checkpoints.save(step, state, meta | {"chunks": [[1, 1], [1, 1]]})
    with pytest.raises(DamagedError, match=r"\.members\.params\['layer_0'\]\['bias'\]"):
        verify.verify(interrupted)


def test_a_damaged_state_is_named(interrupted: Path) -> None:
    path = interrupted / UNDER_WAY / "18" / "record.json"
    path.write_text("{}")
    with pytest.raises(DamagedError, match=str(path)):
        verify.verify(interrupted)


def test_damaged_members_are_named(ended: Path) -> None:
    (path,) = (ended / "members").glob("*/record.json")
    path.write_text("{}")
    with pytest.raises(DamagedError, match=str(path)):
        verify.verify(ended)


def test_there_has_to_be_something_to_verify(interrupted: Path) -> None:
    shutil.rmtree(interrupted / UNDER_WAY / "18")
    with pytest.raises(ConfigError, match="does not have the state that its last one was trained from"):
        verify.verify(interrupted)
    shutil.rmtree(interrupted / UNDER_WAY)
    with pytest.raises(ConfigError, match="has no state that could be trained to again"):
        verify.verify(interrupted)


def test_other_data_are_not_verified(ended: Path) -> None:
    described = json.loads((ended / "config.json").read_text())
    (ended / "config.json").write_text(json.dumps(described | {"data_digest": "other"}))
    with pytest.raises(ConfigError, match="the data are others"):
        verify.verify(ended)
