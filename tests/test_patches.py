"""Receptive fields by formula and by gradient, the strongest places by a loop, and the pixels seen there."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.conv import conv2d
from nnjax.layers.pooling import avg_pool
from nnjax.models.convnet import convnet
from nnjax.training.patches import Field, Places, field, patches, strongest
from nnjax.types import Net

STEPS = [(3, 1, 1), (2, 2, 0), (3, 1, 1)]


def test_the_field_is_where_the_gradient_is() -> None:
    ones = {"filters": jnp.ones((3, 3, 1, 1))}

    def net(x):
        return conv2d(ones, avg_pool(conv2d(ones, x, padding="SAME"), 2), padding="SAME")

    slope = jax.jit(jax.grad(lambda x: net(x)[0, 3, 2, 0]))(jnp.zeros((1, 16, 16, 1)))[0, :, :, 0]
    seen = field(STEPS)
    rows, columns = (np.flatnonzero(np.abs(np.asarray(slope)).sum(axis=axis)) for axis in (1, 0))
    for found, place in ((rows, 3), (columns, 2)):
        first = seen.first + place * seen.stride
        assert found.tolist() == list(range(first, first + seen.side))


def test_the_field_of_the_last_convolution_of_vgg16() -> None:
    steps = []
    for b, count in enumerate((2, 2, 3, 3, 3)):
        steps += [(2, 2, 0)] * (b > 0) + [(3, 1, 1)] * count
    assert field(steps).side == 196
    assert field(steps).stride == 16


def test_the_strongest_places_are_those_of_a_loop() -> None:
    net = convnet((6, 7, 1), (3,), hidden=2, classes=2, features=True)
    params = jax.jit(net.init)(jax.random.key(0))
    images = np.random.default_rng(0).normal(size=(8, 6, 7, 1)).astype(np.float32)
    found = strongest(net, params, images, "conv_1", count=3)
    maps = np.asarray(jax.jit(net.apply)(params, images)["conv_1"])
    for channel in range(3):
        peaks = sorted(((maps[n, :, :, channel].max(), n) for n in range(8)), reverse=True)[:3]
        assert [n for _, n in peaks] == found.image[channel].tolist()
        for p, (value, n) in enumerate(peaks):
            assert maps[n, found.row[channel, p], found.column[channel, p], channel] == value
            assert found.strength[channel, p] == pytest.approx(value)


def test_a_bright_pixel_is_in_the_middle_of_its_patch() -> None:
    images = np.zeros((2, 5, 5, 1), np.float32)
    images[1, 3, 0, 0] = 7
    brightest = Net(lambda key: {}, lambda params, x, **_: {"same": x})
    places = strongest(brightest, {}, images, "same", count=1)
    assert (places.image, places.row, places.column) == ([[1]], [[3]], [[0]])
    (patch,) = patches(images, places, Field(side=3, stride=1, first=-1), outside=-1)[0]
    assert patch[..., 0].tolist() == [[-1, 0, 0], [-1, 7, 0], [-1, 0, 0]]


def test_patches_move_by_the_stride() -> None:
    images = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    one = np.array([[0]])
    places = Places(one, np.array([[2]]), np.array([[1]]), one.astype(float))
    (patch,) = patches(images, places, Field(side=2, stride=2, first=0))[0]
    assert patch[..., 0].tolist() == [[34, 35], [42, 43]]
    assert patch.dtype == np.uint8


def test_what_cannot_be_asked() -> None:
    net = Net(lambda key: {}, lambda params, x, **_: {"same": x, "logits": x.reshape(len(x), -1)})
    with pytest.raises(ConfigError, match=r"count wants from 1 to the 2 images there are, got 3"):
        strongest(net, {}, np.zeros((2, 2, 2, 1)), "same", count=3)
    with pytest.raises(ConfigError, match=r"layer wants one of same, got 'logits'"):
        strongest(net, {}, np.zeros((2, 2, 2, 1)), "logits", count=1)
