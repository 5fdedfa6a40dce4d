"""W7: VGG-16, steps of batch 4 at 224x224: each a call, outside any compiled loop."""

from __future__ import annotations

from benchmarks.large_convnets import TRAINERS as TRAINERS
from benchmarks.large_convnets import initial_weights as initial_weights
from benchmarks.large_convnets import score as score
from benchmarks.large_convnets import work_of
from benchmarks.work import Work


def work(quick: bool = False) -> Work:
    """Six steps; of batch 2 if quick."""
    return work_of("W7", "vgg16", 2 if quick else 4)
