"""MNIST and Fashion-MNIST: 70,000 grey images of 28x28 pixels in ten classes, 10,000 of them for the test.

MNIST: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998),
https://yann.lecun.org/exdb/mnist/. Fashion-MNIST: Xiao, Rasul and Vollgraf (2017),
https://arxiv.org/abs/1708.07747. Both are four IDX files of the same names, and both are read here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nnjax.data import search
from nnjax.data.idx import read_idx
from nnjax.data.search import RemoteFile
from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset


class Source(NamedTuple):
    """A set in the form of MNIST.

    Attributes:
        classes: The names of the ten classes.
        files: Part and content to the file that holds it.
        packages: Folders that packages of the system fill, with the command that installs each.
    """

    classes: tuple[str, ...]
    files: Mapping[tuple[str, str], RemoteFile]
    packages: Mapping[str, str]


def _files(url: str, digests: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], RemoteFile]:
    parts = {
        ("train", "images"): "train-images-idx3-ubyte.gz",
        ("train", "labels"): "train-labels-idx1-ubyte.gz",
        ("test", "images"): "t10k-images-idx3-ubyte.gz",
        ("test", "labels"): "t10k-labels-idx1-ubyte.gz",
    }
    return {
        part: RemoteFile(name, url + name, *pair)
        for (part, name), pair in zip(parts.items(), digests, strict=True)
    }


# Each pair: the SHA-256 of the .gz file as published, and of its content.
SOURCES = {
    "mnist": Source(
        tuple(str(digit) for digit in range(10)),
        _files(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            (
                (
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                ),
                (
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                ),
                (
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                ),
                (
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ),
            ),
        ),
        {},
    ),
    "fashion_mnist": Source(
        (
            "T-shirt/top", "trouser", "pullover", "dress", "coat",
            "sandal", "shirt", "sneaker", "bag", "ankle boot",
        ),
        _files(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            (
                (
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                ),
                (
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                ),
                (
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                ),
                (
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                ),
            ),
        ),
        {"/usr/share/datasets/fashion-mnist": "apt install dataset-fashion-mnist"},
    ),
}  # fmt: skip


def mnist_like(name: str, part: str = "train", path: str | os.PathLike | None = None) -> Dataset:
    """One part of MNIST or of Fashion-MNIST.

    Args:
        name: "mnist" or "fashion_mnist".
        part: "train" (60,000 examples) or "test" (10,000).
        path: A folder with the four files, gzipped or not. What lies there is the user's own, so any
            number of images of any size is taken and no checksum is compared; from everywhere else the
            content must have the published SHA-256.

    Returns:
        Inputs uint8 [N, 28, 28] with value range (0, 255), targets int32 [N].

    Raises:
        ConfigError: For another name or part.
        DataError: If the files are nowhere, or images and labels differ in number.
        DamagedError: If a file is damaged or is not the published one.
    """
    if name not in SOURCES or part not in ("train", "test"):
        raise ConfigError(
            f"wanted 'train' or 'test' of one of {', '.join(SOURCES)}; got {part!r} of {name!r}"
        )
    source = SOURCES[name]
    places = search.find(name, tuple(source.files.values()), path, source.packages)
    located = dict(zip(source.files, places, strict=True))
    images, labels = (
        read_idx(located[part, content], None if path else source.files[part, content].content_sha256)
        for content in ("images", "labels")
    )
    if images.ndim < 2 or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(
            f"{located[part, 'images']}: wanted images [N, H, W] and as many labels [N], "
            f"got {list(images.shape)} and {list(labels.shape)}"
        )
    return Dataset(images, labels.astype(np.int32), name, source.classes, (0.0, 255.0))
