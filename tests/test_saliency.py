"""Saliency and Grad-CAM: by hand on a net of four numbers, and as gradients of a net cut by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.convnet import convnet
from nnjax.models.vgg16 import vgg16
from nnjax.training.saliency import grad_cam, saliency
from nnjax.types import Net

# A layer of two channels, x and -2 x; the logits are 3 a_0 + a_1 at the first pixel, and 5 a_1 at the second.
HEAD = jnp.zeros((1, 2, 2, 2)).at[0, 0, :, 0].set(jnp.array([3.0, 1.0])).at[0, 1, 1, 1].set(5.0)


def by_hand(params, x, **_):
    maps = jnp.concatenate([params["scale"] * x, -2 * x], axis=-1)
    return {"maps": maps, "logits": jnp.einsum("nhwc,hwck->nk", maps, HEAD)}


TINY = Net(lambda key: {"scale": jnp.float32(1)}, by_hand)
LOGITS = Net(TINY.init, lambda params, x, **_: by_hand(params, x)["logits"])
PARAMS = {"scale": jnp.float32(1)}
IMAGES = jnp.array([[[[1.0], [2.0]]], [[[1.0], [-2.0]]]])


def test_saliency_by_hand() -> None:
    # z_0 = 3 x_0 - 2 x_0 at the first pixel; z_1 = -10 x_1 at the second.
    found = saliency(LOGITS, PARAMS, IMAGES, jnp.array([0, 1]))
    assert found.tolist() == [[[1.0, 0.0]], [[0.0, 10.0]]]


def test_grad_cam_by_hand() -> None:
    # Logit 0: mean slopes 3/2 and 1/2, so 1.5 x - x = x / 2. Logit 1: 0 and 5/2, so -5 x where it is above 0.
    found = grad_cam(TINY, PARAMS, IMAGES, jnp.array([0, 1]), "maps")
    assert found.tolist() == [[[0.5, 1.0]], [[0.0, 10.0]]]


def test_grad_cam_of_a_convnet_is_that_of_its_dense_layers() -> None:
    sizes = {"image": (8, 8, 1), "channels": (2, 3), "hidden": 6, "classes": 4}
    net = convnet(**sizes, features=True)
    params = net.init(jax.random.key(0))
    images = jax.random.normal(jax.random.key(1), (3, 8, 8, 1))
    labels = jnp.array([0, 3, 1])
    found = jax.jit(net.apply)(params, images)
    maps = np.asarray(found["pool_2"], np.float64)
    hidden = np.asarray(found["dense"]) > 0
    first, last = (np.asarray(params[name]["weights"], np.float64) for name in ("dense", "output"))
    slopes = ((last[:, labels].T * hidden) @ first.T).reshape(3, 2, 2, 3)
    wanted = np.maximum((slopes.mean(axis=(1, 2), keepdims=True) * maps).sum(axis=-1), 0)
    np.testing.assert_allclose(grad_cam(net, params, images, labels, "pool_2"), wanted, rtol=1e-4, atol=1e-6)


def test_saliency_of_a_convnet_is_its_difference_quotient() -> None:
    sizes = {"image": (4, 4, 2), "channels": (2,), "hidden": 6, "classes": 3}
    net = convnet(**sizes)
    params = net.init(jax.random.key(0))
    image = jax.random.normal(jax.random.key(1), (1, 4, 4, 2))
    found = saliency(net, params, image, jnp.array([2]))
    moved = np.asarray(image) + 1e-2 * np.eye(32).reshape(32, 4, 4, 2)
    back = np.asarray(image) - 1e-2 * np.eye(32).reshape(32, 4, 4, 2)
    apply = jax.jit(net.apply)
    slopes = (apply(params, moved)[:, 2] - apply(params, back)[:, 2]) / 2e-2
    wanted = np.abs(np.asarray(slopes)).reshape(4, 4, 2).max(axis=-1)
    np.testing.assert_allclose(found[0], wanted, rtol=0.02, atol=2e-3)


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ConfigError, match=r"layer wants one of maps, got 'conv_9'"):
        grad_cam(TINY, PARAMS, IMAGES, jnp.array([0, 1]), "conv_9")
    with pytest.raises(ConfigError, match=r"labels \[N\], got \(2, 1, 2, 1\) and \(3,\)"):
        saliency(LOGITS, PARAMS, IMAGES, jnp.array([0, 1, 0]))
    with pytest.raises(ConfigError, match=r"saliency wants logits \[N, K\] of 2 images"):
        saliency(Net(TINY.init, lambda params, x, **_: x), PARAMS, IMAGES, jnp.array([0, 1]))
    net = vgg16(blocks=((1, 2),), classes=2, side=4, hidden=2, remat=True, features=True)
    params = jax.eval_shape(net.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: jnp.ones(leaf.shape), params)
    with pytest.raises(ConfigError, match=r"conv1_1 cannot be cut out of the net: watch a net without remat"):
        grad_cam(net, params, jnp.ones((1, 4, 4, 3)), jnp.array([0]), "conv1_1")
