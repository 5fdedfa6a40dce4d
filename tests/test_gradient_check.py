"""The gradient check: it agrees with calculus, and notices a slope that is wrong."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax import mlp
from nnjax.layers.activations import ACTIVATIONS
from nnjax.training import backprop
from nnjax.training.backprop import COSTS
from nnjax.training.gradient_check import check_links, finite_difference

TARGETS = {
    "squared_error": np.array([[0.5, -1.0, 2.0]] * 4),
    "binary_cross_entropy": np.array([0, 1, 1, 0]),
    "cross_entropy": np.array([0, 2, 1, 1]),
}
LOSSES = {loss.__name__: loss for loss in COSTS}


def rows(activation: str, loss: str) -> list[dict]:
    function = ACTIVATIONS[activation].function
    params = mlp((2, 3, 1 if loss == "binary_cross_entropy" else 3), function).init(jax.random.key(0))
    inputs = np.random.default_rng(0).normal(size=(4, 2))
    return check_links(params, inputs, TARGETS[loss], function, LOSSES[loss])


def test_the_difference_quotient_of_a_function_one_can_differentiate() -> None:
    point = {"x": np.array([0.3, -2.0]), "y": np.array(1.5)}
    slope = finite_difference(lambda p: jnp.sum(jnp.sin(p["x"])) * p["y"] ** 2, point)
    np.testing.assert_allclose(slope["x"], np.cos(point["x"]) * 2.25, rtol=1e-8)
    np.testing.assert_allclose(slope["y"], np.sin(point["x"]).sum() * 3.0, rtol=1e-8)
    assert slope["x"].dtype == np.float64


@pytest.mark.parametrize(
    ("activation", "loss"), [*(("tanh", loss) for loss in LOSSES), ("relu", "squared_error")]
)
def test_every_link_agrees_with_both_references(activation: str, loss: str) -> None:
    found = rows(activation, loss)
    assert [row["derivative"] for row in found] == [f"dJ/d{x}_{i}" for i in (0, 1) for x in "azWb"]
    for row in found:
        assert row["off_jax_grad"] < 1e-12, row
        assert row["off_differences"] < 1e-7 * max(1.0, row["largest"]), row
        assert row["largest"] > 0


def test_a_wrong_derivative_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ACTIVATIONS["tanh"]._replace(derivative=lambda x: 1 - x**2)
    monkeypatch.setitem(backprop.ACTIVATIONS, "tanh", wrong)
    found = {row["derivative"]: row for row in rows("tanh", "squared_error")}
    assert min(found["dJ/dW_0"]["off_jax_grad"], found["dJ/dW_0"]["off_differences"]) > 1e-3
    assert max(found["dJ/dW_1"]["off_jax_grad"], found["dJ/dW_1"]["off_differences"]) < 1e-7
