"""Training a net on a folder of images by class: what AlexNet's and VGG-16's experiments share.

Their settings have `folder`, `classes`, `side`, `weights`, `freeze`, `valid`, `epochs`, `batch_size`,
`pieces`, `bfloat16`, `learning_rate`, `dropout` and whatever their net takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from nnjax.data.image_files import folder_classes, has_test_part, image_folder
from nnjax.data.photo_crops import photo_crops
from nnjax.data.splits import hold_out, split
from nnjax.data.weight_files import Weights
from nnjax.data.weights import find_weights
from nnjax.models.mixed_precision import mixed_precision
from nnjax.models.pixels import preprocess
from nnjax.models.started import started_from
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted
from nnjax.training.frozen import frozen, held
from nnjax.training.losses import cross_entropy, per_example
from nnjax.training.metrics import accuracy
from nnjax.training.saliency import grad_cam, saliency
from nnjax.types import Hyper, Net, Plan, Splits, Task


class ImageTraining(NamedTuple):
    """The parts of an experiment on images; its methods are the experiment's functions.

    Attributes:
        weights: What `load_weights` knows the net by.
        make: `make(config, size, classes, dropout, features) -> Net`, from preprocessed images; `size` gives
            a setting, or what it is where it says 0.
        small: What settings that say 0 are for the crops of two photographs that come with scikit-learn.
        full: What they are with a folder or with published weights.
        first: The first convolution, whose filters are drawn.
        watched: The convolutions whose maps are drawn.
        focus: The one that Grad-CAM looks at.
    """

    weights: str
    make: Callable[[Any, Callable[[str], int], int, Any, bool], Net]
    small: Mapping[str, int]
    full: Mapping[str, int]
    first: str
    watched: tuple[str, ...]
    focus: str

    def size(self, config: Any, name: str) -> int:
        """A setting, or what it is where it says 0."""
        return getattr(config, name) or (self.full if config.folder or config.weights else self.small)[name]

    def data(self, config: Any) -> Splits:
        """The folder's images, or the crops; bytes [N, side, side, 3]."""
        side = self.size(config, "side")
        if not config.folder:
            return photo_crops(side)
        train = image_folder(config.folder, "train", (side, side, 3))
        if not has_test_part(config.folder):
            return split(train, config.valid, config.valid, seed=0)
        test = image_folder(config.folder, "test", (side, side, 3))
        return hold_out(train, config.valid, seed=0, test=test)

    def found(self, config: Any) -> Weights:
        """The published weights, or those of a file."""
        return _found(self.weights, None if config.weights == self.weights else config.weights)

    def pixels(self, config: Any) -> str:
        """How the net sees pixels, see `preprocess`."""
        return self.found(config).metadata.get("preprocessing", "torch") if config.weights else "torch"

    def net(self, config: Any, dropout: Any = 0.0, features: bool = False) -> Net:
        """The net, from bytes; with published weights it sees pixels as they were trained on."""
        classes = len(folder_classes(config.folder)) if config.folder else config.classes
        net = self.make(config, lambda name: self.size(config, name), classes, dropout, features)
        net = mixed_precision(net) if config.bfloat16 else net
        kind = self.pixels(config)
        if config.weights:
            net = started_from(net, self.found(config).params)
        return Net(net.init, lambda params, x, **how: net.apply(params, preprocess(x, kind), **how))

    def task(self, config: Any, hyper: Hyper) -> Task:
        """Cross entropy; Adam for all layers but the frozen ones."""
        names = [name for name in config.freeze.replace(" ", "").split(",") if name]
        net, optimizer = self.net(config, hyper["dropout"]), optax.adam(hyper["learning_rate"])
        return Task(
            net=held(net, names) if names else net,
            loss=per_example(cross_entropy),
            optimizer=frozen(optimizer, names) if names else optimizer,
            metrics={"accuracy": per_example(accuracy)},
        )

    def plan(self, config: Any, splits: Splits) -> Plan:
        """One evaluation an epoch; the parameters that validate best are kept."""
        return Plan(
            segments=config.epochs,
            segment_steps=steps_per_epoch(len(splits.train), config.batch_size),
            batch_size=config.batch_size,
            pieces=config.pieces,
            monitor="train_loss" if splits.valid is None else "valid_loss",
        )

    def draw(self, config: Any, fitted: Fitted, splits: Splits, folder: Path) -> None:
        """Sizes, filters, and images of the validation part in every layer, with saliency and Grad-CAM."""
        from nnjax.runner import plots

        part, net, params = splits.valid or splits.train, self.net(config, features=True), fitted.params
        few = [int(np.flatnonzero(part.targets == label)[0]) for label in np.unique(part.targets)[:6]]
        images, labels = part.inputs[few], part.targets[few]
        layers = jax.jit(net.apply)(params, images[:1])
        side = self.size(config, "side")
        sizes = {"image": (side, side, 3)} | {name: layers[name].shape[1:] for name in self.watched}
        where = {
            "saliency": saliency(fitted.task.net, params, images, labels),
            f"Grad-CAM\n{self.focus}": grad_cam(net, params, images, labels, self.focus),
        }
        filters = params[self.first]["filters"]
        filters = filters[:, :, ::-1] if self.pixels(config) == "caffe" else filters  # that sees blue first
        maps = {name: np.asarray(layers[name][0]) for name in self.watched}
        names = [part.classes[label] for label in labels]
        plots.save(plots.depth_figure(sizes), folder / "depth.png")
        plots.save(plots.filters_figure(filters), folder / "filters.png")
        plots.save(plots.feature_maps_figure(images[0], maps), folder / "maps.png")
        plots.save(plots.saliency_figure(images, where, names), folder / "saliency.png")


@lru_cache(maxsize=1)
def _found(net: str, path: str | None) -> Weights:
    return find_weights(net, path)
