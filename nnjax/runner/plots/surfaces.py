"""A cost over two parameters, as a map with its contour lines, and the ways that trainings take down it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.animation import gif
from nnjax.runner.plots.style import GREY, INK, figure_style, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = 161  # points along each side of the map
LEVELS = 14
Point = tuple[float, float]


class Way(NamedTuple):
    """How one training went down.

    Attributes:
        name: What it is called.
        points: The two parameters at the start and after each step, [S + 1, 2].
        index: Which colour, line and marker it has (`look`); None counts through.
    """

    name: str
    points: Any
    index: int | None = None


class Surface(NamedTuple):
    """One map.

    Attributes:
        title: What it shows.
        cost: Maps points [..., 2] to costs [...].
        low: The lower left corner.
        high: The upper right corner.
        ways: The ways that are drawn on it.
        minimum: Where a star is drawn, or None.
        tried: Points [G, 2] that were only tried, drawn as small dots, or None.
        names: What the two parameters are called.
    """

    title: str
    cost: Callable[[np.ndarray], Any]
    low: Point
    high: Point
    ways: Sequence[Way] = ()
    minimum: Any = None
    tried: Any = None
    names: tuple[str, str] = ("w", "b")


@figure_style()
def surface_figure(surfaces: Sequence[Surface], size: float = 4.0) -> Figure:
    """Maps beside each other, with one legend for each.

    Args:
        surfaces: The maps.
        size: The width of one, in inches.

    Raises:
        DataError: If there is no map, or a way is not [S + 1, 2].
    """
    if not surfaces:
        raise DataError("surface_figure wants at least one surface, got none")
    figure = new_figure(size * len(surfaces), size * 0.92)
    for axis, surface in zip(figure.subplots(1, len(surfaces), squeeze=False)[0], surfaces, strict=True):
        draw_surface(axis, surface)
    return figure


def draw_surface(axis: Axes, surface: Surface, legend: Any = "upper right") -> None:
    """One map into a panel of a figure of your own; the darker, the higher.

    Args:
        axis: The panel.
        surface: The map.
        legend: Where the names of the ways stand; None leaves them out.

    Raises:
        DataError: As `surface_figure`.
    """
    x, y = (np.linspace(surface.low[i], surface.high[i], GRID) for i in (0, 1))
    plane = np.stack(np.meshgrid(x, y), axis=-1)
    heights = np.asarray(surface.cost(plane), np.float64)
    # The levels are even in the square root, as on a paraboloid lines of even distance are.
    roots = np.sqrt(heights - heights.min())
    axis.contourf(x, y, roots, LEVELS, cmap="Greys", alpha=0.35, zorder=0)
    axis.contour(x, y, roots, LEVELS, colors=GREY, linewidths=0.5, alpha=0.7, zorder=1)
    if surface.tried is not None:
        dots = {"color": GREY, "linestyle": "none", "marker": ".", "markersize": 1.6}
        axis.plot(*np.asarray(surface.tried).T, label="brute force: every dot", zorder=2, **dots)
    for count, way in enumerate(surface.ways):
        draw_way(axis, way, count if way.index is None else way.index)
    if surface.minimum is not None:
        star = {"marker": "*", "markersize": 13, "markeredgecolor": "white", "zorder": 6}
        axis.plot(*np.asarray(surface.minimum), color=INK, linestyle="none", label="minimum", **star)
    axis.set(title=surface.title, xlabel=surface.names[0], ylabel=surface.names[1])
    axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axis.grid(False)
    if legend and surface.ways:
        box = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.85}
        axis.legend(loc=legend, fontsize=8, **box).set_zorder(7)


def draw_way(axis: Axes, way: Way, index: int) -> None:
    """One way, a dot a step where there are few; what leaves the map is cut at its edge."""
    points = np.asarray(way.points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise DataError(f"a way down wants points [S + 1, 2], got {list(points.shape)}")
    style = look(index)
    few = len(points) <= 60
    axis.plot(
        *points.T,
        color=style.color,
        linewidth=1.4 if few else 0.9,
        marker=style.marker if few else None,
        markersize=3.2,
        label=way.name,
        zorder=4,
    )
    axis.plot(*points[0], color=style.color, marker="o", markersize=7, markeredgecolor="white", zorder=5)


@figure_style()
def race_gif(surface: Surface, frames: int = 60, size: float = 4.6, seconds: float = 7.0) -> bytes:
    """The ways of one map while they are walked, as a GIF.

    Args:
        surface: The map; its ways have the same number of steps.
        frames: How many pictures at most; denser at the beginning, where most happens.
        size: The width in inches.
        seconds: How long it takes.

    Raises:
        DataError: As `surface_figure`, or if there is no way.
    """
    if not surface.ways:
        raise DataError("race_gif wants a surface with at least one way, got none")
    figure = new_figure(size, size * 0.95)
    axis = figure.subplots()
    ways = [np.asarray(way.points, np.float64) for way in surface.ways]
    draw_surface(axis, surface._replace(ways=(), title=" "))
    axis.collections[0].remove()  # a GIF has few colours: they are for the ways, not for shades of grey
    looks = [look(count if way.index is None else way.index) for count, way in enumerate(surface.ways)]
    lines = [axis.plot([], [], color=style.color, linewidth=1.3, zorder=4)[0] for style in looks]
    edge = {"markersize": 7, "markeredgecolor": "white", "linestyle": "none", "zorder": 5}
    dots = [
        axis.plot([], [], marker=style.marker, color=style.color, label=way.name, **edge)[0]
        for style, way in zip(looks, surface.ways, strict=True)
    ]
    box = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.85}
    axis.legend(loc="lower right", fontsize=8, **box).set_zorder(7)
    last = len(ways[0]) - 1
    steps = sorted({round(last * (i / (frames - 1)) ** 1.7) for i in range(frames)})

    def draw(index: int) -> None:
        axis.set_title(f"{surface.title}, step {steps[index]}")
        for line, dot, points in zip(lines, dots, ways, strict=True):
            line.set_data(*points[: steps[index] + 1].T)
            dot.set_data(*points[steps[index]][:, None])

    return gif(figure, draw, len(steps), seconds)
