"""Articles of clothing: two convolutions on the 60,000 images of Fashion-MNIST, and what they look for.

Run:     nnjax run experiments/fashion_cnn.py
         nnjax run fashion_cnn --augment --epochs 30 --dropout 0.3     mirrored and shifted images
Expect:  a test accuracy of about 0.925 on the official 10,000 test images (published nets of two
         convolutions: .876 to .925), and of about 0.934 with augmentation (with flips: .939).

Source: Xiao, Rasul and Vollgraf 2017, https://arxiv.org/abs/1708.07747
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax

from nnjax import (
    Augmentation,
    Net,
    Plan,
    Splits,
    Task,
    accuracy,
    augmented,
    convnet,
    cross_entropy,
    load_splits,
    per_example,
    rescale,
)
from nnjax.runner.settings import Count, DropRate, Fraction, Natural, PositiveRate, Rate, Seed
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted
from nnjax.training.patches import field, patches, strongest
from nnjax.training.saliency import grad_cam, saliency
from nnjax.training.schedules import scheduled, warmup_cosine
from nnjax.types import Dataset, Hyper, Params

MEAN, DEVIATION = 72.94, 90.02  # of the bytes of the training images
STEPS = ((3, 1, 1), (2, 2, 0), (3, 1, 1))  # window, stride, padding up to the second convolution


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        augment: Whether the images of a training step are mirrored and shifted by chance.
        crop: Pixels that they are shifted by, at most, in whole pixels.
        channels: Filters of each convolution.
        hidden: Neurons of the dense layer.
        epochs: Passes over the training part.
        batch_size: Examples a step.
        learning_rate: Adam's step size at its highest, after the first epoch; it then falls as a cosine.
        weight_decay: Of AdamW.
        dropout: Probability to drop a neuron of the dense layer.
        label_smoothing: Share of each target that is spread over all classes.
        seed: Decides the initial weights, the order of the data and all chance in training, not the split.
    """

    augment: bool = False
    crop: Natural = 1
    channels: tuple[Count, ...] = (32, 64)
    hidden: Count = 128
    epochs: Count = 15
    batch_size: Count = 128
    learning_rate: PositiveRate = 2e-3
    weight_decay: Rate = 0.05
    dropout: DropRate = 0.5
    label_smoothing: Fraction = 0.0
    seed: Seed = 0


def data(config: Config) -> Splits:
    """55,000 train, 5,000 validate, the official 10,000 test; the images stay bytes, [N, 28, 28, 1]."""
    splits = load_splits("fashion_mnist", valid=5000, seed=0)

    def with_channel(part: Dataset) -> Dataset:
        return dataclasses.replace(part, inputs=part.inputs[..., None])

    return splits._replace(
        **{name: with_channel(getattr(splits, name)) for name in ("train", "valid", "test")}
    )


def task(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of ten logits; AdamW along a cosine."""
    net = convnet((28, 28, 1), config.channels, config.hidden, dropout=hyper["dropout"])
    net = rescale(net, MEAN, 1 / DEVIATION)
    if config.augment:
        net = augmented(net, Augmentation(horizontal_flip=0.5, crop=config.crop))
    steps = steps_per_epoch(55_000, config.batch_size)
    factor = warmup_cosine(steps, max(config.epochs, 2) * steps)
    optimizer = optax.adamw(hyper["learning_rate"], weight_decay=hyper["weight_decay"])
    return Task(
        net=net,
        loss=per_example(partial(cross_entropy, label_smoothing=config.label_smoothing)),
        optimizer=scheduled(optimizer, factor),
        metrics={"accuracy": per_example(accuracy)},
    )


def plan(config: Config, splits: Splits) -> Plan:
    """One evaluation an epoch; the parameters that validate best are kept."""
    return Plan(
        segments=config.epochs,
        segment_steps=steps_per_epoch(len(splits.train), config.batch_size),
        batch_size=config.batch_size,
        monitor="valid_accuracy",
        maximize=True,
    )


def watched(params: Params) -> Net:
    """The trained net, with what every layer gives."""
    channels = [params[layer]["filters"].shape[-1] for layer in sorted(params) if layer.startswith("conv")]
    net = convnet((28, 28, 1), channels, params["dense"]["bias"].size, features=True)
    return rescale(net, MEAN, 1 / DEVIATION)


def figures(config: Config, fitted: Fitted, splits: Splits, folder: Path) -> Mapping[str, str]:
    """Sizes, filters, and validation images: their maps, the patches that excite most, saliency, Grad-CAM."""
    from nnjax.runner import plots

    net, params, valid = watched(fitted.params), fitted.params, splits.valid
    each = [int(np.flatnonzero(valid.targets == label)[0]) for label in range(10)]
    images, labels = valid.inputs[each], valid.targets[each]
    layers = jax.jit(net.apply)(params, images)
    order = ["conv_1", "pool_1", "conv_2", "pool_2", "dense", "output"]
    sizes = {"image": (28, 28, 1)} | {name: layers[name].shape[1:] for name in order if name in layers}
    maps = {name: np.asarray(layers[name][9]) for name in order if name in layers}
    seen = patches(valid.inputs, strongest(net, params, valid.inputs, "conv_2", 8), field(STEPS))
    where = {
        "saliency": saliency(fitted.task.net, params, images, labels),
        "Grad-CAM\nconv_2": grad_cam(net, params, images, labels, "conv_2"),
    }
    names = [valid.classes[label] for label in labels]
    plots.save(plots.depth_figure(sizes), folder / "depth.png")
    plots.save(plots.filters_figure(params["conv_1"]["filters"]), folder / "filters.png")
    plots.save(plots.feature_maps_figure(images[9], maps), folder / "maps.png")
    plots.save(plots.patches_figure(seen[:24]), folder / "patches.png")
    plots.save(plots.saliency_figure(images, where, names), folder / "saliency.png")
    return CAPTIONS


CAPTIONS = {
    "depth": "Deeper layers are smaller and have more channels, as in the great nets.",
    "filters": "The filters of the first layer: blue is positive, vermillion negative. Some are edges.",
    "maps": "One image in every layer: its most active channels, dark where active, one scale a layer.",
    "patches": "For 24 channels of the second convolution, where they answer most in 5,000 images.",
    "saliency": "Which pixels move the logit of the right class, and where Grad-CAM finds what raises it.",
}
