"""What the gates of a recurrent layer do over time, as heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import figure_style, new_figure, signed_colours

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPEN = ("update", "forget", "output", "reset")  # gates, between 0 and 1
UNITS = {"update": "update gate", "forget": "forget gate", "output": "output gate", "reset": "reset gate"}
COLUMNS = 3


@figure_style()
def gates_figure(
    traces: Mapping[str, Any],
    names: Sequence[str] = ("update", "forget", "output", "candidate", "cell", "hidden"),
    sort_by: str = "cell",
) -> Figure:
    """One heat map for each gate and state of a layer: a row a neuron, a column a step.

    Gates are drawn from 0 (white) to 1 (dark); what has a sign from vermillion over white to blue. The rows
    of all maps stand in one order.

    Args:
        traces: Name to [T, H], the true steps of one sequence, such as
            `{name: x[n, :length] for name, x in sequence_features(params, x)["layer_0"].items()}`.
        names: Which, in this order; those that the layer has not are left out.
        sort_by: The trace by whose last step the neurons are sorted, where it is there.

    Raises:
        DataError: If there is none of these, or one is not [T, H].
    """
    shown = {name: np.asarray(traces[name], float) for name in names if name in traces}
    shapes = {values.shape for values in shown.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise DataError(f"gates_figure wants traces [T, H] of one shape, got {sorted(shapes) or 'none'}")
    steps, neurons = next(iter(shapes))
    order = np.argsort(shown[sort_by][-1]) if sort_by in shown else np.arange(neurons)
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(3.1 * columns, 2.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis, (name, values) in zip(axes.ravel(), shown.items(), strict=False):
        signed = name not in OPEN
        bound = max(1.0, float(np.abs(values).max())) if signed else 1.0
        scale = {"cmap": signed_colours(), "vmin": -bound} if signed else {"cmap": "Blues", "vmin": 0.0}
        image = axis.imshow(
            values[:, order].T, aspect="auto", interpolation="nearest", vmax=bound, **scale,
            extent=(0.5, steps + 0.5, neurons + 0.5, 0.5),
        )  # fmt: skip
        axis.grid(False)
        axis.set_title(UNITS.get(name, {"cell": "cell state", "hidden": "hidden state"}.get(name, name)))
        figure.colorbar(image, ax=axis, shrink=0.8, pad=0.02)
    for axis in axes.ravel()[len(shown) :]:
        axis.set_axis_off()
    for axis in axes[-1]:
        axis.set_xlabel("step")
    for axis in axes[:, 0]:
        axis.set_ylabel("neuron")
    return figure
