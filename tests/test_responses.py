"""Heat maps of hidden neurons: each shows its own answer, with its own zero line, on one scale a layer."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots

POINTS = np.array([[-1.0, -2.0], [1.0, 2.0], [0.0, 0.0]])
LABELS = np.array([0, 1, 1])


def predict(points: np.ndarray) -> np.ndarray:
    return (points[:, 0] > 0).astype(int)


def respond(points: np.ndarray) -> list[np.ndarray]:
    x, y = points.T
    return [np.stack([x, -0.5 * y, 0 * x + 0.25], axis=1), np.stack([x * y], axis=1)]


def test_a_map_a_neuron_with_one_scale_a_layer() -> None:
    figure = plots.responses_figure(predict, respond, POINTS, LABELS, ["no", "yes"], ("left", "up"))
    whole, *maps = figure.axes
    assert (whole.get_xlabel(), whole.get_ylabel()) == ("left", "up")
    drawn = [axis for axis in maps if axis.images]
    assert [axis.get_title(loc="left") for axis in drawn] == ["h₁", "h₂", "h₃", "h₁"]
    assert len({axis.images[0].get_clim() for axis in drawn[:3]}) == 1
    assert drawn[0].images[0].get_clim() != drawn[3].images[0].get_clim()
    first = np.asarray(drawn[0].images[0].get_array())
    np.testing.assert_allclose(first[0], np.linspace(-1.24, 1.24, 120), rtol=1e-5)
    second = np.asarray(drawn[1].images[0].get_array())
    assert second[0, 0] > 0 > second[-1, 0]  # the first row is the lowest


def test_the_line_is_where_a_neuron_is_zero() -> None:
    figure = plots.responses_figure(predict, respond, POINTS, LABELS)
    drawn = [axis for axis in figure.axes[1:] if axis.images]
    for index, column in ((0, 0), (1, 1)):  # h1 is x1, h2 is -x2 / 2
        line = drawn[index].collections[0].get_paths()[0].vertices
        np.testing.assert_allclose(line[:, column], 0, atol=1e-6)
    assert not drawn[2].collections  # a constant is nowhere 0


def test_sixteen_neurons_stand_in_two_rows() -> None:
    wide = lambda points: [np.repeat(points[:, :1], 16, axis=1)]
    figure = plots.responses_figure(predict, wide, POINTS, LABELS)
    tops = {round(axis.get_position().y0, 2) for axis in figure.axes[1:]}
    assert len(tops) == 2


def test_what_it_refuses() -> None:
    with pytest.raises(DataError, match=r"^responses_figure wants inputs \[N, 2\], got shape \[3, 3\]$"):
        plots.responses_figure(predict, respond, np.zeros((3, 3)), LABELS)
    with pytest.raises(DataError, match=r"^responses_figure wants at least one hidden layer, got none$"):
        plots.responses_figure(predict, lambda points: [], POINTS, LABELS)
