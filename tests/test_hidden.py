"""Hidden space: the examples lie at their activations, and the arrows point to where a neuron fires."""

from __future__ import annotations

import io

import jax
import numpy as np
import pytest
from PIL import Image

from nnjax import load, mlp, relu, sigmoid, tanh
from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots.hidden import reach

XOR = load("xor")
# h1 is OR, h2 is AND, and the answer is h1 and not h2, all with steep sigmoids.
SOLVED = {
    "layer_0": {"weights": np.array([[20.0, 20.0], [20.0, 20.0]]), "bias": np.array([-10.0, -30.0])},
    "layer_1": {"weights": np.array([[20.0], [-20.0]]), "bias": np.array([-10.0])},
}


def test_examples_lie_at_their_activations() -> None:
    plane, space = plots.hidden_space(SOLVED, XOR.inputs, XOR.targets).axes
    assert [text.get_text() for text in space.texts] == ["(0, 0)", "(0, 1) and (1, 0)", "(1, 1)"]
    np.testing.assert_allclose([text.xy for text in space.texts], [[0, 0], [1, 0], [1, 1]], atol=1e-3)
    for axis in (plane, space):
        assert len(axis.lines[-1].get_xdata()) == 0  # no cross: nothing is wrong
    assert space.get_xlim() == (-0.25, 1.25)


def test_lines_and_arrows_of_the_hidden_neurons() -> None:
    plane = plots.hidden_space(SOLVED, XOR.inputs, XOR.targets).axes[0]
    for line, total in zip(plane.lines[:2], (0.5, 1.5), strict=True):
        np.testing.assert_allclose(np.sum(line.get_data(), axis=0), total)
    arrows = [text for text in plane.texts if text.get_text() == ""]
    for arrow in arrows:  # both fire where x1 + x2 is larger
        assert sum(arrow.xy) > sum(arrow.xyann)
    assert [text.get_text() for text in plane.texts if text.get_text()] == ["h₁", "h₂"]


def test_a_net_that_is_wrong_has_crosses() -> None:
    wrong = {**SOLVED, "layer_1": {"weights": np.array([[20.0], [20.0]]), "bias": np.array([-10.0])}}
    plane, space = plots.hidden_space(wrong, XOR.inputs, XOR.targets).axes
    for axis in (plane, space):
        assert len(axis.lines[-1].get_xdata()) == 1  # OR says 1 to (1, 1)


def test_reach() -> None:
    assert (reach(sigmoid), reach(tanh), reach(relu)) == ((0.0, 1.0), (-1.0, 1.0), None)
    plots.hidden_space(SOLVED, XOR.inputs, XOR.targets, relu)


def test_an_animation_has_a_frame_a_moment() -> None:
    way = jax.tree.map(lambda leaf: np.stack([0 * leaf, 0.1 * leaf, leaf]), SOLVED)
    with Image.open(io.BytesIO(plots.hidden_space_gif(way, XOR.inputs, XOR.targets))) as image:
        assert image.n_frames == 3


def test_what_has_no_hidden_plane() -> None:
    params = mlp((2, 3, 1)).init(jax.random.key(0))
    with pytest.raises(
        DataError, match=r"^hidden_space wants inputs \[N, 2\] and weights \[2, 2\], \[2, 1\]"
    ):
        plots.hidden_space(params, XOR.inputs, XOR.targets)
