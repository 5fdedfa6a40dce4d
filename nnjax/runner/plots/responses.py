"""What each hidden neuron answers over the plane, beside what the whole net makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.regions import draw_regions
from nnjax.runner.plots.style import COLOURS, INK, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = 120  # points along each side of a heat map
ACROSS = 8  # heat maps in a row, at most
SIDE = (1.1, 1.7)  # inches, of a heat map: the smallest and the largest
REGIONS = 4.2  # inches, of the decision regions
PALE = 0.75  # of the colours' strength, so that lines and points are seen on them
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@figure_style()
def responses_figure(
    predict: Callable[[np.ndarray], Any],
    respond: Callable[[np.ndarray], Sequence[Any]],
    inputs: Any,
    targets: Any,
    classes: Sequence[str] = (),
    names: tuple[str, str] = ("x₁", "x₂"),
) -> Figure:
    """The decision regions, and a heat map for each hidden neuron, layer by layer.

    In a heat map vermillion is above 0, blue below, white 0; all of a layer share one scale. The thin line is
    where the neuron is at 0.

    Args:
        predict: As for `decision_regions`.
        respond: Maps points [P, 2] to the activations of each hidden layer, [P, M] each.
        inputs: The examples [N, 2].
        targets: Their classes, integers [N].
        classes: The K names; their numbers where it is empty.
        names: What the two inputs are called.

    Raises:
        DataError: If the examples are not [N, 2], or there is no hidden layer.
    """
    points = np.asarray(inputs, float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise DataError(f"responses_figure wants inputs [N, 2], got shape {list(points.shape)}")
    x, y = _axes(points)
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
    layers = [np.asarray(layer, float).reshape(GRID, GRID, -1) for layer in respond(plane)]
    if not layers:
        raise DataError("responses_figure wants at least one hidden layer, got none")
    columns = _columns([layer.shape[2] for layer in layers])
    rows = [-(-layer.shape[2] // columns) for layer in layers]
    heads = 0.3 * len(layers) + 0.2 * sum(rows)
    side = float(np.clip((REGIONS - heads) / sum(rows), *SIDE))
    figure = new_figure(REGIONS + side * columns + 0.4, max(REGIONS, sum(rows) * side + heads))
    widths = (REGIONS, side * columns + 0.2)
    left, right = figure.subfigures(1, 2, width_ratios=widths, wspace=0.03, squeeze=False)[0]
    whole = left.subplots()
    draw_regions(whole, predict, inputs, targets, classes)
    whole.set_box_aspect(1)
    whole.set_xlabel(names[0])
    whole.set_ylabel(names[1], rotation=0 if len(names[1]) < 4 else 90, labelpad=6)
    parts = right.subfigures(len(layers), 1, height_ratios=rows, squeeze=False)[:, 0]
    for index, (part, layer) in enumerate(zip(parts, layers, strict=True)):
        title = "the hidden neurons" if len(layers) == 1 else f"hidden layer {index + 1}"
        part.suptitle(title, x=0.0, ha="left", fontsize=10.5, fontweight="bold")
        grid = part.subplots(rows[index], columns, squeeze=False).reshape(-1)
        _draw_layer(grid, layer, (x, y), points)
    return figure


def _columns(widths: Sequence[int]) -> int:
    """Heat maps in a row: all of a layer where they fit, else rows as full as can be."""
    widest = max(widths)
    rows = -(-widest // ACROSS)
    return 4 if widest == ACROSS and len(widths) == 1 else -(-widest // rows)


def _axes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-6)
    x, y = (np.linspace(low[i] - margin[i], high[i] + margin[i], GRID) for i in (0, 1))
    return x, y


def _draw_layer(
    axes: Sequence[Axes], layer: np.ndarray, ends: tuple[np.ndarray, np.ndarray], points: np.ndarray
) -> None:
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    low, high = (1 - PALE * (1 - np.array(to_rgb(COLOURS[k]))) for k in (0, 1))
    scale = [tuple(map(float, colour)) for colour in (low, np.ones(3), high)]
    colours = LinearSegmentedColormap.from_list("answers", scale, N=17)  # type: ignore[arg-type]
    largest = float(np.abs(layer).max()) or 1.0
    (x, y), extent = ends, (ends[0][0], ends[0][-1], ends[1][0], ends[1][-1])
    for j, axis in enumerate(axes):
        axis.set_axis_off()
        if j >= layer.shape[2]:
            continue
        answer = layer[..., j]
        axis.imshow(
            answer, cmap=colours, vmin=-largest, vmax=largest, extent=extent, origin="lower", aspect="auto"
        )
        axis.set_box_aspect(1)
        if answer.min() < 0 < answer.max():
            axis.contour(x, y, answer, levels=[0.0], colors=INK, linewidths=0.7)
        axis.plot(*points.T, ".", color=INK, markersize=1.6, markeredgewidth=0, alpha=0.6)
        axis.set_title(f"h{j + 1}".translate(SUBSCRIPTS), fontsize=8.5, fontweight="normal", pad=3)
