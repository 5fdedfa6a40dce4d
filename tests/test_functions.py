"""The activations as figures: the curves are the functions, a jump is no slope."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.errors import DataError
from nnjax.layers.activations import ACTIVATIONS
from nnjax.runner import plots


def panel(name: str):
    return plots.activations_figure({name: ACTIVATIONS[name]}).axes[0]


def test_the_curves_are_the_functions() -> None:
    line, slope = panel("sigmoid").lines[:2]
    x = line.get_xdata()
    np.testing.assert_allclose(line.get_ydata(), 1 / (1 + np.exp(-x)), rtol=1e-5)
    np.testing.assert_allclose(slope.get_ydata(), np.exp(-x) / (1 + np.exp(-x)) ** 2, rtol=1e-4, atol=1e-7)
    assert slope.get_ydata().max() == pytest.approx(0.25)
    assert (x[0], x[-1]) == (-5, 5)


def test_the_step_jumps_and_is_one_at_zero() -> None:
    line, value, missing = panel("step").lines[:3]
    assert np.isnan(line.get_ydata()).sum() == 1
    assert (value.get_xdata()[0], value.get_ydata()[0]) == (0, 1)
    assert (missing.get_xdata()[0], missing.get_ydata()[0]) == (0, 0)
    assert missing.get_markerfacecolor() == "white"


def test_the_slope_of_relu_jumps_and_is_zero_at_zero() -> None:
    value, missing = panel("relu").lines[2:4]
    assert (value.get_xdata()[0], value.get_ydata()[0]) == (0, 0)
    assert (missing.get_xdata()[0], missing.get_ydata()[0]) == (0, 1)


def test_a_panel_an_activation_with_its_formulas() -> None:
    figure = plots.activations_figure(ACTIVATIONS)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == [*ACTIVATIONS, ""]
    assert figure.axes[4].get_xlabel() == "f(x) = max(0, x)\nf′(x) = 0 if x ≤ 0, 1 if x > 0"
    assert figure.axes[5].get_legend() is not None
    assert plots.activations_figure({"a": ACTIVATIONS["tanh"]}).axes[0].get_legend() is not None


def test_none() -> None:
    with pytest.raises(DataError, match=r"^activations_figure wants at least one activation, got none$"):
        plots.activations_figure({})
