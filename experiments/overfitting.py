"""Overfitting: a net too big for few examples learns them by heart, and more examples close the gap.

Run:     nnjax run experiments/overfitting.py
Expect:  on 100 digits a training accuracy of 1.00 and a test accuracy of about 0.905, a gap of 8.7 to
         10.2 points (95% interval, 16 seeds); the validation loss rises from about epoch 20 on; the gap
         shrinks from 21 points with 25 examples to 2 with 800; 100 wrong labels are learned by heart;
         half a minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated

import jax
import numpy as np
import optax

from nnjax import Splits, Task, accuracy, cross_entropy, load, mlp, per_example, rescale
from nnjax.data.splits import split
from nnjax.data.wrong_labels import wrong_labels
from nnjax.runner.plots.regularisation import Bands, bands_figure
from nnjax.runner.settings import Count, Positive, Range
from nnjax.runner.shown import Picture, Shown
from nnjax.training.few_examples import fit_few
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.statistics import Interval, mean_interval, paired_difference
from nnjax.types import Hyper


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        examples: Training examples of each net whose curves are drawn.
        sizes: Numbers of examples at which the gap is measured.
        hidden: Neurons of the hidden layer.
        steps: Steps of every training, whatever the number of examples.
        batch_size: Examples a step.
        learning_rate: Adam's step size.
        seeds: Trainings of each kind; each draws its own examples.
    """

    examples: Count = 100
    sizes: tuple[Count, ...] = (25, 50, 100, 200, 400, 800)
    hidden: Count = 128
    steps: Count = 1000
    batch_size: Count = 25
    learning_rate: Positive = 1e-2
    seeds: Annotated[int, Range(2)] = 16


def recipe(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of ten logits, with nothing that holds the net back."""
    return Task(
        net=rescale(mlp((64, config.hidden, 10)), scale=1 / 16),
        loss=per_example(cross_entropy),
        optimizer=optax.adam(config.learning_rate),
        metrics={"accuracy": per_example(accuracy)},
    )


def learn(config: Config, splits: Splits, examples: int) -> FittedPopulation:
    """Nets that each learn `examples` digits of their own, to the last step."""
    return fit_few(
        lambda hyper: recipe(config, hyper),
        splits,
        examples,
        seeds=config.seeds,
        epochs=max(1, config.steps * config.batch_size // examples),
        batch_size=config.batch_size,
        keep_last=True,
    )


def gap_row(examples: int, trained: FittedPopulation, splits: Splits) -> tuple[dict, np.ndarray, np.ndarray]:
    """A row of the table of gaps, and the accuracies behind it: of training and of test, [P] each."""
    training = trained.results.history["train_accuracy"][:, -1].astype(float)
    test = trained.evaluate(splits.test)["accuracy"].astype(float)
    gap = paired_difference(training, test)
    means = {"examples": examples, "training": training.mean(), "test": test.mean()}
    return means | {"gap": gap.mean, "low": gap.low, "high": gap.high}, training, test


def rise(valid_loss: np.ndarray) -> Interval:
    """How far the loss [P, S] is at the end above where the other seeds, on average, have their minimum.

    Each seed's own minimum would not do: no curve ends below it, whatever the net has learned.
    """
    minimum = (valid_loss.sum(axis=0) - valid_loss).argmin(axis=1)
    return paired_difference(valid_loss[:, -1], valid_loss[np.arange(len(valid_loss)), minimum])


def curves(trained: FittedPopulation, top: float):
    """Loss and accuracy of both parts over the epochs."""
    history = trained.results.history
    epochs = np.arange(1, trained.plan.segments + 1)
    best = int(history["valid_loss"].mean(axis=0).argmin()) + 1
    rules = {f"lowest: epoch {best}": best} if best > 1 else {}

    def panel(name, **options):
        parts = {"training": history[f"train_{name}"], "validation": history[f"valid_{name}"]}
        return Bands(name, "epoch", epochs, parts, **options)

    return bands_figure([panel("loss", percent=False, rules=rules, limits=(0, top)), panel("accuracy")])


def show(config: Config) -> Shown:
    """Curves of one size, the gap over all sizes, and labels that can only be learned by heart."""
    splits = split(load("digits"), valid=300, test=697)
    few = learn(config, splits, config.examples)
    valid_loss = few.results.history["valid_loss"].astype(float)
    unjudged = splits._replace(valid=None)
    by_size = {size: gap_row(size, learn(config, unjudged, size), splits) for size in config.sizes}
    training, test = (np.stack([row[i] for row in by_size.values()], axis=1) for i in (1, 2))
    all_wrong = learn(config, splits._replace(train=wrong_labels(splits.train, 1.0)), config.examples)
    panels = [
        Bands("accuracy", "training examples", config.sizes, {"training": training, "test": test}, "x"),
        Bands("the gap", "training examples", config.sizes, {"gap": training - test}, "x"),
    ]
    by_heart = gap_row(config.examples, all_wrong, splits)[0]
    numbers = {
        "weights_and_biases": sum(leaf[0].size for leaf in jax.tree.leaves(few.results.params)),
        "gap_in_accuracy": [row[0] for row in by_size.values()],
        "gap_closed": str(paired_difference((training - test)[:, 0], (training - test)[:, -1])),
        "best_epoch": str(mean_interval(valid_loss.argmin(axis=1) + 1)),
        "rise_of_the_validation_loss": str(rise(valid_loss)),
        "all_labels_wrong": [by_heart],
    }
    pictures = {
        "curves": Picture(curves(few, 1.0), CURVES.format(few=config.examples, seeds=config.seeds)),
        "examples": Picture(bands_figure(panels), EXAMPLES),
        "by_heart": Picture(curves(all_wrong, 12.0), BY_HEART),
    }
    return Shown(pictures, numbers)


CURVES = (
    "A net learns {few} digits: means of {seeds} seeds, each with examples of its own, and their 95% "
    "intervals. It soon knows its examples perfectly, and the loss on them goes on falling. On digits that "
    "it has not seen the loss turns, and rises: the net grows surer of its mistakes."
)
EXAMPLES = "The same net with more examples. Left: both accuracies. Right: the gap between them."
BY_HEART = (
    "The same net with every training label wrong. It learns them too, by heart, since there is nothing "
    "else to learn: a perfect score on the training part says nothing."
)
