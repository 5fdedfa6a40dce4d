"""The names, shapes and layouts of the convolutional nets' parameters: ours, and torchvision's.

| | ours | torchvision's |
|---|---|---|
| convolution | filters [kh, kw, C, O] | weight [O, C, kh, kw] |
| dense layer | weights [D, M] | weight [M, D] |
| images are flattened | in the order H, W, C | in the order C, H, W |

So the rows of the first dense layer, one for each number of the flattened image, change their order too.
Parameters are a plain nested dict, {"conv1_1": {"filters": ..., "bias": ...}, ...}. The last dense layer
may have any number of classes, K; and the convolutions alone, the trunk, are a net of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnjax.errors import ConfigError, DataError
from nnjax.types import Params


class Place(NamedTuple):
    """One layer, and where its parameters stand.

    Attributes:
        name: The layer's name in our dict.
        module: Its name in torchvision's net; empty if torchvision does not have this net.
        shape: Of the filters [kh, kw, C, O] or the weights [D, M]; M is 0 where any number of classes will
            do.
        image: (H, W, C) of what was flattened to D, for the first dense layer.
    """

    name: str
    module: str
    shape: tuple[int, ...]
    image: tuple[int, int, int] | None = None

    @property
    def kernel(self) -> str:
        """What its main array is called: "filters" of a convolution, "weights" of a dense layer."""
        return "filters" if len(self.shape) == 4 else "weights"


def _vgg16() -> tuple[Place, ...]:
    modules = iter((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28))
    places, before = [], 3
    for block, (layers, channels) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for layer in range(1, layers + 1):
            name, module = f"conv{block}_{layer}", f"features.{next(modules)}"
            places.append(Place(name, module, (3, 3, before, channels)))
            before = channels
    return (
        *places,
        Place("dense_6", "classifier.0", (25_088, 4096), (7, 7, 512)),
        Place("dense_7", "classifier.3", (4096, 4096)),
        Place("dense_8", "classifier.6", (4096, 0)),
    )


NETS: dict[str, tuple[Place, ...]] = {
    "vgg16": _vgg16(),
    "alexnet": (
        Place("conv_1", "features.0", (11, 11, 3, 64)),
        Place("conv_2", "features.3", (5, 5, 64, 192)),
        Place("conv_3", "features.6", (3, 3, 192, 384)),
        Place("conv_4", "features.8", (3, 3, 384, 256)),
        Place("conv_5", "features.10", (3, 3, 256, 256)),
        Place("dense_6", "classifier.1", (9216, 4096), (6, 6, 256)),
        Place("dense_7", "classifier.4", (4096, 4096)),
        Place("dense_8", "classifier.6", (4096, 0)),
    ),
    "lenet5": (
        Place("conv_1", "", (5, 5, 1, 6)),
        Place("conv_3", "", (5, 5, 6, 16)),
        Place("conv_5", "", (5, 5, 16, 120)),
        Place("dense_6", "", (120, 84)),
        Place("output", "", (84, 0)),
    ),
}
# timm keeps VGG's dense layers as convolutions, under other names.
_TIMM = {"pre_logits.fc1": "classifier.0", "pre_logits.fc2": "classifier.3", "head.fc": "classifier.6"}


def places_of(net: str) -> tuple[Place, ...]:
    """The layers of a net, in order.

    Raises:
        ConfigError: If there is none of that name.
    """
    if net not in NETS:
        raise ConfigError(f"no net is called {net!r} here; the names are {', '.join(NETS)}")
    return NETS[net]


def net_of(names: Mapping[str, object]) -> str | None:
    """The net whose arrays these are, by their names: ours ("conv_1/filters"), torchvision's or timm's.

    Returns:
        The net with the most layers in common, or None if these are not more than half of all.

    >>> net_of({"features.0.weight": 0, "features.10.weight": 0, "features.28.bias": 0})
    'vgg16'
    """
    layers = {_torchvision(name).rpartition("/" if "/" in name else ".")[0] for name in names}
    shared = {
        net: len(layers & {n for p in places for n in (p.name, p.module) if n})
        for net, places in NETS.items()
    }
    best = max(shared, key=lambda net: shared[net])
    return best if 2 * shared[best] > len(layers) else None


def export_arrays(net: str, params: Params, any_size: bool = False) -> dict[str, np.ndarray]:
    """Parameters under torchvision's names and in its layouts; a net without such names keeps ours.

    Args:
        net: "vgg16", "alexnet" (torchvision's form, in one group) or "lenet5".
        params: The nested dict: all layers, or the convolutions alone.
        any_size: Whether other numbers of channels, neurons and pixels than the published net's will do;
            images are then square.

    Returns:
        Name to float32 array, such as "features.0.weight" [O, C, kh, kw].

    Raises:
        ConfigError: For another net.
        DataError: If a layer is missing, unexpected or of a wrong shape; each is listed.
    """
    given = {name: np.asarray(array) for name, array in flat(params)}
    shapes = {name.rpartition("/")[0]: a.shape for name, a in given.items() if not name.endswith("/bias")}
    places = _resized("params", places_of(net), shapes) if any_size else places_of(net)
    params = _checked(net, places, given, "params")
    arrays = {}
    for place in places:
        if place.name not in params:
            continue
        kernel, bias = params[place.name][place.kernel], params[place.name]["bias"]
        if place.module:
            arrays[f"{place.module}.weight"] = _outwards(place, kernel)
            arrays[f"{place.module}.bias"] = bias
        else:
            arrays[f"{place.name}/{place.kernel}"], arrays[f"{place.name}/bias"] = kernel, bias
    return arrays


def import_arrays(
    net: str, arrays: Mapping[str, np.ndarray], where: str = "arrays", any_size: bool = False
) -> Params:
    """The nested dict of a net, from arrays under torchvision's, timm's or our own names.

    Args:
        net: As for `export_arrays`.
        arrays: Name to array.
        where: What the arrays are from, for the message.
        any_size: As for `export_arrays`.

    Returns:
        {"conv1_1": {"filters": [kh, kw, C, O], "bias": [O]}, ...}, float32: all layers, or, if no dense
        layer is there, the convolutions alone.

    Raises:
        ConfigError: For another net.
        DataError: If an array is missing, unexpected or of a wrong shape; each is listed.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    places = places_of(net)
    if any_size:
        places = _resized(where, places, _shapes(places, arrays))
    modules = {place.module: place for place in places if place.module}
    for name, array in arrays.items():
        module, _, leaf = _torchvision(name).rpartition(".")
        place = modules.get(module)
        if place is not None and leaf in ("weight", "bias"):
            layer, leaf = place.name, place.kernel if leaf == "weight" else leaf
            array = array if leaf == "bias" else _inwards(place, array)
        else:
            layer, _, leaf = name.rpartition("/") if "/" in name else (name, "", "")
        if leaf in found.setdefault(layer, {}):
            raise DataError(f"{where}: {name} is there under another name too")
        found[layer][leaf] = array
    return _checked(net, places, dict(flat(found)), where)


def _checked(net: str, places: tuple[Place, ...], given: Mapping[str, Any], where: str) -> Params:
    """The parameters as float32 NumPy arrays in order, if they are those of the net or of its trunk.

    Raises:
        DataError: If an array is missing, unexpected or of a wrong shape; each is listed.
    """
    if not any(name.startswith(p.name + "/") for p in places if len(p.shape) == 2 for name in given):
        places = tuple(place for place in places if len(place.shape) == 4)
    wanted: dict[str, tuple[int, ...]] = {}
    for place in places:
        last = place.shape[-1] or _classes(given.get(f"{place.name}/{place.kernel}"))
        wanted[f"{place.name}/{place.kernel}"] = (*place.shape[:-1], last)
        wanted[f"{place.name}/bias"] = (last,)
    faults = [f"missing: {name} {list(shape)}" for name, shape in wanted.items() if name not in given]
    faults += [f"unexpected: {name} {list(np.shape(a))}" for name, a in given.items() if name not in wanted]
    faults += [
        f"wrong shape: {name} is {list(np.shape(given[name]))}, and {list(shape)} was wanted"
        for name, shape in wanted.items()
        if name in given and np.shape(given[name]) != shape
    ]
    if faults:
        raise DataError(f"{where}: not the parameters of {net}\n  " + "\n  ".join(faults))
    nested: dict[str, dict[str, np.ndarray]] = {}
    for name in wanted:
        layer, _, leaf = name.rpartition("/")
        nested.setdefault(layer, {})[leaf] = np.asarray(given[name], np.float32)
    return nested


def flat(params: Params, above: str = "") -> list[tuple[str, Any]]:
    """(name, array) of every array of a nested dict, the keys joined by "/"."""
    pairs = []
    for key, value in params.items():
        name = f"{above}/{key}" if above else str(key)
        pairs += flat(value, name) if isinstance(value, Mapping) else [(name.removesuffix("/"), value)]
    return pairs


def _torchvision(name: str) -> str:
    module, dot, leaf = name.rpartition(".")
    return f"{_TIMM[module]}{dot}{leaf}" if module in _TIMM else name


def _classes(kernel: Any) -> int:
    shape = () if kernel is None else np.shape(kernel)
    return shape[1] if len(shape) == 2 and shape[1] else 1000


def _shapes(places: tuple[Place, ...], arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """The shape that each layer's main array has in our layout."""
    given = {_torchvision(name): np.shape(array) for name, array in arrays.items()}
    shapes = {}
    for place in places:
        theirs = given.get(f"{place.module}.weight", ())
        if len(theirs) == 4 and len(place.shape) == 4:
            shapes[place.name] = (*theirs[2:], theirs[1], theirs[0])
        elif theirs:
            shapes[place.name] = (math.prod(theirs[1:]), theirs[0])
        elif f"{place.name}/{place.kernel}" in given:
            shapes[place.name] = given[f"{place.name}/{place.kernel}"]
    return shapes


def _resized(
    where: str, places: tuple[Place, ...], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Place, ...]:
    """The layers in the sizes that they have, and the square image that is flattened between them."""
    resized, channels = [], 0
    for place in places:
        shape = shapes.get(place.name, place.shape)
        shape, image = shape if len(shape) == len(place.shape) else place.shape, place.image
        if len(shape) == 4:
            channels = shape[3]
        elif image is not None and place.name in shapes:
            side = math.isqrt(shape[0] // max(channels, 1))
            image = (side, side, channels)
            if math.prod(image) != shape[0]:
                raise DataError(
                    f"{where}: {place.name} reads {shape[0]} numbers, no square of {channels} channels"
                )
        resized.append(place._replace(shape=shape, image=image))
    return tuple(resized)


def _outwards(place: Place, kernel: np.ndarray) -> np.ndarray:
    if len(place.shape) == 4:
        return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    if place.image is not None:
        kernel = kernel.reshape(*place.image, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    return np.ascontiguousarray(kernel.T)


def _inwards(place: Place, weight: np.ndarray) -> np.ndarray:
    """What is of no such shape is left as it is, and `checked` names it."""
    if len(place.shape) == 4:
        return np.ascontiguousarray(weight.transpose(2, 3, 1, 0)) if weight.ndim == 4 else weight
    weight = weight.reshape(len(weight), -1) if weight.ndim == 4 else weight
    if weight.ndim != 2:
        return weight
    kernel = weight.T
    if place.image is not None and math.prod(place.image) == len(kernel):
        h, w, c = place.image
        kernel = kernel.reshape(c, h, w, -1).transpose(1, 2, 0, 3).reshape(kernel.shape)
    return np.ascontiguousarray(kernel)
