"""Classifiers in the plane: decision regions and every hidden neuron's answer, on five sets.

Run:     nnjax run experiments/decision_regions.py
Expect:  a test accuracy of about 0.99 on the moons, 1.0 on circles and xor cloud, 0.98 on the spiral, which
         takes two layers, and 0.95 on iris by its petals alone; within half a minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

from nnjax import Dataset, Splits, fit, load, mlp, softmax, tanh
from nnjax.data.scaling import standardise
from nnjax.data.splits import split
from nnjax.models.mlp import mlp_features
from nnjax.runner import plots
from nnjax.runner.settings import Count, Fraction, Positive, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted

SETS = {
    "moons": "The two moons. Each hidden neuron draws one soft line; the border is a sum of them.",
    "circles": "A disc in a ring: the lines close in on the disc from all sides.",
    "xor_cloud": "Exclusive or as a cloud: no single line does better than chance.",
    "spiral": "Two arms of a spiral. The first layer has lines only; the second bends them.",
    "iris": "Three species of iris by length and width of their petals: an output a class.",
}
PETALS = ("petal length, cm", "petal width, cm")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        hidden: Sizes of the hidden layers.
        spiral_hidden: Those for the spiral.
        samples: Examples of each set that is made.
        noise: How far the moons' points are moved; the other sets are clean.
        epochs: Passes over the training part; twice as many for the spiral.
        learning_rate: Adam's step size at the start; it falls to 0 along a cosine.
        spiral_learning_rate: That for the spiral.
        seed: Of the initial weights and the order, not of the sets and their parts.
    """

    hidden: tuple[Count, ...] = (8,)
    spiral_hidden: tuple[Count, ...] = (16, 16)
    samples: Count = 500
    noise: Fraction = 0.2
    epochs: Count = 150
    learning_rate: Positive = 0.05
    spiral_learning_rate: Positive = 0.02
    seed: Seed = 0


def examples(config: Config, name: str) -> Splits:
    """50% train, 20% validate, 30% test, as they lie; of iris the petals only."""
    if name == "iris":
        flowers = load("iris")
        flowers = Dataset(flowers.inputs[:, 2:], flowers.targets, "iris", flowers.classes)
        return split(flowers, valid=0.2, test=0.3, seed=0)
    noise = config.noise if name == "moons" else 0.0
    return split(load(name, samples=config.samples, noise=noise), valid=0.2, test=0.3, seed=0)


def train(config: Config, name: str) -> Fitted:
    """A multilayer perceptron on the standardised inputs."""
    splits = standardise(examples(config, name))
    hidden, epochs, rate = config.hidden, config.epochs, config.learning_rate
    if name == "spiral":
        hidden, epochs, rate = config.spiral_hidden, 2 * config.epochs, config.spiral_learning_rate
    falling = optax.cosine_decay_schedule(rate, epochs * steps_per_epoch(len(splits.train), 32))
    net = mlp((2, *hidden, len(splits.train.classes)), tanh)
    return fit(net, splits, optimizer=optax.adam(falling), epochs=epochs, seed=config.seed, progress=False)


def show(config: Config) -> Shown:
    """A net for each set, its regions and its hidden neurons."""
    pictures, table = {}, []
    for name, caption in SETS.items():
        splits, fitted = examples(config, name), train(config, name)
        figure, row = look_inside(name, splits, fitted)
        pictures[name] = Picture(figure, caption)
        table.append(row)
    return Shown(pictures, {"sets": table})


def look_inside(name: str, splits: Splits, fitted: Fitted) -> tuple[Any, dict[str, Any]]:
    """The figure of one net, and how well it does."""
    scaler = standardise(splits).scaler

    def probabilities(points: np.ndarray) -> np.ndarray:
        return np.asarray(softmax(jnp.asarray(fitted.predict(scaler(points)))))

    def respond(points: np.ndarray) -> list[Any]:
        features = mlp_features(fitted.params, jnp.asarray(scaler(points)), tanh)
        return [layer["activation"] for layer in features.values()][:-1]

    test, classes = splits.test, splits.test.classes
    names = PETALS if name == "iris" else ("x₁", "x₂")
    figure = plots.responses_figure(probabilities, respond, test.inputs, test.targets, classes, names)
    scores = fitted.evaluate(standardise(splits).test)
    layers = [len(layer["bias"]) for layer in fitted.params.values()]
    row = {"set": name, "hidden": " + ".join(map(str, layers[:-1])), "classes": layers[-1]}
    return figure, row | {"test accuracy": scores["accuracy"], "test loss": scores["loss"]}
