"""W5a: an LSTM of 128 cells classifies sequences of 100 steps: many small products, one after another."""

from __future__ import annotations

import numpy as np

from benchmarks.lstms import TRAINERS as TRAINERS
from benchmarks.lstms import flops, initial_weights, score
from benchmarks.work import Work

EXAMPLES, QUICK_EXAMPLES, STEPS = 3_200, 320, 100
NET = {
    "inputs": 12,
    "embedding": 0,
    "hidden": 128,
    "layers": 1,
    "outputs": 9,
    "every_step": False,
    "length": STEPS,
}

__all__ = ["TRAINERS", "initial_weights", "score", "work"]


def work(quick: bool = False) -> Work:
    """A hundred steps of 32 sequences of a drawn rhythm each; ten if quick."""
    examples, rng = QUICK_EXAMPLES if quick else EXAMPLES, np.random.default_rng(0)
    targets = rng.integers(0, NET["outputs"], examples).astype(np.int32)
    waves = np.sin(
        np.arange(STEPS)[None, :, None] * (1 + targets[:, None, None]) / 20 + np.arange(NET["inputs"])
    )
    return Work(
        name="W5a",
        title="LSTM classifier, 12 inputs, 128 cells, 9 classes",
        details=f"{examples:,} sequences of {STEPS} steps, Adam, batch 32, one epoch",
        inputs=(waves + rng.standard_normal(waves.shape)).astype(np.float32),
        targets=targets,
        scale=1,
        net=NET,
        loss="cross_entropy",
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=32,
        epochs=1,
        flops=flops(NET, examples * STEPS),
    )
