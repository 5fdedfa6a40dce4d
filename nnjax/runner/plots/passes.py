"""The forward and the backward pass of one example, drawn on the network: every number on its line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.animation import gif
from nnjax.runner.plots.style import GREY, INK, RIGHT, WRONG, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nnjax.training.backprop import Backward, Forward

FORWARD = "Forward: activations on weights"
BACKWARD = "Backward: dJ/dz in the neurons, dJ/dw on the lines"
MANY = 40  # lines: beyond that no numbers are written on them
RADIUS = 0.25  # of a neuron
SPACE = 0.9  # between neighbours of a layer
COLUMN = 2.6  # between two layers
INCHES = 0.75  # of paper for each of these units: the letters do not shrink with the size of the net
Point = tuple[float, float]


class Signal(NamedTuple):
    """What is drawn on a network of D inputs and layers of M_1, ..., M_L neurons.

    Attributes:
        title: What it shows.
        nodes: A number for each input and neuron: [D], [M_1], ..., [M_L]; NaN leaves one blank.
        weights: A number for each weight: [D, M_1], [M_1, M_2], ...
        biases: A number for each bias: [M_1], ...
        back: Whether the arrows point back, to the inputs.
    """

    title: str
    nodes: Sequence[Any]
    weights: Sequence[Any]
    biases: Sequence[Any]
    back: bool = False


def signals(params: Any, layers: Sequence[Forward], links: Sequence[Backward]) -> list[Signal]:
    """The two passes of the first example, as `signal_figure` takes them.

    Args:
        params: Those of an `mlp`.
        layers: What `nnjax.training.backprop.forward` kept.
        links: What `backward` made of it.
    """
    inputs = np.asarray(layers[0].inputs[0])
    names = [f"layer_{i}" for i in range(len(layers))]
    return [
        Signal(
            FORWARD,
            [inputs, *(np.asarray(layer.activation[0]) for layer in layers)],
            [np.asarray(params[name]["weights"]) for name in names],
            [np.asarray(params[name]["bias"]) for name in names],
        ),
        Signal(
            BACKWARD,
            [np.full(inputs.shape, np.nan), *(np.asarray(link.cost_by_aggregation[0]) for link in links)],
            [np.asarray(link.cost_by_weights) for link in links],
            [np.asarray(link.cost_by_bias) for link in links],
            back=True,
        ),
    ]


@figure_style()
def signal_figure(
    signals: Sequence[Signal], inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> Figure:
    """One network, drawn once for each signal, from left to right.

    Args:
        signals: The numbers to draw: activations on weights, say, and slopes on slopes.
        inputs: Names of the inputs.
        outputs: Names of the outputs.

    Raises:
        DataError: If the numbers do not fit together as the layers of a network do.
    """
    if not signals:
        raise DataError("signal_figure wants at least one signal, got none")
    width, height = _inches(signals[0])
    figure = new_figure(len(signals) * width, height)
    for axis, signal in zip(figure.subplots(1, len(signals), squeeze=False)[0], signals, strict=True):
        draw_signal(axis, signal, inputs, outputs)
    figure.draw_without_rendering()  # the layout finds the height of the titles in its second round only
    return figure


@figure_style()
def signal_gif(
    frames: Sequence[tuple[str, Sequence[Signal]]], inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> bytes:
    """`signal_figure` again and again, as a GIF.

    Args:
        frames: A text ("step 8") and the signals of each frame.
        inputs: Names of the inputs.
        outputs: Names of the outputs.

    Raises:
        DataError: As `signal_figure`.
    """
    width, height = _inches(frames[0][1][0])
    figure = new_figure(len(frames[0][1]) * width, height + 0.3)
    axes = figure.subplots(1, len(frames[0][1]), squeeze=False)[0]
    # One scale for all frames: what dies away is seen to.
    scales = [
        tuple(max(pair) for pair in zip(*map(largest, column), strict=True))
        for column in zip(*(signals for _, signals in frames), strict=True)
    ]

    def draw(index: int) -> None:
        text, signals = frames[index]
        figure.suptitle(text, x=0.01, ha="left", fontsize=10, color=GREY)
        for axis, signal, scale in zip(axes, signals, scales, strict=True):
            axis.clear()
            draw_signal(axis, signal, inputs, outputs, scale)

    return gif(figure, draw, len(frames), seconds=1.1 * len(frames))


def largest(signal: Signal) -> tuple[float, float]:
    """The largest absolute number in the neurons, and on the lines.

    >>> largest(Signal("", [[2.0], [-3.0]], [[[0.5]]], [[0.0]]))
    (3.0, 0.5)
    """
    nodes = max(float(np.nanmax(np.abs(values), initial=0.0)) for values in signal.nodes)
    lines = max(float(np.abs(matrix).max()) for matrix in (*signal.weights, *signal.biases))
    return nodes, lines


def draw_signal(
    axis: Axes,
    signal: Signal,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    scale: tuple[float, float] | None = None,
) -> None:
    """`signal_figure` of one signal into a panel of a figure of your own.

    Blue is positive, vermillion negative; the thicker a line and the fuller a neuron, the larger the number.
    The 1 below a layer is the input of the next layer's biases.

    Args:
        axis: The panel.
        signal: The numbers.
        inputs: Names of the inputs.
        outputs: Names of the outputs.
        scale: The numbers of a full neuron and of a line of full thickness; None means the largest.

    Raises:
        DataError: As `signal_figure`.
    """
    sizes = _sizes(signal)
    places = [_places(layer, size) for layer, size in enumerate(sizes)]
    entries = [np.vstack([w, np.atleast_1d(b)]) for w, b in zip(signal.weights, signal.biases, strict=True)]
    numbered = sum(matrix.size for matrix in entries) <= MANY
    fullest, widest = (number or 1.0 for number in scale or largest(signal))
    for layer, matrix in enumerate(entries):
        for (i, j), value in np.ndenumerate(matrix):
            ends = places[layer][i], places[layer + 1][j]
            # Numbers stand at two places in turn, so that those of neighbouring lines keep apart.
            spot = (0.22, 0.52)[j % 2] if numbered else None
            _draw_line(axis, ends, float(value), abs(float(value)) / widest, spot, signal.back)
    for layer, values in enumerate(signal.nodes):
        for place, value in zip(places[layer][:-1], np.asarray(values, float), strict=True):
            _draw_neuron(axis, place, float(value), abs(float(value)) / fullest, max(sizes) > MANY)
        if layer < len(sizes) - 1:
            _draw_one(axis, places[layer][-1])
    for names, column in ((inputs, places[0]), (outputs, places[-1])):
        for name, (x, y) in zip(names, column, strict=False):
            axis.text(x, y + RADIUS + 0.03, name, fontsize=8, color=GREY, ha="center", va="bottom")
    width, height = _extent(sizes)
    bottom = -(max(sizes) + 1) * SPACE / 2 - 0.3
    axis.set(title=signal.title, aspect="equal", xlim=(-0.5, width - 0.5), ylim=(bottom, bottom + height))
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def short(value: float) -> str:
    """A number in a few letters.

    >>> short(0.0), short(-0.123456), short(12.34), short(0.00123), short(1.2e-6)
    ('0', '−0.12', '12', '0.0012', '1e-6')
    """
    if value == 0:
        return "0"
    if abs(value) < 5e-5:
        text = f"{value:.0e}".replace("e-0", "e-")
    elif abs(value) < 0.01:
        text = f"{value:.2g}"
    else:
        text = f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
    return text.replace("-", "−", 1) if value < 0 else text


def _sizes(signal: Signal) -> list[int]:
    """D, M_1, ..., M_L, or a DataError."""
    sizes = [len(values) for values in signal.nodes]
    wanted = list(itertools.pairwise(sizes))
    weights, biases = [np.shape(w) for w in signal.weights], [np.shape(b) for b in signal.biases]
    if weights != wanted or biases != [(after,) for after in sizes[1:]]:
        raise DataError(
            f"a network of {sizes} neurons wants weights {wanted} and biases {sizes[1:]}, got weights "
            f"{weights} and biases {biases}"
        )
    return sizes


def _extent(sizes: Sequence[int]) -> tuple[float, float]:
    """The width and height of the whole drawing, with the names above the neurons."""
    return (len(sizes) - 1) * COLUMN + 1.0, max(sizes) * SPACE + 0.3 + RADIUS + 0.3


def _inches(signal: Signal) -> tuple[float, float]:
    width, height = _extent(_sizes(signal))
    return width * INCHES, height * INCHES + 0.3


def _places(layer: int, size: int) -> list[Point]:
    """Where the neurons of a layer stand, from the top down, and last its 1."""
    top = (size - 1) * SPACE / 2
    return [(layer * COLUMN, top - i * SPACE) for i in range(size + 1)]


def _draw_line(
    axis: Axes, ends: tuple[Point, Point], value: float, share: float, spot: float | None, back: bool
) -> None:
    """An arrow as thick as `share` in [0, 1] says, and its number at `spot` of its length."""
    from matplotlib.patches import FancyArrowPatch

    start, end = (np.array(point) for point in ends)
    along = (end - start) / np.linalg.norm(end - start)
    tail, head = start + along * RADIUS, end - along * RADIUS
    axis.add_patch(
        FancyArrowPatch(
            tuple(tail),
            tuple(head),
            arrowstyle=f"{'<|-' if back else '-|>'},head_length=0.35,head_width=0.18",
            mutation_scale=9 + 5 * share,
            linewidth=0.4 + 4.2 * share,
            color=RIGHT if value >= 0 else WRONG,
            alpha=0.25 + 0.6 * share,
            shrinkA=0,
            shrinkB=0,
            zorder=1,
        )
    )
    if spot is not None:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.9}
        x, y = tail + (head - tail) * spot
        axis.text(x, y, short(value), fontsize=7.5, color=INK, ha="center", va="center", bbox=box, zorder=4)


def _draw_neuron(axis: Axes, place: Point, value: float, share: float, bare: bool) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Circle

    blank = not np.isfinite(value)
    full = np.array(to_rgb(RIGHT if value >= 0 else WRONG))
    face = "white" if blank else tuple(1 - (1 - full) * (0.08 + 0.72 * share))
    axis.add_patch(Circle(place, RADIUS, facecolor=face, edgecolor=INK, linewidth=0.9, zorder=3))
    if not (blank or bare):
        colour = "white" if share > 0.75 else INK
        axis.text(*place, short(value), fontsize=7.5, color=colour, ha="center", va="center", zorder=5)


def _draw_one(axis: Axes, place: Point) -> None:
    from matplotlib.patches import Rectangle

    side = 1.3 * RADIUS
    corner = (place[0] - side / 2, place[1] - side / 2)
    axis.add_patch(Rectangle(corner, side, side, facecolor="white", edgecolor=GREY, linewidth=0.8, zorder=3))
    axis.text(*place, "1", fontsize=7.5, color=GREY, ha="center", va="center", zorder=5)
