"""Maps of a cost: the ways lie where the trainings were, and the minimum where it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots import Surface, Way


def bowl(points: np.ndarray) -> np.ndarray:
    return points[..., 0] ** 2 + 4 * (points[..., 1] - 1) ** 2


def test_the_ways_the_minimum_and_the_names() -> None:
    way = Way("descent", [[2.0, 2.0], [1.0, 1.5], [0.0, 1.0]], 3)
    tried = [[0.0, 0.0], [1.0, 1.0]]
    surface = Surface("a bowl", bowl, (-3, -3), (3, 3), [way], (0, 1), tried, ("slope", "height"))
    figure = plots.surface_figure([surface])
    figure.draw_without_rendering()
    axis = figure.axes[0]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert drawn["descent"] == [[2.0, 2.0], [1.0, 1.5], [0.0, 1.0]]
    assert drawn["minimum"] == [[0, 1]]
    assert drawn["brute force: every dot"] == tried
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("slope", "height")
    assert (axis.get_xlim(), axis.get_ylim()) == ((-3, 3), (-3, 3))
    assert [text.get_text() for text in axis.get_legend().texts][-2:] == ["descent", "minimum"]


def test_the_contour_lines_are_those_of_the_cost() -> None:
    axis = plots.surface_figure([Surface("", bowl, (-2, -1), (2, 3))]).axes[0]
    contours = axis.collections[-1]
    level = contours.levels[5]
    heights = [bowl(path) for path in (contours.get_paths()[5].vertices,)]
    np.testing.assert_allclose(np.sqrt(heights[0]), level, rtol=0.02)
    assert axis.get_legend() is None


def test_the_race_ends_where_the_ways_end() -> None:
    ways = [Way("one", np.linspace([2, 2], [0, 1], 21)), Way("two", np.linspace([-2, 0], [0, 1], 21))]
    surface = Surface("a race", bowl, (-3, -3), (3, 3), ways, (0, 1))
    with Image.open(io.BytesIO(plots.race_gif(surface, frames=6))) as image:
        assert image.n_frames == 6
        first, last = [], []
        for frame, pixels in ((0, first), (5, last)):
            image.seek(frame)
            array = np.asarray(image.convert("RGB")).astype(int)
            pixels.append(((array[..., 2] - array[..., 0]) > 80).sum())  # blue: the first way
    assert last[0] > first[0]
    with pytest.raises(DataError, match="at least one way"):
        plots.race_gif(surface._replace(ways=()))


def test_a_way_that_is_none_is_named() -> None:
    with pytest.raises(DataError, match=r"points \[S \+ 1, 2\], got \[3\]"):
        plots.surface_figure([Surface("", bowl, (0, 0), (1, 1), [Way("x", [1, 2, 3])])])
    with pytest.raises(DataError, match="at least one surface"):
        plots.surface_figure([])
