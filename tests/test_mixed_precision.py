"""bfloat16 inside, float32 outside: near to float32, and small updates are not lost."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax.models.mixed_precision import mixed_precision
from nnjax.models.mlp import mlp
from nnjax.types import Net


def test_outputs_and_gradients_are_float32_and_near_those_of_float32() -> None:
    net = mlp((8, 32, 3))
    params, x = net.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (16, 8))

    def loss(net: Net, params):
        return optax.softmax_cross_entropy_with_integer_labels(
            net.apply(params, x), jnp.arange(16) % 3
        ).mean()

    mixed = mixed_precision(net)
    assert mixed.apply(params, x).dtype == jnp.float32
    np.testing.assert_allclose(mixed.apply(params, x), net.apply(params, x), rtol=0.05, atol=0.05)
    slopes = [jax.grad(lambda p, n=n: loss(n, p))(params) for n in (net, mixed)]
    for exact, near in zip(*map(jax.tree.leaves, slopes), strict=True):
        assert near.dtype == jnp.float32
        assert np.linalg.norm(near - exact) < 0.03 * np.linalg.norm(exact)
        assert not np.array_equal(near, exact)


def test_it_computes_in_bfloat16() -> None:
    seen = []
    spy = Net(
        lambda key: None, lambda params, x, **_: seen.append((params.dtype, x["a"].dtype, x["b"].dtype)) or x
    )
    mixed_precision(spy).apply(jnp.ones(2), {"a": jnp.ones(2), "b": jnp.ones(2, jnp.uint8)})
    assert seen == [(jnp.bfloat16, jnp.bfloat16, jnp.uint8)]


def test_master_weights_gather_updates_that_bfloat16_would_lose() -> None:
    net = mixed_precision(Net(lambda key: jnp.float32(1), lambda params, x, **_: params * x))
    params = net.init(None)
    for _ in range(64):
        params -= 1e-3 * jax.grad(lambda p: net.apply(p, jnp.float32(1.0)))(params)
    np.testing.assert_allclose(params, 1 - 64e-3, rtol=1e-5)
    assert jnp.bfloat16(1) - jnp.bfloat16(1e-3) == 1  # what would have happened 64 times
