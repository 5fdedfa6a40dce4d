"""LeNet-5: the network that read the digits on cheques, on handwritten digits of today.

Run:     nnjax run experiments/lenet.py
         nnjax run lenet --data mnist --path FOLDER --examples 5000     your own IDX files
Expect:  an accuracy of at least 0.985 on scikit-learn's digits, as the mean of the five folds of a
         cross-validation, which are trained as one program; a minute or two on two cores.

Source: LeCun, Bottou, Bengio and Haffner 1998, https://doi.org/10.1109/5.726791
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import (
    Augmentation,
    Dataset,
    Net,
    Task,
    accuracy,
    augmented,
    cross_entropy,
    fit_population,
    lenet5,
    load,
    per_example,
    rescale,
)
from nnjax.data.splits import k_folds
from nnjax.errors import DataError
from nnjax.models.lenet import SIDE
from nnjax.runner import plots
from nnjax.runner.settings import Count, Natural, Positive, Range, Rate, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.cost import cost_table
from nnjax.training.fit_population import FittedPopulation
from nnjax.training.schedules import cosine, scheduled
from nnjax.training.statistics import mean_interval


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        data: "digits", "mnist", "fashion_mnist", or the path of images in any form that `nnjax.load` reads.
        path: Where the files of a named set lie; "" looks where they usually are.
        examples: How many of them, the first ones; 0 takes all.
        resize: How smaller images become 32x32: "linear" or "nearest". 28x28 get a border of two instead.
        folds: Into how many parts the examples are dealt; each validates once.
        epochs: Passes over the examples.
        batch_size: Examples a step.
        learning_rate: Adam's step size at the start; it falls to 0 as a cosine.
        weight_decay: Of AdamW.
        shift: Pixels of 32 that a training image is moved by, at most.
        turn: Degrees that it is turned by, at most.
        growth: How much larger or smaller it becomes, at most.
        seed: Decides the initial weights and the order, not the folds.
    """

    data: str = "digits"
    path: str = ""
    examples: Natural = 0
    resize: Literal["linear", "nearest"] = "linear"
    folds: Annotated[int, Range(2)] = 5
    epochs: Count = 20
    batch_size: Count = 32
    learning_rate: Positive = 3e-3
    weight_decay: Rate = 0.05
    shift: Rate = 2.0
    turn: Rate = 10.0
    growth: Rate = 0.1
    seed: Seed = 0


def images(config: Config) -> Dataset:
    """The examples as bytes [N, 32, 32, 1]."""
    found = load(config.data, config.path or None)
    found = found.take(slice(0, config.examples or None))
    return dataclasses.replace(found, inputs=at_32(found.inputs, config.resize), value_range=(0, 255))


def at_32(inputs: np.ndarray, resize: str = "linear") -> np.ndarray:
    """Grey images [N, H, W] or [N, H, W, 1] as bytes [N, 32, 32, 1], the largest value as 255.

    Raises:
        DataError: If these are no grey images.
    """
    grey = inputs[..., 0] if inputs.ndim == 4 and inputs.shape[3] == 1 else inputs
    if grey.ndim != 3:
        raise DataError(f"LeNet-5 wants grey images [N, H, W], got {list(inputs.shape)}")
    scaled = grey.astype(np.float32) * (255 / max(float(grey.max()), 1e-6))
    if grey.shape[1:] == (28, 28):
        scaled = np.pad(scaled, ((0, 0), (2, 2), (2, 2)))
    elif grey.shape[1:] != (SIDE, SIDE):
        scaled = np.asarray(jax.image.resize(scaled, (len(grey), SIDE, SIDE), resize))
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)[..., None]


def net_of(dataset: Dataset, *, features: bool = False) -> Net:
    """LeNet-5 on bytes; the inputs have about mean 0 and variance 1."""
    mean, deviation = float(dataset.inputs.mean()), float(dataset.inputs.std())
    return rescale(lenet5(len(dataset.classes) or 10, features=features), mean, 1 / deviation)


