"""The drawing of the two passes: every number is on its line, in its colour."""

from __future__ import annotations

import io

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, FancyArrowPatch
from PIL import Image

from nnjax import binary_cross_entropy, sigmoid
from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots.passes import Signal, short
from nnjax.runner.plots.style import RIGHT, WRONG
from nnjax.training.backprop import backward, forward

SIGNAL = Signal("a net", [[1.0, 0.0], [0.5], [-0.25]], [[[2.0], [-4.0]], [[3.0]]], [[0.0], [-1.5]])


def texts(axis) -> list[str]:
    return [text.get_text() for text in axis.texts]


def test_every_number_is_written() -> None:
    figure = plots.signal_figure([SIGNAL], ["x1", "x2"], ["y"])
    written = texts(figure.axes[0])
    for number in ("2.00", "−4.00", "3.00", "0", "−1.50", "1.00", "0.50", "−0.25"):
        assert number in written
    assert {"x1", "x2", "y"} <= set(written)
    assert written.count("1") == 2  # the inputs of the biases: one beside each layer but the last
    assert figure.axes[0].get_title("left") == "a net"


def test_a_line_is_as_thick_as_its_number_and_has_the_colour_of_its_sign() -> None:
    axis = plots.signal_figure([SIGNAL]).axes[0]
    arrows = [patch for patch in axis.patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 5
    thickest = max(arrows, key=lambda arrow: arrow.get_linewidth())
    assert to_hex(thickest.get_edgecolor()) == WRONG.lower()  # -4 is the largest number on a line
    widths = sorted(arrow.get_linewidth() for arrow in arrows)
    np.testing.assert_allclose(widths, [0.4 + 4.2 * x / 4 for x in (0, 1.5, 2, 3, 4)])
    faces = [to_hex(patch.get_facecolor()) for patch in axis.patches if isinstance(patch, Circle)]
    assert faces[1] != faces[0] != faces[3]


def test_backward_arrows_point_back_and_unknown_nodes_stay_blank() -> None:
    signal = SIGNAL._replace(nodes=[[np.nan, np.nan], [0.5], [1.0]], back=True)
    axis = plots.signal_figure([signal]).axes[0]
    arrow = next(patch for patch in axis.patches if isinstance(patch, FancyArrowPatch))
    assert arrow.get_arrowstyle().arrow == "<|-"
    assert "nan" not in "".join(texts(axis))
    assert RIGHT  # both colours are those of the style


def test_the_signals_are_those_of_the_passes() -> None:
    params = {
        "layer_0": {"weights": jnp.array([[4.0], [5.0]]), "bias": jnp.array([-6.0])},
        "layer_1": {"weights": jnp.array([[2.0]]), "bias": jnp.array([0.0])},
    }
    layers = forward(params, jnp.array([[1.0, 1.0]]), sigmoid, binary_cross_entropy)
    links = backward(params, layers, jnp.array([1]), sigmoid, binary_cross_entropy)
    ahead, back = plots.signals(params, layers, links)
    hidden = 1 / (1 + np.exp(-3.0))
    answer = 1 / (1 + np.exp(-2 * hidden))
    np.testing.assert_allclose(ahead.nodes[1], [hidden], rtol=1e-6)
    np.testing.assert_allclose(ahead.nodes[2], [answer], rtol=1e-6)
    np.testing.assert_allclose(back.nodes[2], [answer - 1], rtol=1e-5)
    np.testing.assert_allclose(back.weights[1], [[(answer - 1) * hidden]], rtol=1e-5)
    assert np.isnan(back.nodes[0]).all()
    assert (ahead.back, back.back) == (False, True)


def test_the_gif_has_every_frame_and_one_scale() -> None:
    weak = SIGNAL._replace(weights=[[[0.02], [-0.04]], [[0.03]]], biases=[[0.0], [0.0]])
    data = plots.signal_gif([("step 0", [SIGNAL]), ("step 1", [weak])])
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 2
        dark = []
        for frame in range(2):
            image.seek(frame)
            dark.append((np.asarray(image.convert("L")) < 160).sum())
    assert dark[1] < 0.8 * dark[0]


def test_a_net_that_is_none_is_named() -> None:
    with pytest.raises(DataError, match=r"wants weights \[\(2, 1\), \(1, 1\)\]"):
        plots.signal_figure([SIGNAL._replace(weights=[np.ones((3, 1)), np.ones((1, 1))])])
    with pytest.raises(DataError, match="at least one signal"):
        plots.signal_figure([])


def test_short_numbers() -> None:
    assert [short(x) for x in (3.14159, -9.999, 1e-5, -0.004321)] == ["3.14", "−10.00", "1e-5", "−0.0043"]
