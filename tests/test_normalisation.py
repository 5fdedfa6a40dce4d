"""Local response normalisation: against a loop over channels, by hand, and PyTorch's scale of alpha."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from nnjax.errors import ConfigError
from nnjax.layers.normalisation import local_response_normalisation


@pytest.mark.parametrize("neighbours", [1, 3, 5, 9])
def test_against_a_loop(neighbours, variant):
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 7)).astype("f") * 20
    expected = np.zeros(x.shape)
    for c in range(7):
        near = range(max(0, c - neighbours // 2), min(7, c + neighbours // 2 + 1))
        expected[..., c] = x[..., c] / (2 + 1e-2 * sum(x[..., d] ** 2 for d in near)) ** 0.75
    got = variant(lambda x: local_response_normalisation(x, neighbours, 1e-2))(jnp.asarray(x))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_the_published_constants_by_hand():
    # Five channels of 100: the middle one sees all of them, 2 + 1e-4 * 5 * 1e4 = 7.
    y = local_response_normalisation(jnp.full((1, 5), 100.0))
    np.testing.assert_allclose(y[0], [100 / v**0.75 for v in (5, 6, 7, 6, 5)], rtol=1e-5)


def test_alpha_is_not_divided_by_the_neighbours_as_pytorch_does():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(size=(2, 4, 4, 8)).astype("f") * 10
    theirs = torch.nn.LocalResponseNorm(5, alpha=5e-2, k=2.0)(torch.from_numpy(x).permute(0, 3, 1, 2))
    ours = local_response_normalisation(jnp.asarray(x), 5, 1e-2)
    np.testing.assert_allclose(ours, theirs.permute(0, 2, 3, 1).numpy(), rtol=1e-4)


def test_gradients_numerically():
    x = jax.random.normal(jax.random.key(0), (2, 6))
    check_grads(lambda x: local_response_normalisation(x, 3, 0.5), (x,), 2, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("neighbours", [0, 2, 2.5])
def test_wrong_neighbours(neighbours):
    with pytest.raises(ConfigError, match=f"positive odd number, got {neighbours}"):
        local_response_normalisation(jnp.ones((1, 4)), neighbours)
