"""The states of a population: damaged ones are passed over, and what is not finite is none."""

from __future__ import annotations

import dataclasses
import filecmp
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from nnjax.errors import ConfigError, DamagedError
from nnjax.runner import population_state, resume
from nnjax.runner.population_run import reopen
from nnjax.runner.population_state import UNDER_WAY, Watch, forget_states, saved_state
from nnjax.training.checkpoint import Checkpoints, state_digest
from nnjax.training.member import STOPPED
from nnjax.training.population import Population

SAME = ("members.csv", "metrics.jsonl", "summary.json")


@pytest.fixture
def folder(interrupted_population: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(interrupted_population, tmp_path / "run"))


@pytest.fixture(scope="module")
def population(interrupted_population: Path) -> Any:
    return reopen(interrupted_population).population


def files(folder: Path, step: int) -> list[Path]:
    return sorted(path for path in (folder / UNDER_WAY / str(step)).rglob("*") if path.is_file())


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "flip" and data:
        data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data[: len(data) // 2] if how == "cut" else data))
    if how == "gone":
        path.unlink()


@pytest.mark.parametrize("how", ["flip", "cut", "gone"])
def test_every_file_of_the_last_state_is_guarded(
    how: str, folder: Path, population: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Each damaged alone: the state before it comes back, bit for bit, with a warning that names the file."""
    whole = state_digest(saved_state(population, folder))
    hidden = folder / UNDER_WAY / "27"
    aside = Path(shutil.copytree(hidden, folder / "aside"))
    shutil.rmtree(hidden)
    before = state_digest(saved_state(population, folder))
    shutil.copytree(aside, hidden)
    assert len(files(folder, 27)) > 5
    for path in files(folder, 27):
        kept = path.read_bytes()
        if not kept and how != "gone":
            continue
        damage(path, how)
        caplog.clear()
        assert state_digest(saved_state(population, folder)) == before, path
        assert "Going back to the checkpoint of step 18" in caplog.text
        path.write_bytes(kept)
    assert state_digest(saved_state(population, folder)) == whole != before


def test_a_damaged_state_costs_work_but_changes_no_result(
    folder: Path, tiny_population: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(resume, "configure", lambda cores=None: None)
    damage(folder / UNDER_WAY / "27" / "record.json", "cut")
    resume.resume(folder)
    assert "after 18 segments of all members together" in capsys.readouterr().out
    for name in SAME:
        assert filecmp.cmp(folder / name, tiny_population / name, shallow=False), name


def test_where_no_state_is_whole_it_says_so(folder: Path, population: Any) -> None:
    for step in (18, 27):
        damage(files(folder, step)[-1], "gone")
    with pytest.raises(DamagedError, match=r"no checkpoint in .* is whole"):
        saved_state(population, folder)


def poisoned(state: Any, lane: int) -> Any:
    """The state with a NaN in the optimiser's state of one lane."""
    at = lambda leaf: leaf.at[lane].set(jnp.nan) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
    members = state.members
    return state._replace(members=members._replace(opt_state=jax.tree.map(at, members.opt_state)))


def test_what_is_not_finite_is_not_saved(
    folder: Path, population: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = saved_state(population, folder)
    with Checkpoints(tmp_path / "states") as checkpoints:
        watch = Watch(folder, checkpoints, lambda: False, 27)
        watch.save(population, poisoned(state, 2))
        checkpoints.wait()
        assert checkpoints.steps() == []
        assert "opt_state" in caplog.text
        assert "was not saved, and the checkpoint before it stays" in caplog.text
        status = state.members.status.at[2].set(STOPPED)
        idle = state._replace(members=state.members._replace(status=status))
        watch.save(population, poisoned(idle, 2))  # a lane that never runs again
        watch.save(population, state)
        checkpoints.wait()
        assert checkpoints.steps() == [27]


def test_the_last_state_stays_unless_it_is_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_states(folder)
    assert Checkpoints(folder / UNDER_WAY).steps() == [27]
    monkeypatch.setattr(population_state, "KEPT_BYTES", 100)
    forget_states(folder)
    assert not (folder / UNDER_WAY).exists()
    forget_states(folder)


def test_narrower_lanes_are_found(population: Any, tmp_path: Path) -> None:
    """Once few members run, half the lanes are enough; a state of those is read back as well."""
    plan = dataclasses.replace(population.plan, lanes=8)
    eight = Population(population.recipe, plan, population.data, population.entrants)
    four = population_state.halved(eight.start())
    assert four is not None
    assert four.queue.ids.shape == (2, 2)
    assert four.members.status.shape == (4,)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(5, four, {})
        found = population_state.restored(eight, checkpoints.latest)
        assert found is not None
        assert state_digest(found.state) == state_digest(four)
        assert found.state.members.status.sharding == four.members.status.sharding
        six = Population(population.recipe, dataclasses.replace(plan, lanes=6), population.data,
                         population.entrants)  # fmt: skip
        with pytest.raises(ConfigError, match=r"is of another state: .*\[6\], but is .*\[4\]"):
            population_state.restored(six, checkpoints.latest)
