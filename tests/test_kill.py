"""kill -9 at any moment, then resume: the end is bit for bit that of a run that nobody touched.

`pytest tests/test_kill.py` kills 20 times, and populations 8 times; `pytest tests/test_kill.py -m slow` kills
200 times, and populations 60 times.

Run as a program (`python test_kill.py WORDS`), this file is the `nnjax` command, which says on stdout when
it begins to load, to compile and to save, so that a kill can be aimed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nnjax

BLOBS = '''"""Two blobs, learned in no time.

Run: nnjax run blobs.py
"""
from __future__ import annotations
import dataclasses
import numpy as np
import optax
from nnjax import Dataset, Plan, Splits, Task, accuracy, cross_entropy, mlp, per_example
from nnjax.runner.settings import Count, DropRate, PositiveRate, Seed

@dataclasses.dataclass(frozen=True)
class Config:
    epochs: Count = 12
    learning_rate: PositiveRate = 0.01
    dropout: DropRate = 0.1
    patience: Count = 100
    seed: Seed = 0

def data(config):
    random = np.random.default_rng(0)
    def part(n):
        targets = random.integers(0, 2, n)
        inputs = random.normal(size=(n, 2)).astype(np.float32) + targets[:, None].astype(np.float32)
        return Dataset(inputs, targets, "blobs", ("a", "b"))
    return Splits(part(96), part(32), part(32))

def task(config, hyper):
    net = mlp((2, 8, 2), dropout=hyper["dropout"])
    return Task(net, per_example(cross_entropy), optax.adam(hyper["learning_rate"]),
                metrics={"accuracy": per_example(accuracy)})

def plan(config, splits):
    return Plan(config.epochs, 6, 16, patience=config.patience)
'''
AIMS = ("load", "compile", "train", "save")  # what a kill waits for ...
REACH = {
    "load": 0.3,
    "compile": 0.6,
    "train": 0.2,
    "save": 0.04,
    "finish": 4.0,
}  # ... and for how long it then holds back
SINGLE = ("--save-every", "1")
# Members that stop at different times, more than there are lanes: they wait, and the lanes are halved.
MANY = ("--epochs", "24", "--patience", "2", "--seeds", "8", "--lanes", "16")
MANY += ("--sweep", "learning_rate=1e-3:1:log3", "--sweep", "dropout=0,0.2")


def say_what_begins() -> None:
    """Prints a word before each thing that a kill can be aimed at."""
    from nnjax.runner import experiment, population_run, population_state, recorder, resume
    from nnjax.training import checkpoint, fit_population, lanes, train

    def announced(module: Any, name: str, word: str) -> None:
        before = getattr(module, name)

        def after(*arguments: Any, **options: Any) -> Any:
            print(word, flush=True)
            return before(*arguments, **options)

        setattr(module, name, after)

    announced(experiment, "begin", "load")
    announced(resume, "reopen", "load")
    announced(train, "compile_chunk", "compile")
    announced(recorder.Recorder, "on_chunk", "train")
    announced(checkpoint, "write_snapshot", "save")
    announced(population_run, "prepare", "load")
    announced(lanes, "compile_lanes", "compile")
    announced(population_state.Watch, "on_chunk", "train")
    announced(population_run, "finish", "finish")
    if "SIDE_BY_SIDE" in os.environ:
        lanes.runs_side_by_side = lambda plan, member: os.environ["SIDE_BY_SIDE"] == "yes"
    if "OFTEN" in os.environ:  # a segment a chunk, and a state a chunk
        fit_population.CHUNK_SECONDS, population_state.SAVE_SECONDS, population_state.SAVE_SHARE = 1e-9, 0, 0


class Killer:
    """Kills runs of one experiment in a folder of its own, and lets each one end in its time.

    Attributes:
        folder: Where it works.
        words: The flags of its runs.
        aims: What it aims at, in turn.
        kills: How many processes it has killed, by what they had begun.
        ended: The runs that ended, after how many kills each.
    """

    def __init__(
        self,
        folder: Path,
        programs: Path,
        seed: int,
        words: tuple[str, ...] = SINGLE,
        aims: tuple[str, ...] = AIMS,
        **environment: str,
    ) -> None:
        self.folder, self.random, self.words, self.aims = folder, random.Random(seed), words, aims
        folder.mkdir()
        (folder / "blobs.py").write_text(BLOBS)
        own = {"NNJAX_CACHE": str(programs), "NNJAX_REEXEC": "1", "NNJAX_OFFLINE": "1"}
        own |= environment
        self.environment = {**os.environ, **own, "PYTHONPATH": str(Path(nnjax.__file__).parents[1])}
        self.kills: Counter[str] = Counter()
        self.ended: list[tuple[Path, int]] = []

    def start(self, *words: str, anew: bool = False) -> subprocess.Popen[str]:
        """The command as a process; `anew` has it compile what others find in the cache."""
        command = [sys.executable, __file__, *words]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        own = {"NNJAX_CACHE": str(self.folder / f"programs-{self.kills.total()}")} if anew else {}
        return subprocess.Popen(command, env=self.environment | own, cwd=self.folder, **pipes)

    def run_once(self, out: str, aim: str | None) -> bool:
        """Begins or resumes the run under `out`, kills it at `aim`, and returns whether it ended."""
        runs = sorted((self.folder / out).glob("blobs/*/config.json"))
        words = ("resume", str(runs[0].parent)) if runs else ("run", "blobs.py", "--out", out)
        words += () if runs else self.words
        with self.start(*words, anew=aim == "compile" and self.random.random() < 0.5) as process:
            assert process.stdout is not None
            said = []
            patience = self.random.randrange(1, 8) if aim in ("train", "save") else 1
            while aim and patience and (line := process.stdout.readline()):
                said.append(line)
                patience -= line == f"{aim}\n"
            if aim and not patience:
                time.sleep(self.random.uniform(0, REACH[aim]))
                process.send_signal(signal.SIGKILL)
            said += process.stdout.readlines()
        if process.returncode == -signal.SIGKILL:
            self.kills[str(aim)] += 1
            return False
        assert process.returncode == 0, "".join(said)
        return True

    def go(self, kills: int) -> None:
        """Kills so many processes, and lets the last run end."""
        number = 0
        while self.kills.total() < kills:
            number, before = number + 1, self.kills.total()
            while not self.run_once(f"out{number}", self.aim(kills)):
                pass
            (config,) = (self.folder / f"out{number}").glob("blobs/*/config.json")
            self.ended.append((config.parent, self.kills.total() - before))

    def aim(self, kills: int) -> str | None:
        """What comes next: each aim in turn, and none when there have been enough kills."""
        total = self.kills.total()
        return self.aims[total % len(self.aims)] if total < kills else None


def left_by(run: Path) -> tuple[bytes, list[Any], int]:
    """The rows of a run, and the digests of every leaf of its last state."""
    last = max((run / "checkpoints").glob("[0-9]*/record.json"), key=lambda path: int(path.parent.name))
    record = json.loads(last.read_text())
    return (run / "metrics.jsonl").read_bytes(), record["leaves"], record["step"]


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_kill_9_at_any_moment(tmp_path: Path, kills: int) -> None:
    whole = Killer(tmp_path / "whole", tmp_path / "programs", 0)
    assert whole.run_once("out", None)
    (config,) = (tmp_path / "whole" / "out").glob("blobs/*/config.json")
    rows, leaves, step = left_by(config.parent)
    assert step == 72
    assert len(rows.splitlines()) == 13
    killers = [Killer(tmp_path / str(i), tmp_path / "programs", kills + i) for i in range(2)]
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda killer: killer.go(kills // 2), killers))
    ended = [end for killer in killers for end in killer.ended]
    assert sum(after for _, after in ended) == kills
    for run, after in ended:
        assert left_by(run) == (rows, leaves, step), f"{run}, killed {after} times"
        assert "finished" in json.loads((run / "config.json").read_text())
    aims = killers[0].kills + killers[1].kills
    print(f"{kills} kills of {len(ended)} runs, all equal in the end: {dict(aims)}")
    assert set(aims) == set(AIMS)


def left_by_many(run: Path) -> dict[str, Any]:
    """The tables of a population's run, and the digests of every leaf of its members and of the best one."""
    left: dict[str, Any] = {
        name: (run / name).read_bytes() for name in ("members.csv", "metrics.jsonl", "summary.json")
    }
    for folder in ("members", "checkpoints"):
        (path,) = (run / folder).glob("[0-9]*/record.json")
        left[folder] = json.loads(path.read_text())["leaves"]
    return left


