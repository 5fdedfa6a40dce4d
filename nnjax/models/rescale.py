"""Rescaling as the first thing a net does, so that the data can lie in memory as bytes."""

from __future__ import annotations

import jax.numpy as jnp

from nnjax.types import Array, Key, Net, Params


def rescale(net: Net, offset: float | Array = 0.0, scale: float | Array = 1.0) -> Net:
    """The net that sees (inputs - offset) * scale, in float32.

    uint8 images stay uint8 in the data set and in the batch, a quarter of the memory and of its traffic.

    Args:
        net: Any Net whose inputs are one array.
        offset: Number, or array that broadcasts against one example.
        scale: Likewise; 1/255 takes bytes to [0, 1].

    Returns:
        A Net with the params of `net`.

    >>> double = rescale(Net(lambda key: {}, lambda params, x, **_: x), offset=1.0, scale=2.0)
    >>> double.apply({}, jnp.array([[3]], jnp.uint8)).tolist()
    [[4.0]]
    """

    def apply(params: Params, inputs: Array, *, key: Key | None = None, train: bool = False) -> Array:
        x = jnp.asarray(inputs).astype(jnp.float32)
        return net.apply(params, (x - _fit(offset, x)) * _fit(scale, x), key=key, train=train)

    return Net(net.init, apply)


def _fit(value: float | Array, x: Array) -> Array:
    """`value` in float32 with leading axes of one, up to the rank of `x`."""
    value = jnp.asarray(value, jnp.float32)
    return value.reshape((1,) * (x.ndim - value.ndim) + value.shape) if value.ndim else value
