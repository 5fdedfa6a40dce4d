"""L1 and L2: one drives weights to zero, the other shrinks them all; and what decoupled weight decay changes.

Run:     nnjax run experiments/l1_l2.py
Expect:  with a fifth of the labels wrong, L1 by soft thresholding makes 64% of the weights exactly 0
         and gains 4 to 7 points of test accuracy, L2 gains 9 to 13; plain steps on the L1 penalty make
         none exactly 0; with right labels nothing is gained; under SGD an L2 penalty is weight decay,
         under Adam it is not; half a minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, NamedTuple

import numpy as np
import optax

from nnjax import (
    Splits,
    Task,
    accuracy,
    cross_entropy,
    l1_penalty,
    l2_penalty,
    load,
    mlp,
    per_example,
    rescale,
)
from nnjax.data.splits import split
from nnjax.data.wrong_labels import noisy_splits
from nnjax.runner.plots.gains import gains_figure
from nnjax.runner.plots.pictures import image_grid
from nnjax.runner.plots.regularisation import Bands, bands_figure, weights_figure
from nnjax.runner.settings import Count, Positive, Range
from nnjax.runner.shown import Picture, Shown
from nnjax.training.few_examples import by_setting, fit_few
from nnjax.training.penalties import decay_mask
from nnjax.training.soft_threshold import soft_threshold
from nnjax.training.statistics import mean_interval
from nnjax.types import Hyper

L1, SOFT, L2, DECAY = "L1 penalty", "L1, soft threshold", "L2 penalty", "weight decay"
KINDS = {L1: "l1", SOFT: "soft", L2: "l2", DECAY: "decay"}  # what each is called in the recipe
SMALL = 1e-3  # a weight below this counts as nearly 0


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        examples: Training examples of each net.
        wrong: Share of the training and validation labels that is wrong, where some are.
        strengths: Of sum |w| and of sum w^2, under SGD.
        adam_strengths: Of sum w^2, under Adam.
        adam_decays: Of the decoupled weight decay, under Adam.
        hidden: Neurons of the hidden layer.
        epochs: Passes over the examples.
        batch_size: Examples a step.
        learning_rate: The step size of SGD.
        adam_learning_rate: That of Adam.
        seeds: Trainings of each setting; each draws its own examples, the same for every setting.
    """

    examples: Count = 200
    wrong: Annotated[float, Range(0, 1, low_open=True)] = 0.2
    strengths: tuple[Positive, ...] = (3e-4, 1e-3, 3e-3, 1e-2, 2e-2)
    adam_strengths: tuple[Positive, ...] = (3e-3, 1e-2, 3e-2)
    adam_decays: tuple[Positive, ...] = (0.3, 1.0, 3.0)
    hidden: Count = 64
    epochs: Count = 100
    batch_size: Count = 20
    learning_rate: Positive = 0.2
    adam_learning_rate: Positive = 3e-3
    seeds: Annotated[int, Range(2)] = 16


def recipe(config: Config, hyper: Hyper, adam: bool) -> Task:
    """Cross entropy, with all four ways to hold weights small; a strength of 0 turns one off."""
    rate = config.adam_learning_rate if adam else config.learning_rate
    return Task(
        net=rescale(mlp((64, config.hidden, 10)), scale=1 / 16),
        loss=per_example(cross_entropy),
        optimizer=optax.chain(
            optax.scale_by_adam() if adam else optax.identity(),
            optax.add_decayed_weights(hyper["decay"], mask=decay_mask),
            optax.scale(-rate),
            soft_threshold(rate * hyper["soft"]),
        ),
        penalty=lambda params: l1_penalty(params, hyper["l1"]) + l2_penalty(params, hyper["l2"]),
        metrics={"accuracy": per_example(accuracy)},
    )