@pytest.mark.parametrize("kills", [8, pytest.param(60, marks=pytest.mark.slow)])
def test_kill_9_of_a_population_at_any_moment(tmp_path: Path, kills: int) -> None:
    """One killer's members run one after another in their lanes, the other's side by side."""

    def go(side_by_side: str) -> tuple[Killer, dict[str, Any]]:
        folder, programs = tmp_path / side_by_side, tmp_path / f"programs-{side_by_side}"
        own = {"SIDE_BY_SIDE": side_by_side}
        whole = Killer(tmp_path / f"whole-{side_by_side}", programs, 0, MANY, **own)
        assert whole.run_once("out", None)
        (config,) = (whole.folder / "out").glob("blobs/*/config.json")
        killer = Killer(folder, programs, kills, MANY, (*AIMS[1:], "finish"), OFTEN="yes", **own)
        killer.go(kills // 2)
        return killer, left_by_many(config.parent)

    with ThreadPoolExecutor(2) as two:
        done = list(two.map(go, ("yes", "no")))
    for killer, wanted in done:
        assert wanted["members.csv"].count(b"\n") == 49
        assert wanted["members.csv"].count(b"stopped") > 20
        for run, after in killer.ended:
            assert left_by_many(run) == wanted, f"{run}, killed {after} times"
            assert "finished" in json.loads((run / "config.json").read_text())
        print(f"{killer.kills.total()} kills of {len(killer.ended)} populations: {dict(killer.kills)}")
        assert set(killer.kills) == {*AIMS[1:], "finish"}


if __name__ == "__main__":
    say_what_begins()
    from nnjax.runner.cli import main

    sys.exit(main(sys.argv[1:]))
