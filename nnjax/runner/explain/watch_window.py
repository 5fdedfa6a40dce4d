"""What goes into a convolution and what comes out, found in the network itself, and how its window moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax

from nnjax.errors import ConfigError
from nnjax.layers.conv_forms import AXES, Geometry
from nnjax.runner.explain.trace import CUSTOM, LOOPS, Done, Mark, same, trace
from nnjax.types import Array, Net, Params


class Seen(NamedTuple):
    """One convolution, as it was seen in the network.

    Attributes:
        inputs: What the window moved over, [N, H, W, C].
        aggregation: inputs * filters + bias, [N, h, w, O].
        made: The number of the operation that gave the aggregation.
        after: What was made of the aggregation alone: number of the operation to its result.
        geometry: How the window moves.
    """

    inputs: Array
    aggregation: Array
    made: int
    after: dict[int, Array]
    geometry: Geometry


def convolution_names(params: Params) -> list[str]:
    """The paths of the convolutions among nested params: every {filters [kh, kw, C, O], ...}.

    >>> convolution_names({"conv_1": {"filters": jax.numpy.ones((3, 3, 1, 2))}, "output": {}})
    ['conv_1']
    """
    paths = jax.tree_util.tree_leaves_with_path(params)
    names = [([str(getattr(key, "key", key)) for key in path], leaf) for path, leaf in paths]
    return ["/".join(path[:-1]) for path, leaf in names if path[-1:] == ["filters"] and len(leaf.shape) == 4]


def watch_convolution(
    net: Net, params: Params, inputs: Any, layer: str, shifts: Mapping[int, Array] | None = None
) -> tuple[Any, Seen]:
    """Runs `net` on `inputs`, without dropout, and keeps what one convolution saw.

    Args:
        net: A network with this convolution.
        params: Its params; may be tracers.
        inputs: What it takes.
        layer: The path of the convolution, of `convolution_names`.
        shifts: Number of an operation to what is added to its result. The loss's gradient in a shift of 0
            is that in the result.

    Raises:
        ConfigError: If it is not used exactly once.
    """
    found: dict[str, Any] = {"after": {}, "made": -1, "count": 0, "products": 0, "sums": 0}
    biased = "bias" in entry_of(params, layer)

    def note(done: Done) -> tuple[list[Any], Mark | None]:
        number = found["count"]
        found["count"] += 1
        outs = done.outs
        if shifts and number in shifts:
            outs = [outs[0] + shifts[number]]
        return outs, _note(done, outs[0], number, layer, biased, found)

    outputs = trace(net, params, inputs, note, LOOPS | CUSTOM)
    if found["products"] != 1 or found["sums"] != 1:
        raise ConfigError(
            f"explain reads convolutions that are used once; {layer} is used {found['products']} times, "
            f"and its bias {found['sums'] if biased else 0} times"
        )
    parts = (found[name] for name in ("inputs", "aggregation", "made", "after", "geometry"))
    return outputs, Seen(*parts)


def _note(done: Done, out: Any, number: int, layer: str, biased: bool, found: dict[str, Any]) -> Mark | None:
    """The mark of what one operation gives; what belongs to the layer goes into `found`."""
    if same(done) and done.marks[0] is not None and done.marks[0].part != "aggregation":
        return done.marks[0]
    parts = {mark.part for mark in done.marks if mark is not None and mark.layer == layer}
    if len(done.marks) == 2 and done.marks[1] == Mark(layer, "filters") and getattr(out, "ndim", 0) == 4:
        geometry = geometry_of(done.equation)
        if geometry is None:
            return None
        found |= {"inputs": done.operands[0], "geometry": geometry, "products": found["products"] + 1}
        if biased:
            return Mark(layer, "product")
    elif not (done.name == "add" and parts == {"product", "bias"}):
        if "aggregation" in parts and getattr(out, "shape", None) == found["aggregation"].shape:
            found["after"][number] = out
        return None
    found |= {"aggregation": out, "made": number, "sums": found["sums"] + 1}
    return Mark(layer, "aggregation")


def geometry_of(equation: Any) -> Geometry | None:
    """How the window of a convolution moves; it may lie inside calls. None if it is not [N, H, W, C]."""
    for inside in _inside(equation):
        if inside.primitive.name == "conv_general_dilated":
            p = inside.params
            wanted = jax.lax.conv_dimension_numbers((1,) * 4, (1,) * 4, AXES)
            plain = set(p["lhs_dilation"]) == {1} and p["batch_group_count"] == 1
            if (
                p["dimension_numbers"] == wanted
                and plain
                and inside.invars[1].aval.shape == _filters(equation)
            ):
                padding: Any = tuple((int(before), int(behind)) for before, behind in p["padding"])
                return Geometry(
                    tuple(p["window_strides"]), padding, tuple(p["rhs_dilation"]), p["feature_group_count"]
                )
    return None


def _filters(equation: Any) -> tuple[int, ...]:
    return equation.invars[1].aval.shape


def _inside(equation: Any) -> Iterator[Any]:
    """An equation and those of all functions that it calls."""
    yield equation
    for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
        jaxpr = getattr(value, "jaxpr", value)
        for inside in getattr(jaxpr, "eqns", ()):
            yield from _inside(inside)


def entry_of(params: Params, layer: str) -> Any:
    """The params of the layer at a path."""
    for key in layer.split("/"):
        params = params[key]
    return params
