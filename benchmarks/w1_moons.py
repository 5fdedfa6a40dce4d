"""W1: two moons, 992 points, a perceptron of 2-16-16-1 neurons, SGD: nothing but the time between steps."""

from __future__ import annotations

from benchmarks.perceptrons import TRAINERS as TRAINERS
from benchmarks.perceptrons import flops, initial_weights, score
from benchmarks.work import Work

SIZES = (2, 16, 16, 1)
EXAMPLES = 992

__all__ = ["TRAINERS", "initial_weights", "score", "work"]


def work(quick: bool = False) -> Work:
    """100 epochs of 31 steps; 10 epochs if quick."""
    from nnjax.data.generated import moons

    points, epochs = moons(EXAMPLES, noise=0.1, seed=0), 10 if quick else 100
    return Work(
        name="W1",
        title="two moons, MLP 2-16-16-1",
        details=f"{EXAMPLES} points, tanh, SGD, batch 32, {epochs} epochs",
        inputs=points.inputs,
        targets=points.targets,
        scale=1.0,
        net={"sizes": SIZES, "activation": "tanh"},
        loss="binary_cross_entropy",
        optimizer="sgd",
        learning_rate=0.1,
        batch_size=32,
        epochs=epochs,
        flops=flops(SIZES, EXAMPLES * epochs),
    )
