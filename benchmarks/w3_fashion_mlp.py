"""W3: Fashion-MNIST, a perceptron of 784-512-256-10 neurons, Adam: matrix products."""

from __future__ import annotations

import numpy as np

from benchmarks.perceptrons import TRAINERS as TRAINERS
from benchmarks.perceptrons import flops, initial_weights, score
from benchmarks.work import Work

SIZES = (784, 512, 256, 10)
QUICK_EXAMPLES = 6_000

__all__ = ["TRAINERS", "initial_weights", "score", "work"]


def work(quick: bool = False) -> Work:
    """One epoch of 60,000 images; of 6,000 if quick."""
    from nnjax.data.mnist import mnist_like

    clothes = mnist_like("fashion_mnist")
    return of_images(
        *(array[: QUICK_EXAMPLES if quick else None] for array in (clothes.inputs, clothes.targets))
    )


def of_images(images: np.ndarray, labels: np.ndarray) -> Work:
    """The same for other images, uint8 [N, 28, 28], with labels [N]."""
    return Work(
        name="W3",
        title="Fashion-MNIST, MLP 784-512-256-10",
        details=f"{len(images):,} images, ReLU, Adam, batch 128, one epoch",
        inputs=images.reshape(len(images), -1),
        targets=labels,
        scale=1 / 255,
        net={"sizes": SIZES, "activation": "relu"},
        loss="cross_entropy",
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=128,
        epochs=1,
        flops=flops(SIZES, len(images)),
    )
