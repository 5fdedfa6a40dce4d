"""Who looks at whom: attention maps, masks and positions as heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import INK, figure_style, new_figure, signed_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_WRITTEN = 8  # positions whose weights stand in their cells
SIDE = 2.5  # inches of a map


@figure_style()
def attention_figure(
    maps: Mapping[str, Any],
    asking: Sequence[str],
    asked: Sequence[str] | None = None,
    columns: int = 4,
) -> Figure:
    """Attention maps beside each other: the row asks, the column is asked; dark is a large weight.

    Args:
        maps: Title to weights [T, S], rows adding up to 1, such as one head of `attention_maps`. In a mask
            (Bool) what is not allowed is white.
        asking: What stands before the T rows.
        asked: What stands under the S columns; None: the same.
        columns: How many maps stand side by side.

    Raises:
        DataError: If there is no map, or one is not [T, S].
    """
    asked = asking if asked is None else asked
    shapes = {np.shape(weights) for weights in maps.values()}
    if shapes != {(len(asking), len(asked))}:
        raise DataError(f"attention_figure wants maps [{len(asking)}, {len(asked)}], got {sorted(shapes)}")
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    figure = new_figure((SIDE + 0.25) * columns, (SIDE + 0.65) * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, (title, weights) in zip(axes.ravel(), maps.items(), strict=False):
        draw_attention(axis, np.asarray(weights, float), asking, asked)
        axis.set_title(title)
    for axis in axes.ravel()[len(maps) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("asks")
    for axis in axes[-1]:
        axis.set_xlabel("is asked")
    return figure


def draw_attention(axis: Axes, weights: np.ndarray, asking: Sequence[str], asked: Sequence[str]) -> None:
    """One map on an axis of your own; its weights as numbers where they can be read."""
    axis.imshow(weights, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axis.grid(False)
    axis.tick_params(length=0)
    axis.set_xticks(range(len(asked)), asked)
    axis.set_yticks(range(len(asking)), asking)
    if max(weights.shape) > MOST_WRITTEN:
        return
    for (row, column), weight in np.ndenumerate(weights):
        if weight > 0.005:
            text = f"{weight:.2f}".removeprefix("0") if weight < 0.995 else "1"
            colour = "white" if weight > 0.6 else INK
            axis.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


@figure_style()
def positions_figure(panels: Mapping[str, Any], across: Mapping[str, str], down: str = "position") -> Figure:
    """Numbers of positions as heat maps, vermillion below 0 and blue above.

    Args:
        panels: Title to numbers [T, D].
        across: Title to what the columns are.
        down: What the rows are.

    Raises:
        DataError: If numbers are not [T, D].
    """
    if any(np.ndim(values) != 2 for values in panels.values()) or not panels:
        raise DataError("positions_figure wants numbers [T, D]")
    figure = new_figure(3.6 * len(panels), 3.2)
    for axis, (title, values) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        values = np.asarray(values, float)
        bound = float(np.abs(values).max())
        image = axis.imshow(
            values, aspect="auto", interpolation="nearest", cmap=signed_colours(), vmin=-bound, vmax=bound
        )
        axis.grid(False)
        axis.set(title=title, xlabel=across[title], ylabel=down)
        figure.colorbar(image, ax=axis, shrink=0.85, pad=0.02)
    return figure
