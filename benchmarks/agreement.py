"""The check that comes first: from the same weights, on the same batches, all libraries lose the same.

It is plain SGD: under Adam the trajectories of two libraries part within a few steps, since a gradient
of nearly zero decides by its last digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.work import Work

STEPS = 10
LEARNING_RATE = 0.05
TOLERANCE = 1e-4  # of a loss, relative; float32 products in another order differ by about 1e-6


def batches_of(work: Work) -> list[np.ndarray]:
    """The rows of STEPS batches: [B], or [P, B] for a population of P."""
    rng, batches = np.random.default_rng(1), []
    for _ in range(STEPS):
        rows = [rng.permutation(len(work.inputs))[: work.batch_size] for _ in range(work.members)]
        batches.append(np.stack(rows) if work.members > 1 else rows[0])
    return batches


def disagreement(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest relative difference of two courses of losses; infinite where one is not finite.

    >>> round(disagreement([1.0, 2.0], [1.0, 2.2]), 6)
    0.1
    """
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.max(np.abs(a - b) / np.abs(a)))


def disagreeing(losses: Mapping[str, Sequence[float]], ours: str) -> dict[str, float]:
    """The peers whose losses are not `ours`, each with its relative difference."""
    found = {peer: disagreement(losses[ours], theirs) for peer, theirs in losses.items()}
    return {peer: difference for peer, difference in found.items() if difference > TOLERANCE}
