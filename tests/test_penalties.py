"""Penalties: hand-worked sums, which entries count, traced strengths, and how decay differs from L2."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax.errors import ConfigError
from nnjax.training.penalties import decay_mask, l1_penalty, l2_penalty

PARAMS = {
    "layer_0": {"weights": jnp.array([[1.0, -2.0], [0.0, 3.0]]), "bias": jnp.array([100.0, 100.0])},
    "cell": {"input": {"kernel": jnp.array([-4.0]), "scale": jnp.array([100.0])}},
}


def test_sums_by_hand(variant):
    assert float(variant(l1_penalty)(PARAMS, 0.5)) == 5  # (1 + 2 + 3 + 4) / 2
    assert float(variant(l2_penalty)(PARAMS, 0.5)) == 15  # (1 + 4 + 9 + 16) / 2


def test_gradients_leave_biases_alone(variant):
    l1 = variant(jax.grad(lambda params: l1_penalty(params, 0.5)))(PARAMS)
    l2 = variant(jax.grad(lambda params: l2_penalty(params, 0.5)))(PARAMS)
    assert l1["layer_0"]["weights"].tolist() == [[0.5, -0.5], [0, 0.5]]
    assert l2["layer_0"]["weights"].tolist() == [[1, -2], [0, 3]]  # 2 * 0.5 * w
    for gradient in (l1, l2):
        assert gradient["layer_0"]["bias"].tolist() == [0, 0]
        assert gradient["cell"]["input"]["scale"].tolist() == [0]


@pytest.mark.parametrize("penalty", [l1_penalty, l2_penalty])
def test_traced_strengths_in_one_compilation(penalty):
    chex.clear_trace_counter()
    swept = jax.jit(jax.vmap(chex.assert_max_traces(lambda s: penalty(PARAMS, s), n=1)))
    for strengths in (jnp.array([0.0, 1.0, 2.0]), jnp.array([3.0, 4.0, 5.0])):
        np.testing.assert_allclose(swept(strengths), float(penalty(PARAMS, 1.0)) * strengths)


@pytest.mark.parametrize("penalty", [l1_penalty, l2_penalty])
def test_params_without_weights_are_not_silently_free(penalty):
    with pytest.raises(ConfigError, match=r"entry named \('weights', 'kernel'\), got \[.*picture.*\]"):
        penalty({"picture": jnp.ones((2, 2))}, 0.1)


def test_mask_names_the_weights():
    assert decay_mask(PARAMS) == {
        "layer_0": {"weights": True, "bias": False},
        "cell": {"input": {"kernel": True, "scale": False}},
    }


def test_mask_and_penalty_see_lists_and_bare_arrays():
    assert decay_mask({"weights": [jnp.ones(1), jnp.ones(2)], "bias": jnp.ones(1)}) == {
        "weights": [True, True],
        "bias": False,
    }
    assert decay_mask(jnp.ones(3)) is False
    assert float(l1_penalty({"weights": [jnp.ones(1), jnp.ones(2)]}, 1.0)) == 3


def gradient_step(optimizer, penalty_strength):
    """The params after one step on a loss whose gradient is 1 for the first weight and 100 for the second."""
    params = {"weights": jnp.array([1.0, 1.0]), "bias": jnp.array([1.0])}

    def loss(params):
        return jnp.array([1.0, 100.0]) @ params["weights"] + l2_penalty(params, penalty_strength)

    updates, _ = optimizer.update(jax.grad(loss)(params), optimizer.init(params), params)
    return optax.apply_updates(params, updates)


def test_under_sgd_the_l2_penalty_is_weight_decay_with_twice_its_strength():
    decayed = optax.chain(optax.add_decayed_weights(0.2, mask=decay_mask), optax.sgd(0.01))
    chex.assert_trees_all_close(gradient_step(decayed, 0.0), gradient_step(optax.sgd(0.01), 0.1), rtol=1e-6)


def test_under_adam_only_decoupled_decay_shrinks_all_weights_at_one_rate():
    plain = gradient_step(optax.adam(0.01), 0.0)["weights"]
    decoupled = gradient_step(optax.adamw(0.01, weight_decay=0.2, mask=decay_mask), 0.0)
    # learning_rate * decay * w = 0.01 * 0.2 * 1 off each weight; the bias, whose gradient is 0, stays.
    np.testing.assert_allclose(plain - decoupled["weights"], [0.002, 0.002], rtol=1e-3)
    assert decoupled["bias"].tolist() == [1]
    # Adam's first step has the size of the learning rate whatever the gradient: the penalty does nothing.
    np.testing.assert_allclose(plain - gradient_step(optax.adam(0.01), 0.1)["weights"], [0, 0], atol=1e-6)
