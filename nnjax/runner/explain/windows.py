"""Every number of one convolution for one example, and every sum recomputed from its filters.

What goes into the convolution, its sums and how its window moves are found in the network itself; the
slopes are those of the network's loss, by `jax.grad`, in float32. Beside them stand the same numbers
recomputed in NumPy and double precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.layers.conv_forms import AXES, Geometry
from nnjax.runner.explain.formulas import FORMULAS
from nnjax.runner.explain.ledger import close
from nnjax.runner.explain.trace import CUSTOM, LOOPS, Done, Mark, same, trace
from nnjax.training.step import divide
from nnjax.types import Array, Batch, Net, Params, Task

RECOGNISED = ("relu", "tanh", "sigmoid")


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


class Windows(NamedTuple):
    """What the network itself computed for one example at T steps; float32 NumPy arrays.

    Attributes:
        layer: The name of the convolution.
        geometry: How its window moves.
        filters: [T, kh, kw, C / G, O].
        bias: [T, O]; zeros where the layer has none.
        inputs: [T, H, W, C].
        aggregation: z, [T, h, w, O].
        activation: "relu", "tanh" or "sigmoid", or None where what follows is none of these.
        activated: What the activation gives, [T, h, w, O], or None.
        slopes: d loss / dz, [T, h, w, O].
        activated_slopes: d loss / da, [T, h, w, O], or None.
        gradient: d loss / d filters, [T, kh, kw, C / G, O].
        loss: [T], of this example.
        outputs: The network's, [T, ...].
    """

    layer: str
    geometry: Geometry
    filters: np.ndarray
    bias: np.ndarray
    inputs: np.ndarray
    aggregation: np.ndarray
    activation: str | None
    activated: np.ndarray | None
    slopes: np.ndarray
    activated_slopes: np.ndarray | None
    gradient: np.ndarray
    loss: np.ndarray
    outputs: np.ndarray


class WindowResiduals(NamedTuple):
    """The largest distance between a number of the network and the same one recomputed, of all T steps.

    Attributes:
        aggregation: sum x w + b at every place, of every channel.
        activation: f(z).
        slope: d loss / dz = (d loss / da) f'(z).
        gradient: d loss / dw = sum over all places of x d loss / dz.
    """

    aggregation: float
    activation: float
    slope: float
    gradient: float


def convolution_names(params: Params) -> list[str]:
    """The paths of the convolutions among nested params: every {filters [kh, kw, C, O], ...}.

    >>> convolution_names({"conv_1": {"filters": np.ones((3, 3, 1, 2)), "bias": np.ones(2)}, "output": {}})
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
    biased = "bias" in _entry(params, layer)

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


def measure_windows(task: Task, states: Sequence[Params], batch: Batch, layer: str) -> Windows:
    """The network's own numbers of one convolution for one example, at each of T states.

    Raises:
        ConfigError: If the network uses the convolution more than once.
    """
    made: dict[str, Any] = {}

    @jax.jit
    def forward(params: Params) -> Any:
        outputs, seen = watch_convolution(task.net, params, batch.inputs, layer)
        made.update(number=seen.made, geometry=seen.geometry)
        return outputs, seen.inputs[0], seen.aggregation[0], {n: v[0] for n, v in seen.after.items()}

    outputs, inputs, z, after = _stack([forward(params) for params in states])
    activation, place = _recognise(z, after)

    @jax.jit
    def backward(params: Params) -> Any:
        def loss(params: Params) -> Any:
            return divide(task.loss(task.net.apply(params, batch.inputs, train=False), batch))

        def shifted(shifts: Mapping[int, Array]) -> Any:
            return divide(
                task.loss(watch_convolution(task.net, params, batch.inputs, layer, shifts)[0], batch)
            )

        places = [made["number"]] if place is None else [made["number"], place]
        nothing = {number: jnp.zeros((1, *z.shape[1:])) for number in places}
        value, gradients = jax.value_and_grad(loss)(params)
        slopes = jax.grad(shifted)(nothing)
        return value, _entry(gradients, layer)["filters"], [slopes[number][0] for number in places]

    loss, gradient, slopes = _stack([backward(params) for params in states])
    entries = [_entry(params, layer) for params in states]
    bias = [entry.get("bias", np.zeros(z.shape[-1], np.float32)) for entry in entries]
    return Windows(
        layer=layer,
        geometry=made["geometry"],
        filters=np.stack([entry["filters"] for entry in entries]),
        bias=np.stack(bias),
        inputs=inputs,
        aggregation=z,
        activation=activation,
        activated=None if place is None else after[place],
        slopes=slopes[0],
        activated_slopes=None if place is None else slopes[1],
        gradient=gradient,
        loss=loss,
        outputs=outputs[:, 0],
    )


