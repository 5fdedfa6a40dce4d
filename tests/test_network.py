"""A network as a drawing: every weight is a line with its number, and the sign is seen twice."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.plots.network import column, layer_sizes

NET = {
    "layer_0": {"weights": np.array([[1.5, -2.0], [0.0, 3.0]]), "bias": np.array([0.25, -1.0])},
    "layer_1": {"weights": np.array([[7.0], [-8.0]]), "bias": np.array([9.0])},
}


def test_every_weight_and_bias_is_a_line_with_its_number() -> None:
    axis = plots.network_figure(NET, ["one", "two"], [["a", "b"], ["out"]]).axes[0]
    assert len(axis.lines) == 9
    texts = [text.get_text() for text in axis.texts]
    assert sorted(texts) == sorted(
        ["1.5", "−2", "0", "3", "0.25", "−1", "7", "−8", "9", "one", "two", "a", "b", "out", "1", "1"]
        + ["Σ│f"] * 3
    )


def test_the_sign_is_colour_and_line_and_the_size_is_width() -> None:
    lines = plots.network_figure(NET).axes[0].lines
    by_style = {(line.get_color(), line.get_linestyle()) for line in lines}
    assert by_style == {("#0072B2", "-"), ("#D55E00", "--"), ("#d9d9d9", "-")}
    assert max(lines, key=lambda line: line.get_linewidth()).get_linewidth() == pytest.approx(3.2)  # the 9


def test_numbers_stay_away_where_they_would_overlap() -> None:
    wide = {"layer_0": {"weights": np.ones((16, 2)), "bias": np.ones(2)}}
    assert {text.get_text() for text in plots.network_figure(wide).axes[0].texts} == {"", "Σ│f", "1"}


def test_layers_are_centred_and_the_last_has_no_bias() -> None:
    assert column(0, 2, True) == [(0.0, 1.0), (0.0, 0.0), (0.0, -1.0)]
    assert [y for _, y in column(2, 1, False)] == [0.0]


def test_layers_that_do_not_fit() -> None:
    assert layer_sizes(NET) == [2, 2, 1]
    wrong = {"layer_0": NET["layer_0"], "layer_1": {"weights": np.ones((3, 1)), "bias": np.ones(1)}}
    with pytest.raises(DataError, match=r"^draw_network wants weights \[D, M\] where M is the next D"):
        plots.network_figure(wrong)
