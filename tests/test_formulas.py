"""The formulas in NumPy are those of the library."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax import binary_cross_entropy, cross_entropy, squared_error
from nnjax.layers.activations import ACTIVATIONS
from nnjax.runner.explain.formulas import COSTS, FORMULAS, formula_of

Z = np.array([-40.0, -2.0, -0.3, 0.0, 0.7, 3.0, 40.0])
LOSSES = {f.__name__: f for f in (cross_entropy, binary_cross_entropy, squared_error)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_derivatives(name: str) -> None:
    f, derivative = FORMULAS[name]
    np.testing.assert_allclose(f(Z), ACTIVATIONS[name].function(jnp.asarray(Z)), atol=1e-6)
    np.testing.assert_allclose(derivative(Z), ACTIVATIONS[name].derivative(jnp.asarray(Z)), atol=1e-6)
    assert formula_of(name)[0].startswith("a = ")
    assert "x" not in formula_of(name)[0].replace("max", "").replace("exp", "")


@pytest.mark.parametrize("name", COSTS)
def test_losses_and_slopes(name: str) -> None:
    z = np.array([[0.5]] if name == "binary_cross_entropy" else [[0.5, -1.0, 30.0]])
    t = np.array([[1.0]] if name == "binary_cross_entropy" else [[0.0, 1.0, 0.0]])
    loss = lambda z: LOSSES[name](z, jnp.asarray(t)).sum()
    np.testing.assert_allclose(COSTS[name].loss(z, t).sum(), loss(jnp.asarray(z)), rtol=1e-5)
    np.testing.assert_allclose(COSTS[name].slope(z, t), jax.grad(loss)(jnp.asarray(z)), atol=1e-6)
    difference = [
        (COSTS[name].loss(z + h, t) - COSTS[name].loss(z - h, t))[0] / 2e-6 for h in 1e-6 * np.eye(z.shape[1])
    ]
    np.testing.assert_allclose(COSTS[name].slope(z, t)[0], difference, atol=1e-7)