class Study(NamedTuple):
    """Many settings on one kind of labels.

    Attributes:
        settings: Kind and strength of each of S settings; the first has strength 0.
        weights: Weights of each layer, [S, P, D, M].
        valid: Validation accuracy, [S, P].
        gain: Test accuracy minus that of the first setting, seed by seed, [S, P].
    """

    settings: list[tuple[str, float]]
    weights: list[np.ndarray]
    valid: np.ndarray
    gain: np.ndarray

    def where(self, kind: str) -> list[int]:
        """The places of a kind's settings; that of strength 0 comes first."""
        return [i for i, (name, strength) in enumerate(self.settings) if name == kind or strength == 0]

    def best(self, kind: str) -> int:
        """The place of the setting of a kind that validates best on average, strength 0 aside."""
        return max(self.where(kind)[1:], key=lambda i: self.valid[i].mean())

    def below(self, kind: str, size: float) -> np.ndarray:
        """The share of all weights with |w| <= size, seeds by strengths [P, 1 + K]."""
        flat = np.concatenate([layer.reshape(*layer.shape[:2], -1) for layer in self.weights], axis=2)
        return (np.abs(flat) <= size).mean(axis=2)[self.where(kind)].T


def study(config: Config, splits: Splits, kinds: dict[str, tuple[float, ...]], adam: bool = False) -> Study:
    """Trains every setting to the end, in one program."""
    settings = [("none", 0.0)] + [(kind, strength) for kind, listed in kinds.items() for strength in listed]
    trained = fit_few(
        lambda hyper: recipe(config, hyper, adam),
        splits._replace(valid=None),
        config.examples,
        settings={key: [s * (KINDS.get(kind) == key) for kind, s in settings] for key in KINDS.values()},
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=config.batch_size,
    )
    weights = [by_setting(layer["weights"], trained) for layer in trained.results.params.values()]
    valid, test = (
        by_setting(trained.evaluate(part)["accuracy"], trained).astype(float)
        for part in (splits.valid, splits.test)
    )
    return Study(settings, weights, valid, test - test[0])


def gain_row(labels: str, optimizer: str, found: Study, kind: str) -> dict:
    """What the strength of a kind that validates best gains on the test part."""
    place = found.best(kind)
    names = {"labels": labels, "optimizer": optimizer, "kind": kind, "strength": found.settings[place][1]}
    zeros = np.concatenate([layer[place].ravel() for layer in found.weights]) == 0
    return names | {"exactly_0": zeros.mean()} | mean_interval(found.gain[place])._asdict()


def size_row(found: Study, place: int, blank: np.ndarray) -> dict:
    """How large the weights are that lead from blank pixels [D] and from the others, after Adam."""
    kind, strength = found.settings[place]
    sizes = np.sqrt(np.square(found.weights[0][place]).mean(axis=(0, 2)))
    return {"kind": kind, "strength": strength, "blank": sizes[blank].mean(), "others": sizes[~blank].mean()}


def show(config: Config) -> Shown:
    """Zeros, histograms, accuracies and gains under SGD; then Adam, under which penalty and decay differ."""
    right = split(load("digits"), valid=300, test=697)
    noisy, wrong = noisy_splits(right, config.wrong), f"{config.wrong:.0%} wrong labels"
    middle = middle_of(config)
    kinds = dict.fromkeys((L1, SOFT, L2), config.strengths) | {DECAY: (2 * middle,)}
    clean, sgd = study(config, right, kinds), study(config, noisy, kinds)
    adam = study(config, noisy, {L2: config.adam_strengths, DECAY: config.adam_decays}, adam=True)
    blank = (right.train.inputs == 0).all(axis=0).ravel()
    at = {kind: sgd.settings.index((kind, middle)) for kind in (L1, SOFT, L2)} | {"none": 0}
    decayed = sgd.settings.index((DECAY, 2 * middle))
    apart = max(np.abs(layer[at[L2]] - layer[decayed]).max() for layer in sgd.weights)
    rows = [("right labels", "SGD", clean), (wrong, "SGD", sgd), (wrong, "Adam", adam)]
    gains = [
        gain_row(labels, optimizer, found, kind)
        for labels, optimizer, found in rows
        for kind in ((L2, DECAY) if found is adam else (L1, SOFT, L2))
    ]
    numbers = {
        "gain_in_test_accuracy": gains,
        "share_of_zeros": zero_rows(config, sgd),
        "sgd_l2_and_decay_apart": apart,
        "adam_l2_gains_over_decay": str(
            mean_interval(adam.gain[adam.best(L2)] - adam.gain[adam.best(DECAY)])
        ),
        "weights_of_pixels_after_adam": [size_row(adam, i, blank) for i in range(len(adam.settings))],
    }
    return Shown(pictures(config, clean, sgd, adam, at), numbers)


