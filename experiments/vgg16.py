"""VGG-16: thirteen convolutions 3x3, on your own folder of images, from random or from published weights.

Run:     nnjax run experiments/vgg16.py               crops of two photographs, a narrow net, offline
         nnjax run vgg16 --folder DIR --weights vgg16 --freeze conv1,conv2,conv3,conv4,conv5
         nnjax plan vgg16 --folder DIR --batch-size 32 --pieces 8    what it would take, before it starts
Expect:  a test accuracy of at least 0.9 on crops of parts of the photographs that it has not seen, in a
         minute or two on two cores.

Source: Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from nnjax import Net, Splits, vgg16
from nnjax.models.vgg16 import BLOCKS
from nnjax.runner.image_training import ImageTraining
from nnjax.runner.settings import Count, DropRate, Fraction, Natural, PositiveRate, Seed
from nnjax.training.fit import Fitted

SMALL = {"side": 64, "hidden": 128, "shrink": 4}  # for the crops
FULL = {"side": 224, "hidden": 4096, "shrink": 1}  # with a folder or weights


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; where one says 0, it is 64, 128 and 4 for the crops, else 224, 4096 and 1.

    Attributes:
        folder: Images, a subfolder for each class (or "train" and "test" with those); "" takes the crops.
        classes: How many classes the images have; of a folder, its subfolders are counted.
        side: Pixels a side that images are resized to, a multiple of 32.
        hidden: Neurons of each hidden dense layer.
        shrink: What the channels of each convolution are divided by.
        weights: "vgg16" starts from published weights, where they fit; a path from a file; "" is random.
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
    shrink: Natural = 0
    weights: str = ""
    freeze: str = ""
    valid: Fraction = 0.1
    epochs: Count = 6
    batch_size: Count = 16
    pieces: Count = 1
    remat: bool = False
    bfloat16: bool = False
    learning_rate: PositiveRate = 3e-4
    dropout: DropRate = 0.5
    seed: Seed = 0


def make(config: Config, size, classes: int, dropout, features: bool) -> Net:
    """The net of the settings."""
    blocks = [(count, max(1, channels // size("shrink"))) for count, channels in BLOCKS]
    remat, sizes = config.remat and not features, (classes, size("side"), size("hidden"))
    return vgg16(*sizes, dropout, blocks=blocks, remat=remat, features=features)


TRAINING = ImageTraining(
    weights="vgg16",
    make=make,
    small=SMALL,
    full=FULL,
    first="conv1_1",
    watched=("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"),
    focus="conv4_3",
)
data, task, plan = TRAINING.data, TRAINING.task, TRAINING.plan


def figures(config: Config, fitted: Fitted, splits: Splits, folder: Path) -> Mapping[str, str]:
    """Sizes, filters, maps, and where the net looks."""
    TRAINING.draw(config, fitted, splits, folder)
    return CAPTIONS


CAPTIONS = {
    "depth": "Each block halves the image and, up to the fourth, doubles the channels.",
    "filters": "The filters of the first layer, in colour.",
    "maps": "One image in the last convolution of each block: its most active channels.",
    "saliency": "Which pixels move the logit of the right class, and where Grad-CAM finds what raises it.",
}
