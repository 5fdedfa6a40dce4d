"""Probabilities and what they cost: the logistic curve through examples, and the softmax of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, INK, RIGHT, WRONG, figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@figure_style()
def logistic_figure(x: Any, y: Any, curves: Mapping[str, tuple[float, float]], cost: Any = None) -> Figure:
    """Examples with one input, and p = sigmoid(w x + b) for some (w, b), with the cost of each example.

    One panel a curve. A bar stands between each example and the probability that its class is given; below
    stands the mean of -log of those probabilities.

    Args:
        x: Inputs [N].
        y: Classes, 0 or 1, integers [N].
        curves: What a curve is called -> (w, b).
        cost: `cost(w, b) -> number`, written below each panel; the mean cross entropy where it is None.

    Raises:
        DataError: If x and y are not N numbers and N classes of 0 and 1.
    """
    x, y = np.asarray(x, float).reshape(-1), np.asarray(y).reshape(-1)
    if len(x) != len(y) or not len(x) or not np.isin(y, (0, 1)).all():
        raise DataError(f"logistic_figure wants N inputs and N classes 0 or 1, got {len(x)} and {len(y)}")
    figure = new_figure(3.5 * len(curves), 3.0)
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for axis, (name, (w, b)) in zip(panels, curves.items(), strict=True):
        z = w * x + b
        mean = float(np.mean(np.logaddexp(0, z) - z * y)) if cost is None else float(cost(w, b))
        _draw_logistic(axis, x, y, w, b)
        axis.set_title(name)
        axis.set_xlabel(f"w = {w:.3g}, cost {mean:.3g}".replace("-", "−"))
    panels[0].set_ylabel("p, the probability of class 1")
    return figure


def _draw_logistic(axis: Axes, x: np.ndarray, y: np.ndarray, w: float, b: float) -> None:
    margin = 0.15 * (x.max() - x.min())
    across = np.linspace(x.min() - margin, x.max() + margin, 300)
    axis.plot(across, _sigmoid(w * across + b), color=INK)
    axis.vlines(x, y, _sigmoid(w * x + b), color=GREY, linewidth=1.0, linestyle=(0, (1.5, 1.5)))
    for label in (0, 1):
        style, chosen = look(label), y == label
        marks: dict[str, Any] = {
            "linestyle": "none",
            "markersize": 7,
            "markeredgecolor": "white",
            "zorder": 3,
        }
        axis.plot(x[chosen], y[chosen], style.marker, color=style.color, **marks)
    axis.set(ylim=(-0.08, 1.08), yticks=[0, 0.5, 1])


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * z))


@figure_style()
def softmax_figure(logits: Any, label: int, classes: Sequence[str] = ()) -> Figure:
    """One row from logits to probabilities to the loss's slope: three panels of bars.

    Args:
        logits: z [K].
        label: The true class, 0..K-1.
        classes: The K names; their numbers where it is empty.

    Raises:
        DataError: If there are fewer than two logits, or the label is none of theirs.
    """
    z = np.asarray(logits, float)
    if z.ndim != 1 or len(z) < 2 or not 0 <= label < len(z):
        raise DataError(
            f"softmax_figure wants logits [K] with K >= 2 and a label in 0..K-1, got {z.shape}, {label}"
        )
    powers = np.exp(z - z.max())
    p = powers / powers.sum()
    names = list(classes) or [str(k) for k in range(len(z))]
    colours = [RIGHT if k == label else FAINT for k in range(len(z))]
    slope = p - np.eye(len(z))[label]
    titles = ("logits z", "softmax: probabilities p", "slope of the loss: p − t")
    figure = new_figure(9.6, 2.9)
    for axis, title, values in zip(figure.subplots(1, 3), titles, (z, p, slope), strict=True):
        shades = [RIGHT if v < 0 else WRONG for v in values] if values is slope else colours
        bars = axis.bar(names, values, color=shades, edgecolor=GREY, linewidth=0.6, width=0.6)
        axis.bar_label(bars, [f"{value:.3g}".replace("-", "−") for value in values], padding=2, fontsize=9)
        axis.axhline(0, color=GREY, linewidth=0.8)
        axis.margins(y=0.18)
        axis.grid(False, axis="x")
        axis.set_title(title)
    figure.axes[1].set_xlabel(f"loss = −log {p[label]:.3g} = {-np.log(p[label]):.3g}")
    figure.axes[0].set_xlabel(f"true class: {names[label]}")
    return figure
