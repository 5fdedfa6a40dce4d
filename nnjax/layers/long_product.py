"""A matrix product over many rows (all steps of all sequences), with gradients that CPUs compute fast."""

from __future__ import annotations

import jax

from nnjax.types import Array


@jax.custom_vjp
def long_product(x: Array, weights: Array) -> Array:
    """x [..., D] times weights [D, M], for x with many more rows than columns.

    Its gradients are products of explicit transposes. XLA's CPU backend takes up to twenty times as long
    for the same with transposed operands.
    """
    return (flat(x) @ weights).reshape(*x.shape[:-1], weights.shape[-1])


def _long_forward(x: Array, weights: Array) -> tuple[Array, tuple[Array, Array]]:
    return long_product(x, weights), (x, weights)


def _long_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, weights = saved
    d_x = long_product(gradient, jax.lax.optimization_barrier(weights.T))
    return d_x, jax.lax.optimization_barrier(flat(x).T) @ flat(gradient)


long_product.defvjp(_long_forward, _long_backward)


def flat(x: Array) -> Array:
    """x [..., D] as [M, D]."""
    return x.reshape(-1, x.shape[-1])
