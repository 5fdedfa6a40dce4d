"""The walk over a traced function: loops, branches, calls, and whose parameters feed a product."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from nnjax.training.products import LIVE, Source, Work, count_products

W = jax.ShapeDtypeStruct((4, 4), jnp.float32)
X = jax.ShapeDtypeStruct((1, 4), jnp.float32)
ONE = 4 * 4  # the multiply-adds of one [1, 4] by [4, 4]


def count(function: Callable, *layers: str, x: jax.ShapeDtypeStruct = X) -> dict[str, Work]:
    """The work of `function(x, *weights)`, with one weight matrix a layer."""
    jaxpr = jax.make_jaxpr(function)(x, *[W] * len(layers))
    return count_products(jaxpr, [LIVE, *(Source(frozenset({layer})) for layer in layers)])


@jax.custom_vjp
def own_gradient(x, w):
    return x @ w


own_gradient.defvjp(lambda x, w: (x @ w, (x, w)), lambda kept, g: (g @ kept[1].T, kept[0].T @ g))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: x @ w,
        jax.jit(lambda x, w: x @ w),
        jax.checkpoint(lambda x, w: x @ w),
        own_gradient,
        lambda x, w: jax.nn.relu(x @ w),
        lambda x, w: jax.vmap(lambda row: row @ w)(x),
        lambda x, w: (w.T @ x.T).T,
        lambda x, w: x @ (w.astype(jnp.bfloat16).astype(jnp.float32) / jnp.linalg.norm(w)),
        lambda x, w: lax.map(lambda row: row @ w, x),
    ],
    ids=["plain", "jit", "remat", "custom_vjp", "relu", "vmap", "left", "normalised", "map"],
)
def test_a_product_is_found_wherever_it_hides(function):
    tally = count(function, "dense")
    assert {layer: work.multiply_adds for layer, work in tally.items()} == {"dense": ONE}


def test_a_scan_counts_its_length_and_sees_through_the_carry():
    def steps(x, cell, start):
        # The first state comes from parameters alone; after one turn the inputs are in it.
        def turn(state, item):
            return jnp.tanh(state @ cell + item), state

        return lax.scan(turn, start[:1], jnp.broadcast_to(x, (9, 1, 4)))[1]

    assert count(steps, "cell", "start") == {"cell": Work(9 * ONE, (1, 4))}


def test_layers_stacked_for_a_scan_keep_their_name():
    def net(x, w):
        stacked = jnp.stack([w, w, w])
        return lax.scan(lambda y, layer: (y @ layer, None), x, stacked)[0]

    assert count(net, "blocks") == {"blocks": Work(3 * ONE, (1, 4))}


def test_nested_loops_multiply():
    def net(x, w):
        inner = lambda y: lax.fori_loop(0, 5, lambda i, z: z @ w, y)
        return lax.fori_loop(0, 3, lambda i, y: inner(y), x)

    assert count(net, "dense")["dense"].multiply_adds == 15 * ONE


def test_a_loop_on_a_condition_counts_once():
    def net(x, w):
        return lax.while_loop(lambda y: jnp.sum(y) < 1.0, lambda y: y @ w, x)

    assert count(net, "dense")["dense"].multiply_adds == ONE


def test_of_two_branches_the_dearer_counts():
    def net(x, one, two):
        return lax.cond(jnp.sum(x) > 0.0, lambda y: y @ one, lambda y: y @ two @ two, x)

    assert {layer: work.multiply_adds for layer, work in count(net, "one", "two").items()} == {"two": 2 * ONE}


def test_an_activation_is_nobodys_parameter():
    """The output of one layer must not make the next layer's product its own."""
    tally = count(lambda x, first, second: jnp.tanh(x @ first + first[:1]) @ second, "first", "second")
    assert {layer: work.multiply_adds for layer, work in tally.items()} == {"first": ONE, "second": ONE}


def test_parameters_of_several_layers_count_for_what_they_share():
    together = lambda x, one, two: x @ jnp.concatenate([one, two], axis=1)
    assert count(together, "block/query", "block/key") == {"block": Work(2 * ONE, (1, 8))}
    assert count(together, "query", "key") == {"(net)": Work(2 * ONE, (1, 8))}


def test_products_without_parameters_stand_last():
    tally = count(lambda x, w: (x @ jnp.ones((4, 4))) @ w, "dense")
    assert list(tally.items()) == [("dense", Work(ONE, (1, 4))), ("(no parameters)", Work(ONE, (1, 4)))]
