"""Every number of one convolution for one example, and every sum recomputed from its filters.

What goes into the convolution, its sums and how its window moves are found in the network itself; the
slopes are those of the network's loss, by `jax.grad`, in float32. Beside them stand the same numbers
recomputed in NumPy and double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.layers.conv_forms import Geometry
from nnjax.runner.explain.formulas import FORMULAS
from nnjax.runner.explain.ledger import close
from nnjax.runner.explain.watch_window import entry_of, watch_convolution
from nnjax.training.step import divide
from nnjax.types import Array, Batch, Params, Task

RECOGNISED = ("relu", "tanh", "sigmoid")


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

    places = [made["number"]] if place is None else [made["number"], place]
    backward = jax.jit(_slopes(task, batch, layer, places, z.shape[1:]))
    loss, gradient, slopes = _stack([backward(params) for params in states])
    entries = [entry_of(params, layer) for params in states]
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


def _slopes(
    task: Task, batch: Batch, layer: str, places: Sequence[int], shape: tuple[int, ...]
) -> Callable[[Params], Any]:
    """A function of the params: the loss, its gradient in the filters, and in the results at `places`."""

    def backward(params: Params) -> Any:
        def loss(params: Params) -> Any:
            return divide(task.loss(task.net.apply(params, batch.inputs, train=False), batch))

        def shifted(shifts: Mapping[int, Array]) -> Any:
            outputs, _ = watch_convolution(task.net, params, batch.inputs, layer, shifts)
            return divide(task.loss(outputs, batch))

        value, gradients = jax.value_and_grad(loss)(params)
        slopes = jax.grad(shifted)({number: jnp.zeros((1, *shape)) for number in places})
        return value, entry_of(gradients, layer)["filters"], [slopes[number][0] for number in places]

    return backward


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


def _stack(found: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *found)