def middle_of(config: Config) -> float:
    """The strength at which kinds are set side by side."""
    return config.strengths[len(config.strengths) // 2]


def zero_rows(config: Config, found: Study) -> list[dict]:
    """The shares of weights that are exactly 0 and that are nearly so, by strength."""
    columns = {
        f"{KINDS[kind]}_{name}": found.below(kind, size).mean(axis=0)
        for kind in (L1, SOFT, L2)
        for name, size in (("exactly_0", 0.0), ("nearly_0", SMALL))
    }
    strengths = (0.0, *config.strengths)
    return [{"strength": s} | {k: of[i] for k, of in columns.items()} for i, s in enumerate(strengths)]


def pictures(config: Config, clean: Study, sgd: Study, adam: Study, at: dict[str, int]) -> dict[str, Picture]:
    """The five pictures."""
    flat = {
        kind: np.concatenate([layer[at[kind]].ravel() for layer in sgd.weights])
        for kind in ("none", L1, SOFT, L2)
    }
    studied = (
        ("right, SGD", clean, (SOFT, L2)),
        ("wrong, SGD", sgd, (SOFT, L2)),
        ("wrong, Adam", adam, (L2, DECAY)),
    )
    gains = {
        f"{how}, {kind}": found.gain[found.best(kind)] for how, found, kinds in studied for kind in kinds
    }
    gained = gains_figure(gains, "test accuracy with a penalty minus without")
    maps = {f"SGD, {kind}": sgd.weights[0][at[kind]] for kind in ("none", L2, SOFT)} | {
        f"Adam, {kind}": adam.weights[0][adam.best(kind)] for kind in (L2, DECAY)
    }
    images = np.stack([np.abs(of).mean(axis=(0, 2)).reshape(8, 8) for of in maps.values()])
    return {
        "zeros": Picture(bands_figure(zero_panels(config, sgd)), ZEROS),
        "weights": Picture(weights_figure(flat, SMALL, reach=1.5), WEIGHTS.format(middle=middle_of(config))),
        "scores": Picture(bands_figure(score_panels(config, clean, sgd)), SCORES),
        "gains": Picture(gained, GAINS),
        "pixels": Picture(image_grid(images, list(maps)), PIXELS),
    }


def across(config: Config) -> list[str]:
    """The strengths under SGD as they stand below a panel."""
    return [f"{strength:g}" for strength in (0.0, *config.strengths)]


def zero_panels(config: Config, found: Study) -> list[Bands]:
    """How many weights are 0, exactly and nearly, by strength."""
    sizes = {"weights that are exactly 0": 0.0, f"weights below {SMALL:g}": SMALL}
    return [
        Bands(title, "strength", across(config), {kind: found.below(kind, size) for kind in (L1, SOFT, L2)})
        for title, size in sizes.items()
    ]


def score_panels(config: Config, clean: Study, sgd: Study) -> list[Bands]:
    """Validation accuracy by strength, with the strengths that are chosen."""

    def panel(labels: str, found: Study) -> Bands:
        groups = {kind: found.valid[found.where(kind)].T for kind in (SOFT, L2)}
        chosen = {kind: found.where(kind).index(found.best(kind)) for kind in (SOFT, L2)}
        title = f"validation accuracy, {labels}"
        return Bands(title, "strength", across(config), groups, chosen=chosen, first=1)

    return [panel("right labels", clean), panel(f"{config.wrong:.0%} wrong", sgd)]


ZEROS = (
    "Plain steps on an L1 penalty jump over 0, so no weight is ever exactly 0; at large strengths they jump "
    "so far that few are even near it. Soft thresholding lowers the same cost, and stops at 0."
)
WEIGHTS = (
    "All weights of all seeds, at the strength {middle:g}; the axis is logarithmic. L2 draws them all "
    "together; L1 takes most of them to 0 and leaves some large."
)
SCORES = "Means of the seeds with their 95% intervals. The rings mark the strengths that validate best."
GAINS = "What those strengths gain on the test part, whose labels are right. Each dot is a seed."
PIXELS = (
    "The mean size of the weights that lead from each pixel; dark is large. Pixels at the left and right "
    "edge are blank in nearly every digit: their weights stay as they were drawn unless a penalty takes "
    "them away."
)
