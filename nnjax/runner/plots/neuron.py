"""One neuron of two inputs: its weights, its sums, and the line between its two answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.runner.plots.lines import LinePath, draw_line
from nnjax.runner.plots.network import draw_network
from nnjax.runner.plots.style import INK, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure_style()
def neuron_figure(
    params: Mapping[str, Any], inputs: Any, targets: Any, names: Sequence[str] = (), answer: str = ""
) -> Figure:
    """A neuron with its weights, and the plane that it divides, with the sum at each example.

    Args:
        params: {"layer_0": {"weights": [2, 1], "bias": [1]}}.
        inputs: The examples [N, 2].
        targets: Their classes, 0 or 1, integers [N].
        names: What the two inputs are called.
        answer: What the neuron says by firing.

    Raises:
        DataError: If the neuron has not two inputs.
    """
    layer = {name: np.asarray(leaf) for name, leaf in params["layer_0"].items()}
    figure = new_figure(8.6, 3.5)
    figure.set_layout_engine("constrained", w_pad=0.12)
    left, right = figure.subplots(1, 2, width_ratios=(1.45, 1))
    draw_network(left, params, [f"x{'₁₂'[i]} {name}" for i, name in enumerate(names)], [[answer]])
    path = LinePath("", {name: leaf[None] for name, leaf in layer.items()}, inputs, targets)
    draw_line(right, path, 0)
    right.set_title(line_formula(*layer["weights"].reshape(-1), *layer["bias"]))
    for point in np.asarray(inputs, float):
        total = float(point @ layer["weights"].reshape(-1) + layer["bias"][0])
        text = f"Σ = {total:.3g}".replace("-", "−")
        right.annotate(text, point, (0, -9), textcoords="offset points", ha="center", va="top", fontsize=8.5)
    right.set_xlabel("x₁", color=INK)
    right.set_ylabel("x₂", rotation=0, labelpad=8)
    return figure


def line_formula(first: float, second: float, bias: float) -> str:
    """The line on which the sum is 0, solved for x2 where that can be done.

    >>> line_formula(4, 5, -6), line_formula(3.1, 1.7, -2.2)
    ('x₂ = −4/5 x₁ + 6/5', 'x₂ = −1.82 x₁ + 1.29')
    >>> line_formula(-1, 0, 0.5)
    'x₁ = 1/2'
    """
    if second:
        slope, height = -first / second, -bias / second
        text = f"x₂ = {_fraction(slope)} x₁ {'-' if height < 0 else '+'} {_fraction(abs(height))}"
    else:
        text = f"x₁ = {_fraction(-bias / first)}" if first else "no line"
    return text.replace("-", "−")


def _fraction(value: float) -> str:
    """A small fraction where it is one, otherwise three digits."""
    near = Fraction(value).limit_denominator(12)
    return str(near) if abs(near - value) < 1e-6 else f"{value:.3g}"
