"""Articles of clothing: a multilayer perceptron on the 60,000 images of Fashion-MNIST.

Run:     nnjax run experiments/fashion_mlp.py
Expect:  a test accuracy of at least 0.885 (published for such a net: .883) on the official 10,000 test
         images, within 15 epochs; a validation part of 5,000 is drawn from the training images (seed 0).

Source: Xiao, Rasul and Vollgraf 2017, https://arxiv.org/abs/1708.07747
"""

from __future__ import annotations

import dataclasses

import optax

from nnjax import (
    Plan,
    Splits,
    Task,
    accuracy,
    cross_entropy,
    l2_penalty,
    load_splits,
    mlp,
    per_example,
    relu,
    rescale,
)
from nnjax.runner.settings import Count, DropRate, PositiveRate, Rate, Seed
from nnjax.training.engine import steps_per_epoch
from nnjax.types import Hyper


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        hidden: Neurons of each hidden layer.
        epochs: Passes over the training part.
        batch_size: Examples a step.
        learning_rate: Adam's step size.
        l2: Strength of the penalty on squared weights.
        dropout: Probability to drop a hidden activation.
        seed: Decides the initial weights, the order of the data and the dropout, not the split.
    """

    hidden: tuple[Count, ...] = (512, 256)
    epochs: Count = 15
    batch_size: Count = 128
    learning_rate: PositiveRate = 1e-3
    l2: Rate = 0.0
    dropout: DropRate = 0.1
    seed: Seed = 0


def data(config: Config) -> Splits:
    """55,000 train, 5,000 validate, the official 10,000 test; the images stay bytes."""
    return load_splits("fashion_mnist", valid=5000, seed=0)


def task(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of ten logits; bytes become 0 to 1 inside the net."""
    net = mlp((784, *config.hidden, 10), relu, dropout=hyper["dropout"])
    return Task(
        net=rescale(net, scale=1 / 255),
        loss=per_example(cross_entropy),
        optimizer=optax.adam(hyper["learning_rate"]),
        penalty=lambda params: l2_penalty(params, hyper["l2"]),
        metrics={"accuracy": per_example(accuracy)},
    )


def plan(config: Config, splits: Splits) -> Plan:
    """One evaluation an epoch; the parameters that validate best are kept."""
    return Plan(
        segments=config.epochs,
        segment_steps=steps_per_epoch(len(splits.train), config.batch_size),
        batch_size=config.batch_size,
    )
