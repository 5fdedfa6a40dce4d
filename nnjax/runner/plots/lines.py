"""The line that one neuron draws through the plane, and how it moves while the neuron learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.animation import gif
from nnjax.runner.plots.style import COLOURS, GREY, INK, figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = 241  # points along each side of the plane
BANDS = 8  # shades of a class, from unsure to sure: bands are seen in print, and make small files


class LinePath(NamedTuple):
    """One neuron on its way.

    Attributes:
        title: What it learns, and how.
        params: {"weights": [S + 1, 2, 1], "bias": [S + 1, 1]}: at the start, and after each step.
        inputs: The examples [N, 2].
        targets: Their classes, 0 or 1, integers [N].
        unit: What a step is called.
        soft: Whether its answer is the sigmoid's probability, or the step's 0 or 1.
        window: What is shown of the plane, (x low, x high, y low, y high); None: all around the examples.
    """

    title: str
    params: Mapping[str, Any]
    inputs: Any
    targets: Any
    unit: str = "step"
    soft: bool = False
    window: tuple[float, float, float, float] | None = None

    @property
    def last(self) -> int:
        """S."""
        return len(self.params["bias"]) - 1

    def moments(self, count: int) -> list[int]:
        """`count` steps from 0 to S: evenly spaced, or the denser the earlier where the answer is soft,
        since gradient descent slows down."""
        shares = np.linspace(0, 1, count) ** (2 if self.soft else 1)
        return [round(share * self.last) for share in shares]


def draw_line(axis: Axes, path: LinePath, step: int) -> None:
    """One panel: the plane in the colours of the neuron's answer, its line, and the examples.

    A cross marks the examples that it answers wrongly; below stands how many they are.

    Args:
        axis: The panel; what was in it goes.
        path: The neuron.
        step: Which of its states.

    Raises:
        DataError: If the examples are not [N, 2], or the neuron has not two weights.
    """
    inputs, targets = np.asarray(path.inputs, float), np.asarray(path.targets)
    weights = np.asarray(path.params["weights"][step], float).reshape(-1)
    bias = float(np.reshape(path.params["bias"][step], ()))
    if inputs.ndim != 2 or inputs.shape[1] != 2 or weights.shape != (2,):
        raise DataError(
            f"draw_line wants inputs [N, 2] and 2 weights, got {list(inputs.shape)} and {list(weights.shape)}"
        )
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    x, y = around(inputs) if path.window is None else corners(path.window)
    axis.clear()
    colours = shade(weights[0] * x[None, :] + weights[1] * y[:, None] + bias, path.soft)
    axis.imshow(colours, extent=(x[0], x[-1], y[0], y[-1]), origin="lower", interpolation="nearest")
    draw_border(axis, weights, bias, x, y)
    wrong = (inputs @ weights + bias >= 0) != (targets == 1)
    draw_examples(axis, inputs, targets, wrong)
    axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xticks=[low[0], high[0]], yticks=[low[1], high[1]])
    axis.grid(False)
    axis.set_title(path.title)
    count = int(wrong.sum())
    said = f"{path.unit} {step}: {count or 'no'} mistake{'' if count == 1 else 's'}"
    axis.set_xlabel(said, color=INK if count else GREY, fontsize=8.5)


def around(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two axes of a part of the plane with all examples [N, 2] in its middle."""
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    margin = 0.5 * max(float((high - low).max()), 1e-6)
    return corners((low[0] - margin, high[0] + margin, low[1] - margin, high[1] + margin))


def corners(window: tuple[float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """GRID points along each axis of a part of the plane."""
    return np.linspace(*window[:2], GRID), np.linspace(*window[2:], GRID)


def draw_examples(axis: Axes, inputs: np.ndarray, targets: np.ndarray, wrong: np.ndarray) -> None:
    """The examples [N, 2] in the colours of their classes, with a cross on those that are `wrong` [N]."""
    for label in (0, 1):
        style = look(label)
        big = {"markersize": 9, "markeredgecolor": "white", "zorder": 3}
        axis.plot(*inputs[targets == label].T, style.marker, color=style.color, **big)
    axis.plot(*inputs[wrong].T, "x", color=INK, markersize=6, markeredgewidth=1.8, zorder=4)


def shade(sums: np.ndarray, soft: bool) -> np.ndarray:
    """The colour of each point: its class's, and with a soft answer the paler the less sure it is."""
    from matplotlib.colors import to_rgb

    hues = np.array([to_rgb(COLOURS[0]), to_rgb(COLOURS[1])])
    certainty = np.abs(np.tanh(sums / 2)) if soft else np.ones_like(sums)  # |2 p - 1|
    certainty = np.round(BANDS * certainty) / BANDS
    return 1.0 - (0.03 + 0.27 * certainty)[..., None] * (1.0 - hues[(sums >= 0).astype(int)])


def draw_border(axis: Axes, weights: np.ndarray, bias: float, x: np.ndarray, y: np.ndarray) -> None:
    """The line w1 x1 + w2 x2 + b = 0; there is none where both weights are 0."""
    if not np.abs(weights).max():
        return
    ends = {0: np.array([x[0], x[-1]]), 1: np.array([y[0], y[-1]])}
    across = int(abs(weights[1]) < abs(weights[0]))  # solved for the input with the larger weight
    ends[1 - across] = -(weights[across] * ends[across] + bias) / weights[1 - across]
    axis.plot(ends[0], ends[1], color=INK, linewidth=1.8, zorder=2)


@figure_style()
def line_strip(paths: Sequence[LinePath], moments: int | Sequence[Sequence[int]] = 5) -> Figure:
    """A strip of frames: one row a neuron, one column a moment, from the start to the end.

    Args:
        paths: The neurons.
        moments: How many moments, or which steps of each neuron, as many of each.

    Raises:
        DataError: As `draw_line`.
    """
    chosen = [path.moments(moments) for path in paths] if isinstance(moments, int) else moments
    columns = max(len(steps) for steps in chosen)
    figure = new_figure(1.72 * columns, 2.2 * len(paths))
    axes = figure.subplots(len(paths), columns, squeeze=False)
    for row, (path, steps) in enumerate(zip(paths, chosen, strict=True)):
        for column, step in enumerate(steps):
            draw_line(axes[row, column], path if column == 0 else path._replace(title=""), step)
    return figure


@figure_style()
def line_gif(paths: Sequence[LinePath], frames: int = 30, columns: int = 2, seconds: float = 7.0) -> bytes:
    """The neurons side by side, learning.

    Args:
        paths: The neurons; all of them start and end together.
        frames: How many pictures.
        columns: Panels a row.
        seconds: How long it takes from the start to the end.

    Raises:
        DataError: As `draw_line`.
    """
    rows = -(-len(paths) // columns)
    figure = new_figure(2.6 * columns, 2.95 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axis in axes[len(paths) :]:
        axis.set_axis_off()
    shown = [path.moments(frames) for path in paths]

    def draw(frame: int) -> None:
        for axis, path, steps in zip(axes, paths, shown, strict=False):
            draw_line(axis, path, steps[frame])

    return gif(figure, draw, frames, seconds)
