"""One library in a process of its own, that does one thing at a time, when it is told to.

`python -m benchmarks.worker MODULE PEER FOLDER` reads a JSON object a line and answers with one:

    {"do": "train", "seed": 1}  ->  {"seconds": ..., "wall": ...}
    {"do": "loss"}              ->  {"loss": ...}, over all examples, of what was trained last
    {"do": "steps"}             ->  {"losses": [...]}
    {"do": "peak"}              ->  {"bytes": ...}, the most memory that the process has held

`seconds` is the training alone, `wall` the whole call.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.agreement import LEARNING_RATE, batches_of
from benchmarks.work import Trainer, Weights, Work


class Worker:
    """One library, set up for one workload when it is first asked for something."""

    def __init__(self, workload: ModuleType, peer: str, work: Work) -> None:
        self.workload, self.peer, self.work = workload, peer, work
        self.weights: Weights = []

    @cached_property
    def trainer(self) -> Trainer:
        """The library."""
        return self.workload.TRAINERS[self.peer](self.work)

    def answer(self, do: str, seed: int = 0) -> dict[str, Any]:
        """Does what is asked."""
        if do == "train":
            trainer, began = self.trainer, time.perf_counter()
            trained = trainer.train(seed)
            wall, self.weights = time.perf_counter() - began, trained.weights
            return {"seconds": wall if trained.seconds is None else trained.seconds, "wall": wall}
        if do == "loss":
            return {"loss": self.workload.score(self.work, self.weights)}
        if do == "steps":
            weights = self.workload.initial_weights(self.work)
            return {"losses": self.trainer.steps(weights, batches_of(self.work), LEARNING_RATE)}
        if do == "peak":
            return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        raise ValueError(f"asked to {do!r}")


def main(module: str, peer: str, folder: str) -> None:
    """Answers until its input ends. What a library prints goes to the standard error, not to the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(importlib.import_module(module), peer, Work.read(Path(folder)))
    for line in sys.stdin:
        try:
            said = worker.answer(**json.loads(line))
        except Exception as error:  # the other libraries go on without this one
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
