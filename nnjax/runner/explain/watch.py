"""What goes into every dense layer of a network and what comes out, found in the network itself.

A Net is two functions, and its layers cannot be asked. So `apply` is written down as a list of primitive
operations (`jax.make_jaxpr`), and run from there, with an eye on the products and sums in which each
layer's weights and bias take part. Whatever the net does around them (rescaling, any activation) is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import Literal

from nnjax.errors import ConfigError
from nnjax.types import Array, Net, Params

# What leaves an array the same but for its shape or type: weights stay the weights of their layer.
SAME = {
    "reshape",
    "broadcast_in_dim",
    "squeeze",
    "convert_element_type",
    "transpose",
    "optimization_barrier",
    "copy",
}
LOOPS = {"scan", "while", "cond"}
WANTED = "explain reads multilayer perceptrons, whose params are {layer_0: {weights [D, M], bias [M]}, ...}"


class Layer(NamedTuple):
    """One dense layer on N examples.

    Attributes:
        inputs: What its weights were multiplied with, [N, D].
        aggregation: inputs W + b, [N, M].
    """

    inputs: Array
    aggregation: Array


class Mark(NamedTuple):
    """That a value is the weights, the bias or the product of a layer."""

    layer: str
    part: str


Found = dict[Mark, list[Any]]


def layer_names(params: Params) -> list[str]:
    """layer_0, layer_1, ... of an MLP's params.

    Raises:
        ConfigError: If these are not the params of an MLP.
    """
    names = [f"layer_{i}" for i in range(len(params))] if isinstance(params, dict) else []
    for name in names or [""]:
        entry = params.get(name) if isinstance(params, dict) else None
        shapes = {key: len(leaf.shape) for key, leaf in entry.items()} if isinstance(entry, dict) else {}
        if shapes != {"weights": 2, "bias": 1}:
            have = ", ".join(map(str, params)) if isinstance(params, dict) else type(params).__name__
            raise ConfigError(f"{WANTED}; this run has {have}")
    return names


def watch(net: Net, params: Params, inputs: Any) -> tuple[Any, dict[str, Layer]]:
    """Runs `net` on `inputs`, without dropout, and keeps what each layer saw.

    Args:
        net: A multilayer perceptron, with whatever around it.
        params: Its params; may be tracers.
        inputs: Array [N, ...].

    Returns:
        The outputs, and layer name to Layer.

    Raises:
        ConfigError: If this is no MLP: a layer is missing, or is used more than once.

    >>> from nnjax import mlp
    >>> net = mlp((2, 3, 1))
    >>> outputs, layers = watch(net, net.init(jax.random.key(0)), jax.numpy.ones((5, 2)))
    >>> {name: layer.aggregation.shape for name, layer in layers.items()}
    {'layer_0': (5, 3), 'layer_1': (5, 1)}
    """
    names = layer_names(params)
    closed, shape = jax.make_jaxpr(lambda p, x: net.apply(p, x, train=False), return_shape=True)(
        params, inputs
    )
    leaves = jax.tree_util.tree_leaves_with_path(params)
    marks: list[Mark | None] = [Mark(path[0].key, path[1].key) for path, _ in leaves]
    values = [leaf for _, leaf in leaves]
    inputs = jax.tree.leaves(inputs)
    found: Found = {}
    outs, _ = _run(closed.jaxpr, closed.consts, [*values, *inputs], [*marks, *[None] * len(inputs)], found)
    layers = {}
    for name in names:
        seen, sums = found.get(Mark(name, "inputs"), []), found.get(Mark(name, "aggregation"), [])
        if len(seen) != 1 or len(sums) != 1:
            raise ConfigError(f"{WANTED}; {name} is used {len(seen)} times, and its bias {len(sums)} times")
        layers[name] = Layer(seen[0], sums[0])
    return jax.tree.unflatten(jax.tree.structure(shape), outs), layers


def _run(
    jaxpr: Any,
    consts: Sequence[Any],
    values: Sequence[Any],
    marks: Sequence[Mark | None],
    found: Found,
) -> tuple[list[Any], list[Mark | None]]:
    """Evaluates a jaxpr, inside the calls it makes too, and notes what it finds in `found`."""
    value = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *values), strict=True))
    mark = dict(zip(jaxpr.invars, marks, strict=True))
    for equation in jaxpr.eqns:
        operands = [atom.val if isinstance(atom, Literal) else value[atom] for atom in equation.invars]
        known = [None if isinstance(atom, Literal) else mark.get(atom) for atom in equation.invars]
        params, name = equation.params, equation.primitive.name
        inner = next((params[key] for key in ("jaxpr", "call_jaxpr") if key in params), None)
        if inner is not None and name not in LOOPS:
            outs, out_marks = _run(
                getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), operands, known, found
            )
        else:
            outs = equation.primitive.bind(*operands, **params)
            outs = list(outs) if equation.primitive.multiple_results else [outs]
            out_marks = [_note(name, operands, known, outs[0], found)] * len(outs)
        value.update(zip(equation.outvars, outs, strict=True))
        mark.update(zip(equation.outvars, out_marks, strict=True))
    atoms = jaxpr.outvars
    return (
        [atom.val if isinstance(atom, Literal) else value[atom] for atom in atoms],
        [None if isinstance(atom, Literal) else mark.get(atom) for atom in atoms],
    )


def _note(
    name: str, operands: Sequence[Any], known: Sequence[Mark | None], out: Any, found: Found
) -> Mark | None:
    """The mark of what one operation gives; products and sums of a layer go into `found`."""
    marked = [mark for mark in known if mark is not None]
    if len(operands) == 1 and name in SAME:
        return known[0]
    parts = {mark.part: mark for mark in marked}
    if name == "dot_general" and "weights" in parts and len(marked) == 1:
        layer = marked[0].layer
        found.setdefault(Mark(layer, "inputs"), []).append(operands[0 if known[1] else 1])
        return Mark(layer, "product")
    if name == "add" and set(parts) == {"product", "bias"} and len({mark.layer for mark in marked}) == 1:
        found.setdefault(Mark(marked[0].layer, "aggregation"), []).append(out)
    return None
