"""Soft thresholding, against scikit-learn's Lasso and by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import Lasso

from nnjax import load
from nnjax.errors import ConfigError
from nnjax.training.soft_threshold import soft_threshold


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    data = load("diabetes")
    x = (data.inputs - data.inputs.mean(0)) / data.inputs.std(0)
    return x.astype(np.float32), (data.targets - data.targets.mean()).astype(np.float32)


@pytest.mark.parametrize("alpha", [1.0, 10.0, 30.0])
def test_it_finds_the_lasso_with_its_zeros(alpha: float) -> None:
    x, t = diabetes()
    # scikit-learn's cost is half of the mean squared error, plus alpha sum |w|.
    cost = lambda params: 0.5 * jnp.mean(jnp.square(x @ params["weights"] - t))
    rate = 0.2
    optimizer = optax.chain(optax.sgd(rate), soft_threshold(rate * alpha))

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(cost)(params), state, params)
        return (optax.apply_updates(params, updates), state), None

    start = {"weights": jnp.zeros((10, 1))}
    (params, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=3000)
    found = np.asarray(params["weights"])[:, 0]
    lasso = Lasso(alpha=alpha, fit_intercept=False, tol=1e-8, max_iter=100_000)
    wanted = lasso.fit(x.astype(np.float64), t[:, 0].astype(np.float64)).coef_
    np.testing.assert_allclose(found, wanted, atol=2e-2)
    np.testing.assert_array_equal(found == 0, wanted == 0)
    assert (found == 0).sum() >= {1.0: 1, 10.0: 5, 30.0: 7}[alpha]


def test_by_hand() -> None:
    params = {"weights": jnp.array([1.0, -1.0, 0.25, -0.25, 0.0]), "bias": jnp.array([0.125])}
    updates = {"weights": jnp.array([0.5, 0.5, 0.0, 0.125, 0.0]), "bias": jnp.array([0.125])}
    optimizer = soft_threshold(0.25)
    moved, _ = optimizer.update(updates, optimizer.init(params), params)
    after = optax.apply_updates(params, moved)
    # Before thresholding: 1.5, -0.5, 0.25, -0.125, 0.
    assert after["weights"].tolist() == [1.25, -0.25, 0.0, 0.0, 0.0]
    assert after["bias"].tolist() == [0.25]


def test_the_threshold_may_be_traced() -> None:
    params = {"weights": jnp.array([1.0])}

    def after(threshold):
        optimizer = soft_threshold(threshold)
        still = jax.tree.map(jnp.zeros_like, params)
        return optax.apply_updates(params, optimizer.update(still, optimizer.init(params), params)[0])

    assert jax.vmap(after)(jnp.array([0.0, 0.25, 2.0]))["weights"].tolist() == [[1.0], [0.75], [0.0]]


def test_it_wants_the_params() -> None:
    with pytest.raises(ConfigError, match="soft_threshold wants the params"):
        soft_threshold(0.1).update({"weights": jnp.ones(1)}, optax.EmptyState())
