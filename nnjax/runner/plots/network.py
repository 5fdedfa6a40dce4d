"""A small network drawn as neurons and weights, the bias as an input that is always 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, INK, RIGHT, WRONG, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RADIUS = 0.27
ACROSS = 2.6  # between two layers
MOST_NUMBERS = 30  # with more weights than this between two layers their numbers would overlap
Point = tuple[float, float]


@figure_style()
def network_figure(
    params: Mapping[str, Any], inputs: Sequence[str] = (), neurons: Sequence[Sequence[str]] = ()
) -> Figure:
    """The neurons of an `mlp`, and a line for each weight: blue for more than 0, dashed vermillion for less.

    Args:
        params: {"layer_0": {"weights": [D, M], "bias": [M]}, ...}.
        inputs: What the D inputs are called.
        neurons: What the neurons of each layer are called.

    Raises:
        DataError: If these are no layers of one network.
    """
    sizes = layer_sizes(params)
    figure = new_figure(2.6 * len(sizes) + 1.6, max(2.2, 0.78 * (max(sizes) + 1)))
    draw_network(figure.subplots(), params, inputs, neurons)
    return figure


def layer_sizes(params: Mapping[str, Any]) -> list[int]:
    """D, then the neurons of each layer.

    Raises:
        DataError: If the layers do not fit together.
    """
    shapes = [np.shape(params[f"layer_{i}"]["weights"]) for i in range(len(params))]
    sizes = [shapes[0][0], *(shape[1] for shape in shapes)]
    if any(shape != (d, m) for shape, d, m in zip(shapes, sizes, sizes[1:], strict=False)):
        raise DataError(f"draw_network wants weights [D, M] where M is the next D, got {shapes}")
    return sizes


def draw_network(
    axis: Axes, params: Mapping[str, Any], inputs: Sequence[str] = (), neurons: Sequence[Sequence[str]] = ()
) -> None:
    """`network_figure` into a panel of a figure of your own. Args and Raises: as there."""
    sizes = layer_sizes(params)
    places = [column(i, size, i < len(sizes) - 1) for i, size in enumerate(sizes)]
    largest = max(
        float(np.abs(np.asarray(leaf)).max()) for layer in params.values() for leaf in layer.values()
    )
    for i in range(len(params)):
        weights, bias = (np.asarray(params[f"layer_{i}"][name]) for name in ("weights", "bias"))
        for j, end in enumerate(places[i + 1][: sizes[i + 1]]):
            for start, weight in zip(places[i], [*weights[:, j], bias[j]], strict=True):
                part = 0 if weights.size > MOST_NUMBERS else 0.26 if start == places[i][-1] else 0.3
                _draw_weight(axis, start, end, float(weight), largest or 1.0, part)
    for i, size in enumerate(sizes):
        names = inputs if i == 0 else neurons[i - 1] if i <= len(neurons) else ()
        for place, name in zip(places[i][:size], [*names, *[""] * (size - len(names))], strict=True):
            _draw_neuron(axis, place, name, side=-1 if i == 0 else 1 if i == len(sizes) - 1 else 0)
        for place in places[i][size:]:
            _draw_bias(axis, place)
    axis.set_aspect("equal")
    axis.set_axis_off()
    axis.margins(0.03)


def column(index: int, size: int, has_bias: bool) -> list[Point]:
    """Where the neurons of a layer stand, from top to bottom, and under them the 1 of the bias."""
    gap = 1.0 if index == 0 else 1.5
    top = gap * (size + has_bias - 1) / 2
    return [(ACROSS * index, top - gap * i) for i in range(size + has_bias)]


def _draw_weight(axis: Axes, start: Point, end: Point, weight: float, largest: float, part: float) -> None:
    """A line, and its number at `part` of its length; none where that is 0."""
    (x0, y0), (x1, y1) = start, end
    colour = RIGHT if weight > 0 else WRONG if weight < 0 else FAINT
    width = 0.8 + 2.4 * abs(weight) / largest
    axis.plot(
        [x0, x1], [y0, y1], color=colour, linewidth=width, linestyle="--" if weight < 0 else "-", zorder=1
    )
    if part:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        text = f"{weight:.3g}".replace("-", "−")
        axis.text(
            x0 + part * (x1 - x0), y0 + part * (y1 - y0), text, color=colour if weight else GREY, bbox=box,
            ha="center", va="center", fontsize=8.5, zorder=2,
        )  # fmt: skip


def _draw_neuron(axis: Axes, place: Point, name: str, side: int) -> None:
    """An input is a dot with its name to the left, a neuron a circle with the name below or to the right."""
    from matplotlib.patches import Circle

    x, y = place
    if side < 0:
        axis.add_patch(Circle(place, 0.09, facecolor=INK, edgecolor=INK, zorder=3))
        axis.text(x - 0.22, y, name, ha="right", va="center")
        return
    axis.add_patch(Circle(place, RADIUS, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=3))
    axis.text(x, y, "Σ│f", ha="center", va="center", fontsize=8.5, zorder=4)
    if side > 0:
        axis.text(x + RADIUS + 0.14, y, name, ha="left", va="center")
    else:
        axis.text(x, y + RADIUS + 0.12, name, ha="center", va="bottom")


def _draw_bias(axis: Axes, place: Point) -> None:
    from matplotlib.patches import Rectangle

    (x, y), half = place, 0.15
    axis.add_patch(
        Rectangle((x - half, y - half), 2 * half, 2 * half, facecolor="#f0f0f0", edgecolor=GREY, zorder=3)
    )
    axis.text(x, y, "1", ha="center", va="center", fontsize=8.5, zorder=4)
