"""W4: Fashion-MNIST, two convolutions and two dense layers, Adam: convolutions in a compiled loop."""

from __future__ import annotations

import numpy as np

from benchmarks.convnets import TRAINERS as TRAINERS
from benchmarks.convnets import flops, initial_weights, score
from benchmarks.work import Work

NET = {"pixels": 28, "channels": (32, 64), "hidden": 128, "classes": 10}
QUICK_EXAMPLES = 2_560

__all__ = ["TRAINERS", "initial_weights", "score", "work"]


def work(quick: bool = False) -> Work:
    """One epoch of 60,000 images; of 2,560 if quick."""
    from nnjax.data.mnist import mnist_like

    clothes = mnist_like("fashion_mnist")
    return of_images(
        *(array[: QUICK_EXAMPLES if quick else None] for array in (clothes.inputs, clothes.targets))
    )


def of_images(images: np.ndarray, labels: np.ndarray) -> Work:
    """The same for other images, uint8 [N, 28, 28], with labels [N]."""
    return Work(
        name="W4",
        title="Fashion-MNIST, conv 3x3x32, pool, conv 3x3x64, pool, dense 128, dense 10",
        details=f"{len(images):,} images, ReLU, Adam, batch 128, one epoch",
        inputs=images,
        targets=labels,
        scale=1 / 255,
        net=NET,
        loss="cross_entropy",
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=128,
        epochs=1,
        flops=flops(NET, len(images)),
    )
