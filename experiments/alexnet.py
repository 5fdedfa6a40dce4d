"""AlexNet: five convolutions and three dense layers, on your own folder of images.

Run:     nnjax run experiments/alexnet.py             crops of two photographs, small, offline
         nnjax run alexnet --folder DIR --form published
         nnjax run alexnet --folder DIR --weights alexnet --freeze conv
Expect:  a test accuracy of at least 0.9 on crops of parts of the photographs that it has not seen, in a
         minute or two on two cores.

Source: Krizhevsky, Sutskever and Hinton 2012, https://doi.org/10.1145/3065386
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from nnjax import Net, Splits, alexnet
from nnjax.runner.image_training import ImageTraining
from nnjax.runner.settings import Count, DropRate, Fraction, Natural, PositiveRate, Seed
from nnjax.training.fit import Fitted

SMALL = {"side": 96, "hidden": 128}  # for the crops
FULL = {"side": 224, "hidden": 4096}  # with a folder or weights


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; where one says 0, it is 96 and 128 for the crops, else 224 and 4096.

    Attributes:
        folder: Images, a subfolder for each class (or "train" and "test" with those); "" takes the crops.
        classes: How many classes the images have; of a folder, its subfolders are counted.
        side: Pixels a side that images are resized to, at least 63.
        hidden: Neurons of each hidden dense layer.
        form: "torchvision" or "published", with two groups and response normalisation.
        weights: "alexnet" starts from published weights, where they fit; a path from a file; "" is random.
        freeze: Layers that keep their weights, by the beginnings of their names, with commas between.
        valid: Share of the training images that validates.
        epochs: Passes over the training part.
        batch_size: Examples a step.
        pieces: Into how many pieces a batch is cut, computed one after another in the memory of one.
        remat: Whether activations are computed again instead of kept (for accelerators).
        bfloat16: Whether the net computes in bfloat16 (for accelerators); its weights stay float32.
        learning_rate: Adam's step size.
        dropout: Probability to drop a hidden neuron.
        seed: Decides the initial weights, the order of the data and the dropout.
    """

    folder: str = ""
    classes: Count = 2
    side: Natural = 0
    hidden: Natural = 0
    form: Literal["torchvision", "published"] = "torchvision"
    weights: str = ""
    freeze: str = ""
    valid: Fraction = 0.1
    epochs: Count = 6
    batch_size: Count = 16
    pieces: Count = 1
    remat: bool = False
    bfloat16: bool = False
    learning_rate: PositiveRate = 1e-3
    dropout: DropRate = 0.5
    seed: Seed = 0


def make(config: Config, size, classes: int, dropout, features: bool) -> Net:
    """The net of the settings."""
    remat = config.remat and not features
    sizes = classes, size("side"), size("hidden")
    return alexnet(*sizes, dropout, form=config.form, remat=remat, features=features)


TRAINING = ImageTraining(
    weights="alexnet",
    make=make,
    small=SMALL,
    full=FULL,
    first="conv_1",
    watched=tuple(f"conv_{i}" for i in range(1, 6)),
    focus="conv_5",
)
data, task, plan = TRAINING.data, TRAINING.task, TRAINING.plan


def figures(config: Config, fitted: Fitted, splits: Splits, folder: Path) -> Mapping[str, str]:
    """Sizes, filters, maps, and where the net looks."""
    TRAINING.draw(config, fitted, splits, folder)
    return CAPTIONS


CAPTIONS = {
    "depth": "Large windows with a stride first, then small ones: the image shrinks, the channels grow.",
    "filters": "The filters of the first layer, 11 pixels a side, in colour.",
    "maps": "One image in each convolution: its most active channels.",
    "saliency": "Which pixels move the logit of the right class, and where Grad-CAM finds what raises it.",
}
