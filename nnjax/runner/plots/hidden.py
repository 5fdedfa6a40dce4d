"""What the hidden neurons of a net make of the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from nnjax.errors import DataError
from nnjax.layers.activations import sigmoid
from nnjax.models.mlp import mlp_features
from nnjax.runner.plots.animation import gif
from nnjax.runner.plots.lines import GRID, LinePath, around, draw_border, draw_examples, draw_line, shade
from nnjax.runner.plots.style import INK, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPACE = "the space of the hidden neurons"
NEAR = 0.09  # examples that lie nearer than this share one text


@figure_style()
def hidden_space(
    params: Mapping[str, Any],
    inputs: Any,
    targets: Any,
    activation: Callable[[Any], Any] = sigmoid,
) -> Figure:
    """A net of 2 inputs, 2 hidden neurons and 1 output: what no line divides, a line divides in hidden space.

    Left the plane of the inputs in the colours of the answer, with the line of each hidden neuron and an
    arrow to the side where it fires. Right the same examples at the activations of the two hidden neurons,
    with the line of the output neuron.

    Args:
        params: {"layer_0": {"weights": [2, 2], "bias": [2]}, "layer_1": {"weights": [2, 1], "bias": [1]}}.
        inputs: The examples [N, 2].
        targets: Their classes, 0 or 1, integers [N].
        activation: That of the hidden neurons.

    Raises:
        DataError: If these are not such a net and its examples.
    """
    figure = new_figure(7.6, 4.2)
    draw_hidden_space(figure.subplots(1, 2), params, inputs, targets, activation)
    return figure


@figure_style()
def hidden_space_gif(
    params: Mapping[str, Any],
    inputs: Any,
    targets: Any,
    activation: Callable[[Any], Any] = sigmoid,
    seconds: float = 7.0,
) -> bytes:
    """`hidden_space` as the net learns: every leaf of the params has an axis of S moments in front."""
    figure = new_figure(6.6, 3.75)
    axes = figure.subplots(1, 2)

    def draw(frame: int) -> None:
        now = {
            layer: {name: np.asarray(leaf)[frame] for name, leaf in leaves.items()}
            for layer, leaves in params.items()
        }
        draw_hidden_space(axes, now, inputs, targets, activation)

    return gif(figure, draw, len(params["layer_1"]["bias"]), seconds)


def draw_hidden_space(
    axes: Any, params: Mapping[str, Any], inputs: Any, targets: Any, activation: Callable[[Any], Any]
) -> None:
    """`hidden_space` into two panels of a figure of your own. Args and Raises: as there."""
    inputs, targets = np.asarray(inputs, np.float32), np.asarray(targets)
    shapes = [np.shape(params[name]["weights"]) for name in sorted(params)]
    if shapes != [(2, 2), (2, 1)] or inputs.ndim != 2 or inputs.shape[1] != 2:
        raise DataError(
            f"hidden_space wants inputs [N, 2] and weights [2, 2], [2, 1], got {list(inputs.shape)}, {shapes}"
        )
    _draw_plane(axes[0], params, inputs, targets, activation)
    seen = mlp_features(params, jnp.asarray(inputs), activation)
    inside = np.asarray(seen["layer_0"]["activation"])
    last = {name: np.asarray(leaf)[None] for name, leaf in params["layer_1"].items()}
    ends, window = reach(activation), None
    if ends:
        low, high = ends[0] - 0.25 * (ends[1] - ends[0]), ends[1] + 0.25 * (ends[1] - ends[0])
        window = (low, high, low, high)
    draw_line(axes[1], LinePath(SPACE, last, inside, targets, soft=True, window=window), 0)
    if ends:
        axes[1].set(xticks=ends, yticks=ends)
    axes[1].set_xlabel("h₁", color=INK)
    axes[1].set_ylabel("h₂", rotation=0, labelpad=8)
    for place, text in _grouped(inside, inputs):
        up = place[1] >= inside[:, 1].mean()  # texts point away from each other
        axes[1].annotate(
            text, place, (0, 8 if up else -8), textcoords="offset points", fontsize=8.5, ha="center",
            va="bottom" if up else "top",
        )  # fmt: skip


def reach(activation: Callable[[Any], Any]) -> tuple[float, float] | None:
    """The ends of what an activation can give, rounded; None where it has none.

    >>> reach(sigmoid)
    (0.0, 1.0)
    """
    low, high = (round(float(activation(np.float32(end))), 6) for end in (-50.0, 50.0))
    return None if abs(low) > 1 or abs(high) > 1 else (low, high)


def _draw_plane(
    axis: Axes, params: Mapping[str, Any], inputs: np.ndarray, targets: np.ndarray, activation: Callable
) -> None:
    """The inputs, the answers, and the lines of the hidden neurons."""
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    x, y = around(inputs)
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)

    def answers(points: np.ndarray) -> np.ndarray:
        return np.asarray(mlp_features(params, jnp.asarray(points), activation)["layer_1"]["aggregation"])[
            :, 0
        ]

    axis.clear()
    axis.imshow(
        shade(answers(plane).reshape(GRID, GRID), True), extent=(x[0], x[-1], y[0], y[-1]), origin="lower",
        interpolation="nearest",
    )  # fmt: skip
    weights, bias = (np.asarray(params["layer_0"][name], float) for name in ("weights", "bias"))
    for j in (0, 1):
        draw_border(axis, weights[:, j], float(bias[j]), x, y)
        _draw_arrow(axis, weights[:, j], float(bias[j]), (low + high) / 2, (x[-1] - x[0]) / 4, f"h{'₁₂'[j]}")
    draw_examples(axis, inputs, targets, (answers(inputs) >= 0) != (targets == 1))
    axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xticks=[low[0], high[0]], yticks=[low[1], high[1]])
    axis.grid(False)
    axis.set_title("the plane of the inputs")
    axis.set_xlabel("x₁")
    axis.set_ylabel("x₂", rotation=0, labelpad=8)


def _draw_arrow(
    axis: Axes, weights: np.ndarray, bias: float, centre: np.ndarray, size: float, name: str
) -> None:
    """From a point of the line, beside the one nearest to the centre, towards where the neuron fires."""
    length = float(np.linalg.norm(weights))
    if not length:
        return
    ahead = weights / length
    along = np.array([-ahead[1], ahead[0]]) * (1 if ahead[1] <= 0 else -1)  # to the right
    start = centre - ahead * (float(weights @ centre) + bias) / length + 0.5 * size * along
    if np.abs(start - centre).max() > 1.7 * size:
        return  # the line is outside of the picture
    end = start + 0.45 * size * ahead
    arrow: dict[str, Any] = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.2}
    axis.annotate("", tuple(end), tuple(start), arrowprops=arrow)
    x, y = end + 0.16 * size * ahead
    axis.text(x, y, name, ha="center", va="center", fontweight="bold", zorder=5)


def _grouped(places: np.ndarray, inputs: np.ndarray) -> list[tuple[np.ndarray, str]]:
    """A text for each example, its inputs; examples that lie together share one."""
    groups: list[tuple[np.ndarray, list[str]]] = []
    for place, example in zip(places, inputs, strict=True):
        text = "({})".format(", ".join(f"{value:g}" for value in example))
        near = next((texts for at, texts in groups if np.abs(at - place).max() < NEAR), None)
        if near is None:
            groups.append((place, [text]))
        else:
            near.append(text)
    return [(place, " and ".join(texts)) for place, texts in groups]
