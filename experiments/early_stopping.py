"""Early stopping: every training stops by itself where its validation loss turns, and goes back to its best.

Run:     nnjax run experiments/early_stopping.py
Expect:  with a fifth of the labels wrong, four fifths of the epochs saved, and 9 to 11 points of test
         accuracy gained over the same trainings carried to the end; with right labels a third saved and
         nothing gained; a quarter of a minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, NamedTuple

import numpy as np
import optax

from nnjax import Splits, Task, accuracy, cross_entropy, load, mlp, per_example, rescale
from nnjax.data.splits import split
from nnjax.data.wrong_labels import noisy_splits
from nnjax.runner.plots.gains import gains_figure
from nnjax.runner.plots.regularisation import Bands, Stops, bands_figure, stops_figure
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
        examples: Training examples of each net.
        wrong: Share of the training and validation labels that is wrong, in the second half of the chapter.
        hidden: Neurons of the hidden layer.
        epochs: How long a training is that nothing stops.
        patience: Epochs without a lower validation loss before a training stops.
        batch_size: Examples a step.
        learning_rate: Adam's step size.
        seeds: Trainings of each kind; each draws its own examples.
    """

    examples: Count = 200
    wrong: Annotated[float, Range(0, 1, low_open=True)] = 0.2
    hidden: Count = 128
    epochs: Count = 200
    patience: Count = 10
    batch_size: Count = 20
    learning_rate: Positive = 1e-3
    seeds: Annotated[int, Range(2)] = 16


def recipe(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of ten logits."""
    return Task(
        net=rescale(mlp((64, config.hidden, 10)), scale=1 / 16),
        loss=per_example(cross_entropy),
        optimizer=optax.adam(config.learning_rate),
        metrics={"accuracy": per_example(accuracy)},
    )


class Study(NamedTuple):
    """The same trainings twice: stopped, and carried to the end.

    Attributes:
        stopped: Those that stop; they keep their best parameters.
        whole: Those that do not; they keep their last.
        gain: Test accuracy of the stopped minus that of the whole, one a seed.
        loss_saved: Test loss of the whole minus that of the stopped.
    """

    stopped: FittedPopulation
    whole: FittedPopulation
    gain: np.ndarray
    loss_saved: np.ndarray


def study(config: Config, splits: Splits) -> Study:
    """Trains both, from the same seeds on the same examples, and scores them on the test part."""
    same = {"seeds": config.seeds, "epochs": config.epochs, "batch_size": config.batch_size}
    train = lambda **how: fit_few(lambda hyper: recipe(config, hyper), splits, config.examples, **same, **how)
    stopped, whole = train(patience=config.patience), train(keep_last=True)
    after, before = stopped.evaluate(splits.test), whole.evaluate(splits.test)
    gain = after["accuracy"].astype(float) - before["accuracy"]
    return Study(stopped, whole, gain, before["loss"].astype(float) - after["loss"])


def epochs_of(trained: FittedPopulation) -> Stops:
    """The epoch that each member kept, and the one after which it stopped."""
    results, steps = trained.results, trained.plan.segment_steps
    return Stops(results.best_step // steps, results.step // steps)


def row(labels: str, interval: Interval, **more: float) -> dict:
    """One row of a table."""
    return {"labels": labels, **more, **interval._asdict()}


def epochs_row(config: Config, labels: str, trained: FittedPopulation) -> dict:
    """How long the members trained, and which part of the work of whole trainings the devices did."""
    stops = mean_interval(epochs_of(trained).trained)
    computed = int(trained.results.computed) / (config.seeds * config.epochs)
    return row(labels, stops, saved=1 - stops.mean / config.epochs, computed=computed)


def show(config: Config) -> Shown:
    """Right labels and wrong ones: the curves, when each training stopped, and what that gained."""
    right = split(load("digits"), valid=300, test=697)
    noisy = noisy_splits(right, config.wrong)
    wrong = f"{config.wrong:.0%} wrong labels"
    studies = {"right labels": study(config, right), wrong: study(config, noisy)}
    epochs = np.arange(1, config.epochs + 1)
    panels = [
        Bands(
            f"validation {name}",
            "epoch",
            epochs,
            {labels: each.whole.results.history[f"valid_{name}"] for labels, each in studies.items()},
            percent=name == "accuracy",
        )
        for name in ("loss", "accuracy")
    ]
    stops = {labels: epochs_of(each.stopped) for labels, each in studies.items()}
    gains = {labels: each.gain for labels, each in studies.items()}
    named = studies.items()
    numbers = {
        "epochs_trained": [epochs_row(config, labels, each.stopped) for labels, each in named],
        "gain_in_test_accuracy": [row(labels, mean_interval(each.gain)) for labels, each in named],
        "fall_of_the_test_loss": [row(labels, mean_interval(each.loss_saved)) for labels, each in named],
        "gained_more_with_wrong_labels": str(paired_difference(gains[wrong], gains["right labels"])),
    }
    pictures = {
        "curves": Picture(bands_figure(panels), CURVES.format(seeds=config.seeds)),
        "stops": Picture(stops_figure(stops, config.epochs), STOPS.format(patience=config.patience)),
        "gains": Picture(gains_figure(gains, "test accuracy, stopped minus carried to the end"), GAINS),
    }
    return Shown(pictures, numbers)


CURVES = (
    "Validation over the epochs, means of {seeds} seeds with their 95% intervals. With wrong labels there "
    "is a best moment, and after it the net learns the mistakes by heart. With right ones there is hardly "
    "any."
)
STOPS = (
    "Each line is one training: it stopped at its end, {patience} epochs after the one it went back to (the "
    "dot). Each decides for itself, inside one compiled program."
)
GAINS = "Each dot is a seed: the training that stopped, against the same training carried to the end."
