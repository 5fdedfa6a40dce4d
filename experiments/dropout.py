"""Dropout: neurons that may be missing cannot learn single examples by heart.

Run:     nnjax run experiments/dropout.py
Expect:  with a fifth of 200 labels wrong, the rate that validates best gains 10 to 12 points of test
         accuracy over none, and the share of wrong labels that are learned by heart falls from 99% to
         12%; with right labels the gain is 0.2 to 0.6 points; a quarter of a minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, NamedTuple

import jax
import numpy as np
import optax

from nnjax import Dataset, Splits, Task, accuracy, cross_entropy, grid, load, mlp, per_example, rescale
from nnjax.data.splits import split
from nnjax.data.wrong_labels import noisy_splits
from nnjax.runner.plots.gains import gains_figure
from nnjax.runner.plots.regularisation import Bands, bands_figure
from nnjax.runner.settings import Count, Positive, Range
from nnjax.runner.shown import Picture, Shown
from nnjax.training.few_examples import by_setting, drawn_rows, fit_few
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.statistics import mean_interval
from nnjax.types import Hyper

DropRate = Annotated[float, Range(0, 1, high_open=True)]  # one of several, so not itself swept
Share = Annotated[float, Range(0, 1, low_open=True)]


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        examples: Training examples of each net.
        wrong: Share of the training and validation labels that is wrong, in the second half of the chapter.
        rates: Probabilities to drop a hidden neuron, beside 0.
        hidden: Neurons of the hidden layer.
        epochs: Passes over the examples.
        batch_size: Examples a step.
        learning_rate: Adam's step size.
        seeds: Trainings of each rate; each draws its own examples, the same for every rate.
    """

    examples: Count = 200
    wrong: Share = 0.2
    rates: tuple[DropRate, ...] = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
    hidden: Count = 128
    epochs: Count = 80
    batch_size: Count = 20
    learning_rate: Positive = 3e-3
    seeds: Annotated[int, Range(2)] = 16


def recipe(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of ten logits; the rate is traced, so that one program trains them all."""
    return Task(
        net=rescale(mlp((64, config.hidden, 10), dropout=hyper["rate"]), scale=1 / 16),
        loss=per_example(cross_entropy),
        optimizer=optax.adam(config.learning_rate),
        metrics={"accuracy": per_example(accuracy)},
    )


class Study(NamedTuple):
    """All rates on one kind of labels.

    Attributes:
        valid: Validation accuracy [P, R], seeds by rates.
        best: The rate that validates best on average, by its place.
        gain: Test accuracy at that rate minus that at rate 0, one a seed.
        fall: Test loss at rate 0 minus that at that rate.
        by_heart: Share of the wrong training labels that the net answers, [P, R]; None without wrong ones.
    """

    valid: np.ndarray
    best: int
    gain: np.ndarray
    fall: np.ndarray
    by_heart: np.ndarray | None


def study(config: Config, splits: Splits, right: Dataset) -> Study:
    """Trains every rate to the end, chooses one on the validation part, and scores it on the test part."""
    trained = fit_few(
        lambda hyper: recipe(config, hyper),
        splits._replace(valid=None),
        config.examples,
        settings=grid(rate=(0.0, *config.rates)),
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=config.batch_size,
    )
    valid = by_setting(trained.evaluate(splits.valid)["accuracy"], trained).T
    best = int(valid.mean(axis=0).argmax())
    test = {name: by_setting(of, trained).astype(float) for name, of in trained.evaluate(splits.test).items()}
    gain, fall = test["accuracy"][best] - test["accuracy"][0], test["loss"][0] - test["loss"][best]
    return Study(valid, best, gain, fall, by_heart(config, trained, splits.train, right))


def by_heart(config: Config, trained: FittedPopulation, train: Dataset, right: Dataset) -> np.ndarray | None:
    """The share of its own wrong labels that each net answers, [P, R]; without dropout, as it is used."""
    is_wrong = train.targets != right.targets
    if not is_wrong.any():
        return None
    net = trained.recipe({"rate": 0.0}).net
    answers = jax.jit(jax.vmap(lambda params: net.apply(params, train.inputs).argmax(axis=1)))
    repeated = by_setting(np.asarray(answers(trained.results.params)) == train.targets, trained)
    own = drawn_rows(train, config.examples, config.seeds)
    return np.array([repeated[:, i, rows[is_wrong[rows]]].mean(axis=1) for i, rows in enumerate(own)])


def row(labels: str, values: np.ndarray, **more: float) -> dict:
    """One row of a table."""
    return {"labels": labels, **more, **mean_interval(values)._asdict()}


def show(config: Config) -> Shown:
    """Validation by rate, what the chosen rate gains, and how much is still learned by heart."""
    right = split(load("digits"), valid=300, test=697)
    noisy = noisy_splits(right, config.wrong)
    wrong = f"{config.wrong:.0%} wrong labels"
    parts = {"right labels": right, wrong: noisy}
    studies = {labels: study(config, splits, right.train) for labels, splits in parts.items()}
    rates = [f"{rate:g}" for rate in (0.0, *config.rates)]
    chosen = {labels: each.best for labels, each in studies.items()}
    heart = studies[wrong].by_heart
    panels = [
        Bands(
            "validation accuracy", "dropout rate", rates, {k: s.valid for k, s in studies.items()}, "", chosen
        ),
        Bands("learned by heart", "dropout rate", rates, {wrong: heart}, "", {wrong: chosen[wrong]}, first=1),
    ]
    names = {labels: f"{labels}, rate {rates[best]}" for labels, best in chosen.items()}
    gains = {names[labels]: each.gain for labels, each in studies.items()}
    named = [(labels, each, float(rates[each.best])) for labels, each in studies.items()]
    numbers = {
        "gain_in_test_accuracy": [row(labels, each.gain, rate=rate) for labels, each, rate in named],
        "fall_of_the_test_loss": [row(labels, each.fall, rate=rate) for labels, each, rate in named],
        "wrong_labels_learned_by_heart": [
            {"rate": float(rate)} | row(wrong, heart[:, i]) for i, rate in enumerate(rates)
        ],
    }
    pictures = {
        "rates": Picture(bands_figure(panels), RATES.format(seeds=config.seeds)),
        "gains": Picture(gains_figure(gains, "test accuracy with dropout minus without"), GAINS),
    }
    return Shown(pictures, numbers)


RATES = (
    "Left: validation accuracy by rate, means of {seeds} seeds with their 95% intervals; the ring marks the "
    "rate that is chosen. Where labels are wrong no net can reach 100%. Right: which share of the wrong "
    "training labels the net repeats; a net that has learned the rule repeats few, one that learned by "
    "heart all."
)
GAINS = "What the chosen rate gains on the test part, whose labels are right. Each dot is a seed."
