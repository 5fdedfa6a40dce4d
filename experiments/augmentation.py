"""Data augmentation: a hundred digits that are never twice the same, and what each change gains.

Run:     nnjax run experiments/augmentation.py
         nnjax run augmentation --seeds 16 --sweep rotation=0:40:9   one strength, on one draw of digits
Expect:  small shifts, turns, sizes and slants, hardly worth a thing each, together gain 2.5 points of test
         accuracy over 16 draws of 100 digits (95% interval 1.5 to 3.5); mirrored digits, which are other
         digits or none, lose 2.6; twice the strength loses 6; within half a minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated

import jax
import numpy as np
import optax

from nnjax import (
    Augmentation,
    Dataset,
    Plan,
    Splits,
    Task,
    accuracy,
    augment,
    augmented,
    cross_entropy,
    load_splits,
    mlp,
    per_example,
    relu,
    rescale,
)
from nnjax.runner import plots
from nnjax.runner.plots.regularisation import Bands, bands_figure
from nnjax.runner.settings import Count, Positive, Range, Rate, Seed, Swept
from nnjax.runner.shown import Picture, Shown
from nnjax.training.few_examples import by_setting, drawn_rows, fit_few
from nnjax.training.fit import plan_for
from nnjax.training.statistics import mean_interval, paired_difference
from nnjax.types import Hyper

TOGETHER = ("translation", "rotation", "scaling", "shear")  # what leaves a digit the digit it is
OTHERS = {"brightness": 0.3, "cutout": 2.0, "horizontal_flip": 0.5}  # strengths of what is tried alone
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # of the strengths of Config
Chance = Annotated[float, Range(0, 1), Swept()]


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        examples: Training digits of each net.
        seeds: How many nets a setting; every seed draws digits of its own.
        epochs: Passes over them.
        hidden: Neurons of the hidden layer.
        batch_size: Examples a step.
        learning_rate: Adam's step size.
        translation: Pixels, at most.
        rotation: Degrees, at most.
        scaling: The factor of size lies between 1 / (1 + s) and 1 + s.
        shear: Degrees, at most.
        brightness: The factor of all values is at most this far from 1.
        cutout: Pixels, the side of the covered square.
        horizontal_flip: The probability to swap left and right.
        seed: Decides the draw of digits and the first weights, where a single net is trained.
    """

    examples: Count = 100
    seeds: Annotated[int, Range(2)] = 16
    epochs: Count = 250
    hidden: Count = 128
    batch_size: Count = 25
    learning_rate: Positive = 3e-3
    translation: Rate = 0.75
    rotation: Rate = 12.0
    scaling: Rate = 0.12
    shear: Rate = 12.0
    brightness: Chance = 0.0
    cutout: Rate = 0.0
    horizontal_flip: Chance = 0.0
    seed: Seed = 0


def halves() -> Splits:
    """One half of the digits to draw training sets from, the other half to test on."""
    return load_splits("digits", valid=0, test=0.5, seed=1)


def data(config: Config) -> Splits:
    """One draw of the training digits."""
    splits = halves()
    rows = drawn_rows(splits.train, config.examples, draws=1, seed=config.seed)[0]
    return splits._replace(train=splits.train.take(rows))


def task(config: Config, hyper: Hyper) -> Task:
    """One hidden layer behind an augmentation, whose strengths a population may vary."""
    net = rescale(mlp((64, config.hidden, 10), relu), scale=1 / 16)
    return Task(
        net=augmented(net, Augmentation(**{name: hyper[name] for name in (*TOGETHER, *OTHERS)})),
        loss=per_example(cross_entropy),
        optimizer=optax.adam(config.learning_rate),
        metrics={"accuracy": per_example(accuracy)},
    )


def plan(config: Config, splits: Splits) -> Plan:
    """An evaluation an epoch; the last parameters are kept, since there is no validation part."""
    return plan_for(splits, config.epochs, config.batch_size)