def fitted_folds(config: Config, dataset: Dataset) -> FittedPopulation:
    """A LeNet-5 for each fold, in one program. No fold chooses: kept is what fits the training part best."""
    size = len(k_folds(dataset, config.folds)[0][0])
    steps = config.epochs * -(-size // config.batch_size)
    moves = Augmentation(translation=config.shift, rotation=config.turn, scaling=config.growth)
    optimizer = optax.adamw(config.learning_rate, weight_decay=config.weight_decay)
    task = Task(
        net=augmented(net_of(dataset), moves),
        loss=per_example(cross_entropy),
        optimizer=scheduled(optimizer, cosine(steps)),
        metrics={"accuracy": per_example(accuracy)},
    )
    return fit_population(
        lambda hyper: task,
        dataset,
        seeds=[config.seed],
        folds=config.folds,
        epochs=config.epochs,
        batch_size=config.batch_size,
        monitor="train_loss",
    )


def out_of_fold(config: Config, dataset: Dataset, fitted: FittedPopulation) -> np.ndarray:
    """Probabilities [N, K] of each example, from the net that did not train on it."""
    apply = jax.jit(lambda params, x: jax.nn.softmax(net_of(dataset).apply(params, x)))
    found = np.zeros((len(dataset), len(dataset.classes) or 10), np.float32)
    for member, (_, rows) in enumerate(k_folds(dataset, config.folds)):
        found[rows] = apply(fitted.params(member), dataset.inputs[rows])
    return found


def show(config: Config) -> Shown:
    """Learning curves over the folds, the filters, one image in every layer, and the mistakes."""
    dataset = images(config)
    fitted = fitted_folds(config, dataset)
    history, folds = fitted.results.history, fitted.at_best("valid_accuracy")
    ways = {"trained on, moved by chance": "train", "left out": "valid"}
    panels = {
        name: {way: history[f"{part}_{name}"] for way, part in ways.items()} for name in ("loss", "accuracy")
    }
    chances = out_of_fold(config, dataset, fitted)
    params, net = fitted.params(0), net_of(dataset, features=True)
    one = k_folds(dataset, config.folds)[0][1][:1]
    layers = {name: leaf[0] for name, leaf in net.apply(params, jnp.asarray(dataset.inputs[one])).items()}
    table = cost_table(net_of(dataset), params, dataset.inputs[:1])
    pictures = {
        "curves": Picture(plots.ribbons_figure(range(1, config.epochs + 1), panels), CURVES),
        "filters": Picture(plots.filters_figure(params["conv_1"]["filters"], columns=6), FILTERS),
        "maps": Picture(plots.feature_maps_figure(dataset.inputs[one][0], layers), MAPS),
        "mistakes": Picture(
            plots.mistakes_gallery(
                dataset.inputs, dataset.targets, chances.argmax(1), chances, dataset.classes, count=10
            ),
            MISTAKES,
        ),
    }
    rows = [{"layer": r.layer, "parameters": r.parameters, "multiply_adds": r.multiply_adds} for r in table]
    numbers = {
        "accuracy": str(mean_interval(folds)),
        "mean_accuracy": float(folds.mean()),
        "folds": [{"fold": i, "accuracy": float(value)} for i, value in enumerate(folds)],
        "parameters": sum(row.parameters for row in table),
        "layers": rows,
    }
    return Shown(pictures, numbers)


CURVES = (
    "Means over the folds with their 95% intervals. What is trained on is moved, turned and resized by "
    "chance, so it is the harder of the two."
)
FILTERS = "The six filters of the first layer: blue is positive, vermillion negative."
MAPS = (
    "One image that the net has not been trained on, in every layer: the channels that vary most, "
    "blue is positive, vermillion negative. The maps become smaller and more."
)
MISTAKES = "The mistakes that the nets are surest about, each by the net that was not trained on the image."
