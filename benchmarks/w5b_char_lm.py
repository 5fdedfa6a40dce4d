"""W5b: a character model, two LSTM layers of 256 cells, the next of 96 characters at every step."""

from __future__ import annotations

import numpy as np

from benchmarks.lstms import TRAINERS as TRAINERS
from benchmarks.lstms import flops, initial_weights, score
from benchmarks.work import Work

EXAMPLES, QUICK_EXAMPLES, STEPS = 640, 96, 128
NET = {
    "inputs": 96,
    "embedding": 128,
    "hidden": 256,
    "layers": 2,
    "outputs": 96,
    "every_step": True,
    "length": STEPS,
}

__all__ = ["TRAINERS", "initial_weights", "score", "work"]


def work(quick: bool = False) -> Work:
    """Twenty steps of 32 sequences of a drawn language; three if quick."""
    examples, rng = QUICK_EXAMPLES if quick else EXAMPLES, np.random.default_rng(0)
    # Each character is followed by one of four, so that there is something to learn.
    follows = rng.integers(0, NET["inputs"], (NET["inputs"], 4))
    text = np.zeros((examples, STEPS + 1), np.int32)
    for t in range(STEPS):
        text[:, t + 1] = follows[text[:, t], rng.integers(0, 4, examples)]
    return Work(
        name="W5b",
        title="character model, vocabulary 96, embedding 128, two LSTM layers of 256",
        details=f"{examples:,} sequences of {STEPS} steps, Adam, batch 32, one epoch",
        inputs=text[:, :-1].copy(),
        targets=text[:, 1:].copy(),
        scale=1,
        net=NET,
        loss="cross_entropy",
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=32,
        epochs=1,
        flops=flops(NET, examples * STEPS),
    )
