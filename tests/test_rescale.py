"""rescale: the arithmetic, bytes that stay bytes outside, and passing on of key and train."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.models.mlp import mlp
from nnjax.models.rescale import rescale
from nnjax.types import Net

ECHO = Net(lambda key: {}, lambda params, inputs, *, key=None, train=False: inputs)


def test_bytes_to_unit_interval(variant):
    y = variant(rescale(ECHO, scale=1 / 255).apply)({}, jnp.array([[0, 51, 255]], jnp.uint8))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, [[0, 0.2, 1]], rtol=1e-6)


def test_offset_comes_before_scale_and_bytes_do_not_wrap():
    assert rescale(ECHO, offset=10, scale=2).apply({}, jnp.array([[3]], jnp.uint8)).tolist() == [[-14]]


def test_one_offset_and_scale_a_channel():
    images = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    mean, std = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 8.0])
    y = rescale(ECHO, mean, 1 / std).apply({}, images)
    np.testing.assert_allclose(y, (images - mean) / std, rtol=1e-6)


def test_the_net_inside_keeps_its_params_key_and_train():
    inner = mlp((4, 50, 2), dropout=0.5)
    net = rescale(inner, offset=1.0, scale=0.5)
    key = jax.random.key(0)
    params = net.init(key)
    x = np.array([[1, 2, 3, 4]], np.uint8)
    halves = (x.astype(np.float32) - 1) / 2
    np.testing.assert_array_equal(params["layer_0"]["weights"], inner.init(key)["layer_0"]["weights"])
    for options in ({}, {"key": key, "train": True}):
        np.testing.assert_allclose(
            net.apply(params, x, **options), inner.apply(params, halves, **options), rtol=1e-6
        )
    assert not np.array_equal(net.apply(params, x), net.apply(params, x, key=key, train=True))


def test_traced_scale():
    y = jax.vmap(lambda scale: rescale(ECHO, scale=scale).apply({}, jnp.ones((1, 1))))(jnp.array([1.0, 3.0]))
    assert y.ravel().tolist() == [1, 3]