def settings_of(config: Config) -> dict[str, dict[str, float]]:
    """What each setting is called -> its strengths: each change alone, then four at once, ever stronger."""
    four = {name: getattr(config, name) for name in TOGETHER}
    alone = {name.replace("_", " "): {name: strength} for name, strength in (four | OTHERS).items()}
    together = {f"{factor:g} x": {name: factor * four[name] for name in TOGETHER} for factor in FACTORS}
    return alone | together


def photograph(side: int = 64) -> np.ndarray:
    """A square of a photograph that scikit-learn brings, uint8 [side, side, 3]."""
    from PIL import Image
    from sklearn.datasets import load_sample_image

    return np.asarray(Image.fromarray(load_sample_image("china.jpg")[30:330, 150:450]).resize((side, side)))


def versions(dataset: Dataset, config: Config, count: int = 4) -> np.ndarray:
    """A digit of each class, as it is and then as a net sees it at `count` steps, [10 (1 + count), 8, 8]."""
    digits = dataset.inputs[[int(np.flatnonzero(dataset.targets == label)[0]) for label in range(10)]]
    strengths = Augmentation(**{name: getattr(config, name) for name in TOGETHER})
    keys = jax.random.split(jax.random.key(0), count)
    seen = jax.jit(jax.vmap(lambda key: augment(key, digits, strengths)))(keys)
    return np.concatenate([digits[None], seen]).reshape(-1, *digits.shape[1:])


def scores(config: Config, splits: Splits) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Accuracy of every setting's nets, [P] for each name: on the test digits, and in their last epoch."""
    settings = settings_of(config)
    swept = {name: [one.get(name, 0.0) for one in settings.values()] for name in (*TOGETHER, *OTHERS)}
    fitted = fit_few(
        lambda hyper: task(config, hyper),
        splits,
        config.examples,
        settings=swept,
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=config.batch_size,
    )
    test = by_setting(fitted.evaluate(splits.test)["accuracy"], fitted)
    train = by_setting(fitted.results.history["train_accuracy"][:, -1], fitted)
    return dict(zip(settings, test, strict=True)), dict(zip(settings, train, strict=True))


def show(config: Config) -> Shown:
    """The transformations, what a net sees of a digit, and what each gains on digits it has not seen."""
    splits = halves()
    test, train = scores(config, splits)
    plain = test["0 x"]
    gains = {name: test[name] - plain for name in test if not name.endswith("x")}
    gains["the first four at once"] = test["1 x"] - plain
    parts = {"test": test, "training, augmented": train}
    curves = {
        name: np.stack([values[f"{factor:g} x"] for factor in FACTORS], axis=1)
        for name, values in parts.items()
    }
    pictures = {
        "sheet": Picture(plots.augmentation_sheet([splits.train.inputs[0], photograph()], [0, 128]), SHEET),
        "versions": Picture(plots.image_grid(versions(splits.train, config), columns=10), VERSIONS),
        "gains": Picture(plots.gains_figure(gains, "gain in test accuracy"), GAINS),
        "strength": Picture(bands_figure([Bands("accuracy", "strength", FACTORS, curves)], 6.0), STRENGTH),
    }
    rows = [
        {
            "setting": name,
            "train_accuracy": float(train[name].mean()),
            "test_accuracy": str(mean_interval(test[name])),
            "gain": str(paired_difference(test[name], plain)),
        }
        for name in test
    ]
    return Shown(pictures, {"nets": len(test) * config.seeds, "settings": rows})


SHEET = (
    "Every transformation of nnjax.layers.augmentation, on a digit of 8 by 8 pixels and on a photograph. "
    "Flips and crops move whole pixels and change none; the others sample between pixels."
)
VERSIONS = "Ten digits (top row), and what a net sees of them at four steps: never twice the same image."
GAINS = (
    "Test accuracy with each change, minus that of the same net, on the same digits, without. A dot is one "
    "seed, which draws its own training digits and first weights."
)
STRENGTH = (
    "The four that keep a digit the digit it is, ever stronger. The training digits become hard to learn by "
    "heart; too strong, they no longer look like those of the test."
)
