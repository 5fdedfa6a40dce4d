"""nnjax and plain NumPy in turn in one process on one core: the guard against getting slower.

`python -m benchmarks.in_process W1` prints the seconds of each as JSON. One core, since what is
guarded is nnjax and not the machine's threads, and a ratio of two single threads stands on a busy
machine too. tests/test_speed.py says what the ratios may be.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import perceptrons, w1_moons, w3_fashion_mlp
from benchmarks.work import Trainer, Work

REPEATS = 5
W3_EXAMPLES = 3_168  # 24 batches of 128 and a partial one


def small_work(name: str) -> Work:
    """W1 as it is; W3 with few images, of noise, so that no data set is needed."""
    if name == "W1":
        return w1_moons.work()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (W3_EXAMPLES, 28, 28), np.uint8)
    return w3_fashion_mlp.of_images(images, rng.integers(0, 10, W3_EXAMPLES, np.int32))


def step_by_step(work: Work) -> Trainer:
    """nnjax with a loop in Python, to see that the guard sees it."""
    from benchmarks.peers.nnjax_fit import StepByStep

    return StepByStep(work, perceptrons.nnjax_perceptron(work))


TRAINERS = {"nnjax": perceptrons.nnjax, "numpy": perceptrons.numpy, "step-by-step": step_by_step}


def in_turn(trainers: dict[str, Trainer], repeats: int) -> dict[str, list[float]]:
    """The seconds of every training, the trainers one after another, `repeats` times, after a warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for repeat in range(repeats + 1):
        for name, trainer in trainers.items():
            began = time.perf_counter()
            trained = trainer.train(seed=repeat)
            wall = time.perf_counter() - began
            if repeat:
                seconds[name].append(wall if trained.seconds is None else trained.seconds)
    return seconds


def main(name: str) -> None:
    """Prints {"nnjax": [...], "numpy": [...], "step-by-step": [...]}."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory() as caches:
        os.environ["NNJAX_CACHE"] = caches
        work = small_work(name)
        with threadpool_limits(1):
            print(json.dumps(in_turn({kind: make(work) for kind, make in TRAINERS.items()}, REPEATS)))


if __name__ == "__main__":
    main(*sys.argv[1:])