def window_residuals(numbers: Windows) -> WindowResiduals:
    """Recomputes every sum of the convolution at every step from its filters, in double precision."""
    worst = dict.fromkeys(WindowResiduals._fields, 0.0)

    def compare(name: str, recomputed: Any, own: Any) -> None:
        worst[name] = max(worst[name], float(np.abs(recomputed - own).max(initial=0.0)))

    for t in range(len(numbers.filters)):
        z = numbers.aggregation[t].astype(float)
        compare("aggregation", sums(numbers, t), z)
        compare("gradient", filter_slopes(numbers, t), numbers.gradient[t])
        if numbers.activation and numbers.activated is not None and numbers.activated_slopes is not None:
            f, derivative = FORMULAS[numbers.activation]
            compare("activation", f(z), numbers.activated[t])
            compare("slope", numbers.activated_slopes[t].astype(float) * derivative(z), numbers.slopes[t])
    return WindowResiduals(**worst)


def sums(numbers: Windows, frame: int) -> np.ndarray:
    """z at every place [h, w, O], recomputed: sum over a, b, c of x w, plus b."""
    filters, places = numbers.filters[frame].astype(float), numbers.aggregation.shape[1:3]
    z = np.zeros(numbers.aggregation.shape[1:]) + numbers.bias[frame].astype(float)
    for a, b, seen in _shifted(numbers, frame, places):
        for channels, outputs in groups(numbers):
            z[:, :, outputs] += seen[:, :, channels] @ filters[a, b, :, outputs]
    return z


def filter_slopes(numbers: Windows, frame: int) -> np.ndarray:
    """d loss / d filters, recomputed: sum over all places of x d loss / dz."""
    found = np.zeros(numbers.filters.shape[1:])
    slopes = numbers.slopes[frame].astype(float)
    for a, b, seen in _shifted(numbers, frame, slopes.shape[:2]):
        for channels, outputs in groups(numbers):
            found[a, b, :, outputs] = np.einsum("hwc,hwo->co", seen[:, :, channels], slopes[:, :, outputs])
    return found


def groups(numbers: Windows) -> list[tuple[slice, slice]]:
    """Which input channels each part of the output channels sees."""
    count = numbers.geometry.groups
    c, o = numbers.filters.shape[3], numbers.filters.shape[4] // count
    return [(slice(g * c, (g + 1) * c), slice(g * o, (g + 1) * o)) for g in range(count)]


def window_of(numbers: Windows, frame: int, place: tuple[int, int], channel: int) -> np.ndarray:
    """What the window at `place` covers, [kh, kw, C / G]; 0 outside the image."""
    geometry, (kh, kw) = numbers.geometry, numbers.filters.shape[1:3]
    padded = np.pad(numbers.inputs[frame].astype(float), (*geometry.padding, (0, 0)))
    rows, columns = (
        place[i] * geometry.stride[i] + geometry.dilation[i] * np.arange(size)
        for i, size in enumerate((kh, kw))
    )
    channels = next(seen for seen, outputs in groups(numbers) if channel < outputs.stop)
    return padded[np.ix_(rows, columns)][:, :, channels]


def seen_by(numbers: Windows, frame: int, entry: tuple[int, int, int], channel: int) -> np.ndarray:
    """What one entry (a, b, c) of a filter was multiplied with at every place, [h, w]."""
    places = numbers.aggregation.shape[1:3]
    offset = next(seen for seen, outputs in groups(numbers) if channel < outputs.stop).start
    for a, b, seen in _shifted(numbers, frame, places):
        if (a, b) == entry[:2]:
            return seen[:, :, offset + entry[2]]
    raise ConfigError(f"{numbers.layer} has no entry {entry}")


def _shifted(numbers: Windows, frame: int, places: tuple[int, ...]) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each place (a, b) of the window what it lies on at every place of the image, [h, w, C]."""
    g, (kh, kw) = numbers.geometry, numbers.filters.shape[1:3]
    padded = np.pad(numbers.inputs[frame].astype(float), (*g.padding, (0, 0)))
    for a in range(kh):
        for b in range(kw):
            down, right = a * g.dilation[0], b * g.dilation[1]
            yield a, b, padded[down :: g.stride[0], right :: g.stride[1]][: places[0], : places[1]]


def _recognise(z: np.ndarray, after: dict[int, np.ndarray]) -> tuple[str | None, int | None]:
    """The activation that gives what the network makes of z, and the operation that gives it."""
    for place, value in after.items():
        for name in RECOGNISED:
            if close(FORMULAS[name][0](z.astype(float)), value):
                return name, place
    return None, None


def _entry(params: Params, layer: str) -> Any:
    for key in layer.split("/"):
        params = params[key]
    return params


def _stack(found: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *found)
