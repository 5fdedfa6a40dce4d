"""The product over many rows: the same as a plain one, in values and gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from nnjax.layers.long_product import flat, long_product


def test_it_is_the_plain_product():
    rng = np.random.default_rng(0)
    x, weights = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((7, 3, 4), (4, 5)))
    for loss in (lambda f: lambda x, w: jnp.sum(jnp.sin(f(x, w))),):
        fast, plain = (
            jax.jit(jax.value_and_grad(loss(f), (0, 1)))(x, weights) for f in (long_product, jnp.matmul)
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), fast, plain)
    check_grads(long_product, (x, weights), order=2, modes=["rev"], atol=2e-2, rtol=2e-2)


def test_flat_keeps_the_last_axis():
    assert flat(jnp.arange(24).reshape(2, 3, 4))[4].tolist() == [16, 17, 18, 19]
