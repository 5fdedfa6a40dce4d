"""A neuron's line: where it runs, which side it colours, and what counts as a mistake."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nnjax import load
from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots.lines import draw_line

GATE = load("and")


def path(*states: tuple[float, float, float], soft: bool = False, **options: object) -> plots.LinePath:
    """A neuron through states (w1, w2, b)."""
    array = np.array(states, float)
    params = {"weights": array[:, :2, None], "bias": array[:, 2:]}
    return plots.LinePath("a neuron", params, GATE.inputs, GATE.targets, soft=soft, **options)


def drawn(state: tuple[float, float, float], soft: bool = False):
    axis = plots.new_figure(3, 3).subplots()
    draw_line(axis, path(state, soft=soft), 0)
    return axis


def test_the_line_is_where_the_sum_is_zero() -> None:
    for w1, w2, b in ((4, 5, -6), (2, 0, -1), (0, -3, 1), (-1, 1, 0.25)):
        x, y = drawn((w1, w2, b)).lines[0].get_data()
        np.testing.assert_allclose(w1 * np.asarray(x) + w2 * np.asarray(y) + b, 0, atol=1e-12)
        assert max(abs(x[1] - x[0]), abs(y[1] - y[0])) >= 2  # across the whole picture


def test_without_weights_there_is_no_line() -> None:
    assert len(drawn((0, 0, 1)).lines) == len(drawn((1, 1, 1)).lines) - 1


def test_the_plane_has_the_colour_of_the_answer() -> None:
    pixels = np.asarray(drawn((1, 0, -0.5)).images[0].get_array())
    left, right = pixels[:, 5], pixels[:, -5]
    assert (left[:, 2] > left[:, 0]).all()  # blue where it says 0
    assert (right[:, 0] > right[:, 2]).all()  # vermillion where it says 1
    pale, sure = (np.asarray(drawn((w, 0, -0.5 * w), soft=True).images[0].get_array()) for w in (0.5, 50.0))
    assert pale.mean() > sure.mean() + 0.05


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ((4, 5, -6), "step 0: no mistakes"),
        ((1, 1, -2), "step 0: no mistakes"),  # the line goes through (1, 1), where step(0) = 1
        ((1, 1, -1), "step 0: 2 mistakes"),
        ((0, 0, -1), "step 0: 1 mistake"),
        ((0, 0, 0), "step 0: 3 mistakes"),
    ],
)
def test_mistakes_are_counted_with_step_of_zero_as_one(state: tuple[float, float, float], said: str) -> None:
    axis = drawn(state)
    assert axis.get_xlabel() == said
    crosses = len(axis.lines[-1].get_xdata())
    assert crosses == int(said.split()[2].replace("no", "0"))


def test_moments_from_the_start_to_the_end() -> None:
    hard, soft = (path(*[(1, 1, -i) for i in range(101)], soft=soft) for soft in (False, True))
    assert hard.moments(5) == [0, 25, 50, 75, 100]
    assert soft.moments(5) == [0, 6, 25, 56, 100]
    assert hard.last == 100


def test_a_strip_has_a_row_a_neuron_and_a_column_a_moment() -> None:
    one, other = path((0, 0, 0), (1, 1, -2)), path((0, 0, -1), (1, 1, -1))
    figure = plots.line_strip([one, other], [[0, 1], [1, 0]])
    assert [axis.get_xlabel() for axis in figure.axes] == [
        "step 0: 3 mistakes",
        "step 1: no mistakes",
        "step 1: 2 mistakes",
        "step 0: 1 mistake",
    ]
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["a neuron", "", "a neuron", ""]


def test_the_window_can_be_chosen() -> None:
    axis = plots.new_figure(3, 3).subplots()
    draw_line(axis, path((1, 1, -1), window=(-3.0, 3.0, -2.0, 2.0)), 0)
    assert (axis.get_xlim(), axis.get_ylim()) == ((-3, 3), (-2, 2))


def test_an_animation_of_neurons_side_by_side() -> None:
    image = plots.line_gif([path((0, 0, 0), (1, 1, -2))] * 3, frames=2)
    with Image.open(io.BytesIO(image)) as opened:
        assert opened.n_frames == 2
        assert opened.size == (520, 590)  # two rows of two, the last one empty


def test_what_has_no_line_in_the_plane() -> None:
    three = plots.LinePath(
        "", {"weights": np.zeros((1, 3, 1)), "bias": np.zeros((1, 1))}, GATE.inputs, GATE.targets
    )
    with pytest.raises(
        DataError, match=r"^draw_line wants inputs \[N, 2\] and 2 weights, got \[4, 2\] and \[3\]$"
    ):
        draw_line(plots.new_figure(3, 3).subplots(), three, 0)
