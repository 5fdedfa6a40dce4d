"""What goes into every dense layer of a network and what comes out, found in the network itself.

A Net is two functions, and its layers cannot be asked. So `apply` is run operation by operation, with an
eye on the products and sums in which each layer's weights and bias take part. Whatever the net does around
them (rescaling, convolutions, any activation) is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nnjax.errors import ConfigError
from nnjax.runner.explain.trace import Done, Mark, same, trace
from nnjax.types import Array, Net, Params

WANTED = "explain reads multilayer perceptrons, whose params are {layer_0: {weights [D, M], bias [M]}, ...}"


class Layer(NamedTuple):
    """One dense layer on N examples.

    Attributes:
        inputs: What its weights were multiplied with, [N, D].
        aggregation: inputs W + b, [N, M].
    """

    inputs: Array
    aggregation: Array


def layer_names(params: Params) -> list[str]:
    """layer_0, layer_1, ... of an MLP's params.

    Raises:
        ConfigError: If these are not the params of an MLP.
    """
    names = [f"layer_{i}" for i in range(len(params))] if isinstance(params, dict) else []
    for name in names or [""]:
        if not is_dense(params.get(name) if isinstance(params, dict) else None):
            have = ", ".join(map(str, params)) if isinstance(params, dict) else type(params).__name__
            raise ConfigError(f"{WANTED}; this run has {have}")
    return names


def is_dense(entry: Any) -> bool:
    """Whether these are the params of a dense layer, {weights [D, M], bias [M]}."""
    shapes = (
        {key: len(getattr(leaf, "shape", ())) for key, leaf in entry.items()}
        if isinstance(entry, dict)
        else {}
    )
    return shapes == {"weights": 2, "bias": 1}


def watch(
    net: Net, params: Params, inputs: Any, names: Sequence[str] | None = None
) -> tuple[Any, dict[str, Layer]]:
    """Runs `net` on `inputs`, without dropout, and keeps what each dense layer saw.

    Args:
        net: A multilayer perceptron, with whatever around it.
        params: Its params; may be tracers.
        inputs: Array [N, ...].
        names: The layers, keys of the params; None means all of an MLP.

    Returns:
        The outputs, and layer name to Layer, in the order in which they are used.

    Raises:
        ConfigError: If a layer is missing, is used more than once, or not once for an example.

    >>> import jax
    >>> from nnjax import mlp
    >>> net = mlp((2, 3, 1))
    >>> outputs, layers = watch(net, net.init(jax.random.key(0)), jax.numpy.ones((5, 2)))
    >>> {name: layer.aggregation.shape for name, layer in layers.items()}
    {'layer_0': (5, 3), 'layer_1': (5, 1)}
    """
    wanted = layer_names(params) if names is None else list(names)
    found: dict[Mark, list[Any]] = {}
    outputs = trace(net, params, inputs, lambda done: (done.outs, _note(done, found)))
    layers = {}
    for name in wanted:
        seen, sums = found.get(Mark(name, "inputs"), []), found.get(Mark(name, "aggregation"), [])
        if len(seen) != 1 or len(sums) != 1:
            raise ConfigError(f"{WANTED}; {name} is used {len(seen)} times, and its bias {len(sums)} times")
        if sums[0].ndim != 2:
            raise ConfigError(f"{WANTED}; {name} acts on values {list(sums[0].shape)}, not on [N, D]")
        layers[name] = Layer(seen[0], sums[0])
    used = list(dict.fromkeys(mark.layer for mark in found))
    return outputs, {name: layers[name] for name in sorted(layers, key=used.index)}


def _note(done: Done, found: dict[Mark, list[Any]]) -> Mark | None:
    """The mark of what one operation gives; products and sums of a layer go into `found`."""
    if same(done):
        return done.marks[0]
    marked = [mark for mark in done.marks if mark is not None]
    parts = {mark.part: mark for mark in marked}
    if done.name == "dot_general" and "weights" in parts and len(marked) == 1:
        layer = marked[0].layer
        found.setdefault(Mark(layer, "inputs"), []).append(done.operands[0 if done.marks[1] else 1])
        return Mark(layer, "product")
    if done.name == "add" and set(parts) == {"product", "bias"} and len({mark.layer for mark in marked}) == 1:
        found.setdefault(Mark(marked[0].layer, "aggregation"), []).append(done.outs[0])
    return None
