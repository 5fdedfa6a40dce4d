"""Dense: against a NumPy loop, by gradients, and the error that comes before compilation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from nnjax.errors import ConfigError
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.initializers import glorot_uniform


def loop(weights, bias, row):
    return [sum(row[d] * weights[d, m] for d in range(len(row))) + bias[m] for m in range(len(bias))]


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 4, 3), (0, 3)])
def test_against_a_loop(shape, variant):
    rng = np.random.default_rng(0)
    params = {"weights": rng.normal(size=(3, 2)).astype("f"), "bias": rng.normal(size=2).astype("f")}
    x = rng.normal(size=shape).astype("f")
    expected = [loop(params["weights"], params["bias"], row) for row in x.reshape(-1, 3)]
    y = variant(dense)(jax.tree.map(jnp.asarray, params), x)
    np.testing.assert_allclose(y, np.reshape(expected, (*shape[:-1], 2)), rtol=1e-5, atol=1e-6)


def test_gradients():
    params = dense_init(jax.random.key(0), 3, 2)
    check_grads(
        dense, (params, jnp.array([[0.1, -0.2, 0.3], [1.0, 0.5, -1.0]])), order=2, atol=1e-2, rtol=1e-2
    )


def test_init_draws_weights_by_the_initializer_and_starts_the_bias_at_zero():
    params = dense_init(jax.random.key(7), 4, 3)
    np.testing.assert_array_equal(params["weights"], glorot_uniform(jax.random.key(7), (4, 3)))
    assert params["bias"].tolist() == [0, 0, 0]
    ones = dense_init(jax.random.key(7), 4, 3, initializer=jax.nn.initializers.ones)
    assert float(dense(ones, jnp.ones(4))[0]) == 4


def test_init_under_vmap_is_init_of_each_key():
    keys = jax.random.split(jax.random.key(0), 3)
    many = jax.vmap(lambda key: dense_init(key, 4, 2))(keys)
    np.testing.assert_array_equal(many["weights"][1], dense_init(keys[1], 4, 2)["weights"])


@pytest.mark.parametrize("shape", [(5, 4), (), (3, 1)])
def test_wrong_width_is_named_before_compilation(shape, variant):
    params = dense_init(jax.random.key(0), 3, 2)
    with pytest.raises(
        ConfigError, match=r"x \[\.\.\., D\] with D = 3 .*got x \(" + ", ".join(map(str, shape))
    ):
        variant(dense)(params, jnp.zeros(shape))


@pytest.mark.parametrize(
    ("d_in", "d_out", "text"), [(0, 2, "d_in .* got 0"), (2, -1, "d_out .* got -1"), (2.5, 2, "2.5")]
)
def test_wrong_sizes(d_in, d_out, text):
    with pytest.raises(ConfigError, match=text):
        dense_init(jax.random.key(0), d_in, d_out)
