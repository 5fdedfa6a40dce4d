"""VGG-16's layers under Keras's names, in its own files and in ONNX files made from its nets."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from nnjax.models.weight_names import NETS

# block1_conv2/..., and functional_1/block1_conv2_1/... as converters write it
_NAMED = re.compile(r"(?:^|.*/)block(\d+)_conv(\d+)(?:_\d+)?/.*")
_DENSE = re.compile(r"(?:^|.*/)(fc1|fc2|predictions)(?:_\d+)?/.*")
# .weights.h5 files count the layers of a kind: conv2d, conv2d_1, ...
_COUNTED_IN_BLOCK = re.compile(r"(?:^|.*/)block(\d+)/layers/conv2d(?:_(\d+))?/vars/[01]")
_COUNTED = re.compile(r"(?:^|.*/)layers/conv2d(?:_(\d+))?/vars/[01]")
_COUNTED_DENSE = re.compile(r"(?:^|.*/)layers/dense(?:_(\d+))?/vars/[01]")
_HEAD = ("dense_6", "dense_7", "dense_8")
_CONVOLUTIONS = tuple(place.name for place in NETS["vgg16"] if len(place.shape) == 4)


def from_keras_names(arrays: Mapping[str, np.ndarray], layout: str) -> dict[str, np.ndarray]:
    """VGG-16's arrays among others, under our names; dense layers that are not VGG-16's are left out.

    Args:
        arrays: Name to array; four axes are filters, two are weights, one is a bias.
        layout: "HWIO", as in Keras's files, or "OIHW", as in ONNX.

    Returns:
        Name, such as "conv1_2/filters", to array in our layout; a name that two arrays claim has the first
        of them under the second's own name beside it, so that it is noticed.

    >>> list(from_keras_names({"block5_conv1/kernel:0": np.zeros((3, 3, 4, 2))}, "HWIO"))
    ['conv5_1/filters']
    """
    found: dict[str, np.ndarray] = {}
    blocks = any(_COUNTED_IN_BLOCK.fullmatch(name) for name in arrays)
    whole = any(np.shape(array) == NETS["vgg16"][-3].shape for array in arrays.values())
    for name, array in arrays.items():
        layer = _layer(name, blocks, whole)
        leaf = {4: "filters", 2: "weights", 1: "bias"}.get(np.ndim(array))
        if layer is None or leaf is None:
            continue
        if leaf == "filters" and layout == "OIHW":
            array = array.transpose(2, 3, 1, 0)
        ours = f"{layer}/{leaf}"
        found[ours if ours not in found else name] = array
    return found


def _layer(name: str, blocks: bool, whole: bool) -> str | None:
    if match := _NAMED.fullmatch(name):
        return f"conv{match[1]}_{match[2]}"
    if match := _COUNTED_IN_BLOCK.fullmatch(name):
        return f"conv{match[1]}_{int(match[2] or 0) + 1}"
    if whole and (match := _DENSE.fullmatch(name)):
        return _HEAD[("fc1", "fc2", "predictions").index(match[1])]
    if not blocks and (match := _COUNTED.fullmatch(name)):
        return _at(_CONVOLUTIONS, match[1], name)
    if whole and not blocks and (match := _COUNTED_DENSE.fullmatch(name)):
        return _at(_HEAD, match[1], name)
    return None


def _at(names: tuple[str, ...], number: str | None, name: str) -> str:
    """The name at a place; a place too far is a layer too many, which keeps its own name."""
    place = int(number or 0)
    return names[place] if place < len(names) else name
