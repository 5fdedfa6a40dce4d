"""The written-out gradient of a scan: against JAX's own of the plain cells, and by numerical gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax.test_util import check_grads

from nnjax.layers.recurrent import KINDS
from nnjax.layers.recurrent_cells import project
from nnjax.layers.recurrent_scan import hidden_of, scan_cell, where
from tests.test_recurrent_cells import assert_near

STEPS, LENGTHS = 5, jnp.array([5, 1, 3])
MASK = jnp.arange(STEPS)[:, None] < LENGTHS[None, :]


def setting(kind: str):
    """Params with every number drawn, a start that is not zero, and inputs."""
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = KINDS[kind].init(keys[0], 2, 3)
    params = jax.tree.map(lambda leaf: 0.7 * jax.random.normal(keys[1], leaf.shape), shapes)
    state = jax.tree.map(lambda leaf: leaf + 0.3, KINDS[kind].state(jnp.zeros((3, 3))))
    return params, jax.random.normal(keys[2], (STEPS, 3, 2)), state


def scanned(kind: str, reverse: bool):
    def run(params, x, state):
        projected, extra = project(params, x), params.get("recurrent_bias")
        return scan_cell(KINDS[kind].form, reverse, params["recurrent"], extra, projected, MASK, state)

    return run


def one_by_one(kind: str, reverse: bool):
    def run(params, x, state):
        hiddens = {}
        for t in reversed(range(STEPS)) if reverse else range(STEPS):
            state = where(MASK[t], KINDS[kind].cell(params, state, x[t])[0], state)
            hiddens[t] = hidden_of(state)
        return jnp.stack([hiddens[t] for t in range(STEPS)]), state

    return run


def loss_of(run):
    def loss(params, x, state):
        hiddens, end = run(params, x, state)
        return jnp.sum(jnp.sin(3 * hiddens)) + sum(jnp.sum(jnp.cos(leaf)) for leaf in jax.tree.leaves(end))

    return loss


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_against_the_gradient_that_jax_makes_of_the_plain_cell(kind, reverse):
    given = setting(kind)
    run, plain = scanned(kind, reverse), one_by_one(kind, reverse)
    assert_near(jax.jit(run)(*given), jax.jit(plain)(*given), 1e-6)
    slopes = [jax.jit(jax.grad(loss_of(f), argnums=(0, 1, 2)))(*given) for f in (run, plain)]
    assert_near(*slopes, 2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_numerical_gradients(kind):
    check_grads(jax.jit(loss_of(scanned(kind, False))), setting(kind), 1, modes=["rev"], atol=2e-2, rtol=2e-2)
