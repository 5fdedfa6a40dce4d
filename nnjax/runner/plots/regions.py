"""Where a classifier of two inputs draws its lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import COLOURS, INK, figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@figure_style()
def decision_regions(
    predict: Callable[[np.ndarray], Any],
    inputs: Any,
    targets: Any,
    classes: Sequence[str] = (),
    *,
    grid: int = 240,
) -> Figure:
    """The plane coloured by what the net says, the border between the classes, and the examples.

    Args:
        predict: Maps points [P, 2] to scores or probabilities [P, K] (the largest wins), or to
            integer classes [P]. With probabilities the colour pales where the net is unsure.
        inputs: The examples [N, 2].
        targets: Their classes, integers [N].
        classes: The K names; their numbers where it is empty.
        grid: Points along each side of the picture.

    Raises:
        DataError: If the examples are not [N, 2], or `predict` gives neither of the two.
    """
    figure = new_figure(4.9, 4.6)
    draw_regions(figure.subplots(), predict, inputs, targets, classes, grid=grid)
    return figure


def draw_regions(
    axis: Axes,
    predict: Callable[[np.ndarray], Any],
    inputs: Any,
    targets: Any,
    classes: Sequence[str] = (),
    *,
    grid: int = 240,
) -> None:
    """`decision_regions` into a panel of a figure of your own. Args and Raises: as there."""
    points, labels = _examples(inputs, targets)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-6)
    x, y = (np.linspace(low[i] - margin[i], high[i] + margin[i], grid) for i in (0, 1))
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
    scores = _scores(np.asarray(predict(plane)), max(len(classes), int(labels.max()) + 1))
    names = list(classes) or [str(k) for k in range(scores.shape[1])]
    known = min(len(names), scores.shape[1])
    if labels.min() < 0 or labels.max() >= known:
        raise DataError(f"decision_regions wants classes 0..{known - 1}; got {labels.min()}..{labels.max()}")
    _draw_plane(axis, x, y, scores.reshape(grid, grid, -1))
    for k in np.unique(labels):
        style, chosen = look(int(k)), points[labels == k]
        edge = {"markeredgecolor": "white", "markeredgewidth": 0.6}
        axis.plot(*chosen.T, style.marker, color=style.color, label=names[k], **edge)
    axis.grid(False)
    axis.set_xlabel("x₁")
    axis.set_ylabel("x₂", rotation=0, labelpad=8)
    axis.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderpad=0.3, borderaxespad=0.0, handlelength=1.0
    )


def _examples(inputs: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    points, labels = np.asarray(inputs, float), np.asarray(targets)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise DataError(f"decision_regions wants inputs [N, 2]; got shape {list(points.shape)}")
    if labels.shape != (len(points),) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"decision_regions wants {len(points)} integer classes; got {labels.dtype} {list(labels.shape)}"
        )
    return points, labels


def _draw_plane(axis: Axes, x: np.ndarray, y: np.ndarray, scores: np.ndarray) -> None:
    """The colour of every point, and a line where two classes are equal."""
    extent = (x[0], x[-1], y[0], y[-1])
    axis.imshow(_colours(scores), extent=extent, origin="lower", aspect="auto", interpolation="bilinear")
    classes = scores.shape[2]
    for k in range(classes if classes > 2 else 1):
        lead = scores[..., k] - np.delete(scores, k, axis=2).max(axis=2)
        if lead.min() < 0 < lead.max():
            axis.contour(x, y, lead, levels=[0.0], colors=INK, linewidths=0.9)


def _scores(said: np.ndarray, classes: int) -> np.ndarray:
    """[P, K] from either form of answer; a class that is named has 1, the others 0."""
    if said.ndim == 2 and said.shape[1] >= 2:
        return said.astype(float)
    if said.ndim == 1 and np.issubdtype(said.dtype, np.integer):
        return np.eye(max(classes, int(said.max()) + 1))[said]
    raise DataError(
        "decision_regions wants predict to give scores [P, K] with K >= 2, or integer classes [P]; "
        f"got {said.dtype} {list(said.shape)}"
    )


def _colours(scores: np.ndarray) -> np.ndarray:
    """The colour of each point: its class's, the paler the less sure the net is."""
    from matplotlib.colors import to_rgb

    hues = np.array([to_rgb(COLOURS[k % len(COLOURS)]) for k in range(scores.shape[2])])
    classes = scores.shape[2]
    certainty = np.ones(scores.shape[:2])
    if scores.min() >= 0 and np.allclose(scores.sum(axis=2), 1.0, atol=1e-3):
        certainty = (scores.max(axis=2) - 1 / classes) / (1 - 1 / classes)
    strength = (0.06 + 0.30 * certainty)[..., None]
    return 1.0 - strength * (1.0 - hues[scores.argmax(axis=2)])
