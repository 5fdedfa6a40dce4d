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
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np
import optax

from nnjax import Net, Plan, Splits, Task, accuracy, cross_entropy, per_example
from nnjax.data.files import image_folder
from nnjax.data.image_files import has_test_part
from nnjax.data.photo_crops import photo_crops
from nnjax.data.splits import hold_out, split
from nnjax.data.weight_files import Weights
from nnjax.data.weights import find_weights
from nnjax.models.mixed_precision import mixed_precision
from nnjax.models.pixels import preprocess
from nnjax.models.started import started_from
from nnjax.models.vgg16 import BLOCKS, vgg16
from nnjax.runner.settings import Count, DropRate, Fraction, Natural, PositiveRate, Seed
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted
from nnjax.training.frozen import frozen, held
from nnjax.training.saliency import grad_cam, saliency
from nnjax.types import Hyper

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


def size(config: Config, name: str) -> int:
    """A setting, or what it is where it says 0."""
    return getattr(config, name) or (FULL if config.folder or config.weights else SMALL)[name]


def data(config: Config) -> Splits:
    """The folder's images, or the crops; bytes [N, side, side, 3]."""
    side = size(config, "side")
    if not config.folder:
        return photo_crops(side)
    train = image_folder(config.folder, "train", (side, side, 3))
    if not has_test_part(config.folder):
        return split(train, config.valid, config.valid, seed=0)
    test = image_folder(config.folder, "test", (side, side, 3))
    return hold_out(train, config.valid, seed=0, test=test)


@lru_cache(maxsize=1)
def found(weights: str) -> Weights:
    """The published weights, or those of a file."""
    return find_weights("vgg16", None if weights == "vgg16" else weights)


def net_of(config: Config, dropout: float = 0.0, features: bool = False) -> Net:
    """The net, from bytes; with published weights it sees pixels as they were trained on."""
    blocks = [(count, max(1, channels // size(config, "shrink"))) for count, channels in BLOCKS]
    sizes = (class_count(config), size(config, "side"), size(config, "hidden"))
    net = vgg16(*sizes, dropout, blocks=blocks, remat=config.remat and not features, features=features)
    net = mixed_precision(net) if config.bfloat16 else net
    kind = pixels_of(config)
    if config.weights:
        net = started_from(net, found(config.weights).params)
    return Net(net.init, lambda params, x, **how: net.apply(params, preprocess(x, kind), **how))


def pixels_of(config: Config) -> str:
    """How the net sees pixels, see `preprocess`."""
    return found(config.weights).metadata.get("preprocessing", "torch") if config.weights else "torch"


def class_count(config: Config) -> int:
    """The classes of the folder, or of the settings."""
    if not config.folder:
        return config.classes
    folder = Path(config.folder).expanduser()
    root = folder / "train" if has_test_part(folder) else folder
    return sum(entry.is_dir() and entry.name[0] != "." for entry in root.iterdir())


def task(config: Config, hyper: Hyper) -> Task:
    """Cross entropy; Adam for all layers but the frozen ones."""
    names = [name for name in config.freeze.replace(" ", "").split(",") if name]
    net, optimizer = net_of(config, hyper["dropout"]), optax.adam(hyper["learning_rate"])
    return Task(
        net=held(net, names) if names else net,
        loss=per_example(cross_entropy),
        optimizer=frozen(optimizer, names) if names else optimizer,
        metrics={"accuracy": per_example(accuracy)},
    )


def plan(config: Config, splits: Splits) -> Plan:
    """One evaluation an epoch; the parameters that validate best are kept."""
    return Plan(
        segments=config.epochs,
        segment_steps=steps_per_epoch(len(splits.train), config.batch_size),
        batch_size=config.batch_size,
        pieces=config.pieces,
        monitor="train_loss" if splits.valid is None else "valid_loss",
    )


def figures(config: Config, fitted: Fitted, splits: Splits, folder: Path) -> Mapping[str, str]:
    """Sizes, filters, and images of the validation part in every layer, with saliency and Grad-CAM."""
    from nnjax.runner import plots

    part, net, params = splits.valid or splits.train, net_of(config, features=True), fitted.params
    few = [int(np.flatnonzero(part.targets == label)[0]) for label in np.unique(part.targets)[:6]]
    images, labels = part.inputs[few], part.targets[few]
    layers = jax.jit(net.apply)(params, images[:1])
    order = [name for name in ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3") if name in layers]
    side = size(config, "side")
    sizes = {"image": (side, side, 3)} | {name: layers[name].shape[1:] for name in order}
    where = {
        "saliency": saliency(fitted.task.net, params, images, labels),
        "Grad-CAM\nconv4_3": grad_cam(net, params, images, labels, "conv4_3"),
    }
    names = [part.classes[label] for label in labels]
    plots.save(plots.depth_figure(sizes), folder / "depth.png")
    filters = params["conv1_1"]["filters"]
    filters = filters[:, :, ::-1] if pixels_of(config) == "caffe" else filters  # that sees blue first
    plots.save(plots.filters_figure(filters), folder / "filters.png")
    maps = {name: np.asarray(layers[name][0]) for name in order}
    plots.save(plots.feature_maps_figure(images[0], maps), folder / "maps.png")
    plots.save(plots.saliency_figure(images, where, names), folder / "saliency.png")
    return CAPTIONS


CAPTIONS = {
    "depth": "Each block halves the image and, up to the fourth, doubles the channels.",
    "filters": "The filters of the first layer, in colour.",
    "maps": "One image in the last convolution of each block: its most active channels.",
    "saliency": "Which pixels move the logit of the right class, and where Grad-CAM finds what raises it.",
}
