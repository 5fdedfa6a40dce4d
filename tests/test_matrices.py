"""Matrices in a formula: all numbers are there, and the product is the net's own."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from nnjax import mlp, tanh, unit_step
from nnjax.errors import DataError
from nnjax.models.mlp import mlp_features
from nnjax.runner import plots
from nnjax.runner.plots.matrices import bias_as_input


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_numbers_names_and_signs() -> None:
    matrix = plots.Matrix(np.array([[1, -2.5], [0, 1234.5]]), "A", ["p", "q"], ["r", "s"])
    said = texts(plots.formula([matrix, "=", plots.Matrix([[0.12345]], "B")]))
    assert sorted(said) == sorted(["1", "−2.5", "0", "1.23e+03", "A", "p", "q", "r", "s", "=", "0.123", "B"])


def test_nothing_overlaps() -> None:
    wide = plots.Matrix(np.full((3, 4), -1234.5), "a name", ["a long column"] * 4, ["a long row"] * 3)
    figure = plots.formula([wide, "×", wide], [wide])
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    figure.draw_without_rendering()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        for other in boxes[i + 1 :]:
            assert not (min(box.x1, other.x1) > max(box.x0, other.x0) + 1 and
                        min(box.y1, other.y1) > max(box.y0, other.y0) + 1)  # fmt: skip


@pytest.mark.parametrize("activation", [tanh, unit_step])
def test_a_layer_is_one_product_with_the_bias_as_a_row(activation) -> None:
    params = mlp((3, 2, 1), activation).init(jax.random.key(1))
    params = jax.tree.map(lambda leaf: leaf + 0.5, params)
    x = np.array([[1.0, 2.0, -1.0], [0.0, 0.5, 3.0]])
    seen = mlp_features(params, x, activation)
    hidden = np.c_[x, np.ones(2)] @ bias_as_input(params["layer_0"])
    np.testing.assert_allclose(hidden, seen["layer_0"]["aggregation"], rtol=1e-5)
    said = texts(plots.layers_formula(params, x, activation, [list("abc"), list("de"), ["y"]], "f"))
    for number in [*np.ravel(hidden), *np.ravel(activation(seen["layer_1"]["aggregation"]))]:
        assert f"{float(number):.3g}".replace("-", "−") in said
    assert said.count("f →") == said.count("×") == said.count("=") == 2
    assert {"W₁", "W₂", "inputs", "hidden", "answer"} <= set(said)


def test_what_is_no_matrix() -> None:
    with pytest.raises(DataError, match=r"^formula wants matrices \[R, C\] of up to 400 numbers, got \[3\]$"):
        plots.formula([plots.Matrix([1, 2, 3])])
    with pytest.raises(DataError, match=r"got \[30, 30\]"):
        plots.formula([plots.Matrix(np.zeros((30, 30)))])
