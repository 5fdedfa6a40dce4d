"""The window of a convolution: the sums worked by hand, found in the network, and noticed where wrong."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Dataset, Net, Task, conv2d, cross_entropy, per_example, relu, rescale, tanh
from nnjax.errors import ConfigError
from nnjax.layers.conv_forms import Geometry
from nnjax.runner.explain.ledger import example_batch
from nnjax.runner.explain.watch_window import convolution_names, watch_convolution
from nnjax.runner.explain.window_text import Window, pixel_name
from nnjax.runner.explain.windows import (
    Windows,
    measure_windows,
    window_of,
    window_residuals,
)

IMAGES = np.random.default_rng(0).normal(size=(3, 7, 6, 2)).astype(np.float32)
HOW = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


def two_convolutions(activation=tanh) -> Net:
    """A plain one, then one with everything that can be set; the logits are sums over its maps."""
    rng = np.random.default_rng(1)
    params = {
        "first": {"filters": rng.normal(size=(3, 3, 2, 4)), "bias": rng.normal(size=4)},
        "block": {"second": {"filters": rng.normal(size=(2, 2, 2, 4))}},
    }
    params = jax.tree.map(lambda leaf: (0.4 * leaf).astype(np.float32), params)

    def apply(params, x, *, key=None, train=False):
        x = relu(conv2d(params["first"], x, padding="SAME"))
        return activation(conv2d(params["block"]["second"], x, **HOW)).mean(axis=(1, 2))

    return Net(lambda key: params, apply)


def numbers_of(layer: str, activation=tanh) -> Windows:
    net = rescale(two_convolutions(activation), offset=0.5, scale=0.5)
    task = Task(net, per_example(cross_entropy), optax.sgd(0.1))
    params = net.init(jax.random.key(0))
    batch = example_batch(Dataset(IMAGES, np.array([0, 2, 1], np.int32)), 1)
    return measure_windows(task, [params, jax.tree.map(lambda leaf: leaf / 2, params)], batch, layer)


@pytest.fixture(scope="module")
def second() -> Windows:
    return numbers_of("block/second")


def test_a_window_worked_by_hand() -> None:
    """An image 0..8 and a filter of ones, stride 2 in a frame of zeros: the corner sees 0, 1, 3 and 4."""
    params = {"conv": {"filters": jnp.ones((3, 3, 1, 1)), "bias": jnp.array([0.5])}}
    wide = {"stride": 2, "padding": ((1, 1), (1, 1))}
    net = Net(lambda key: params, lambda p, x, **_: relu(conv2d(p["conv"], x, **wide)).reshape(len(x), 4))
    task = Task(net, per_example(lambda y, t: y @ jnp.arange(1.0, 5.0)), optax.sgd(0.1))
    image = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    batch = example_batch(Dataset(image, np.zeros(1, np.int32)), 0)
    found = measure_windows(task, [params], batch, "conv")
    assert found.geometry == Geometry((2, 2), ((1, 1), (1, 1)), (1, 1), 1)
    assert found.aggregation[0, :, :, 0].tolist() == [[8.5, 12.5], [20.5, 24.5]]
    assert window_of(found, 0, (0, 0), 0)[:, :, 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 3, 4]]
    assert pixel_name(found, Window(0, 0, 0), 0, 0, 0) == "padding -1,-1"
    assert pixel_name(found, Window(1, 1, 0), 1, 1, 0) == "2,2"
    assert found.slopes[0, :, :, 0].tolist() == [[1, 2], [3, 4]]  # the weights of the loss, since all z > 0
    # The middle of the filter sees the corners 0, 2, 6 and 8: 0 + 4 + 18 + 32.
    assert found.gradient[0, 1, 1, 0, 0] == 54
    assert max(window_residuals(found)) == 0


def test_stride_padding_dilation_and_groups_are_found(second: Windows) -> None:
    assert second.geometry == Geometry((2, 1), ((1, 0), (2, 1)), (1, 2), 2)
    assert second.activation == "tanh"
    assert second.bias.tolist() == [[0] * 4] * 2
    assert max(window_residuals(second)) < 1e-6
    inputs = np.pad(second.inputs[0], ((1, 0), (2, 1), (0, 0)))
    by_hand = sum(
        inputs[2 + a, 3 + 2 * b, 2 + c] * second.filters[0, a, b, c, 3]
        for a in range(2)
        for b in range(2)
        for c in range(2)
    )
    assert second.aggregation[0, 1, 3, 3] == pytest.approx(by_hand, abs=1e-5)
    np.testing.assert_array_equal(window_of(second, 0, (1, 3), 3), inputs[2:4, 3:7:2, 2:4])
    assert pixel_name(second, Window(1, 3, 3), 1, 1, 0) == "2,3 channel 2"


def test_the_slopes_are_those_of_the_net() -> None:
    """The slope of a bias is the sum of the slopes at all places, here by moving the bias."""
    first, net = numbers_of("first"), rescale(two_convolutions(), offset=0.5, scale=0.5)
    assert first.activation == "relu"
    assert first.geometry.padding == ((1, 1), (1, 1))
    assert max(window_residuals(first)) < 1e-6
    params = net.init(jax.random.key(0))

    def loss(bias) -> float:
        moved = params | {"first": params["first"] | {"bias": jnp.asarray(bias)}}
        return float(cross_entropy(net.apply(moved, IMAGES[1:2]), jnp.array([2]))[0])

    way = np.array([0, 0, 2e-3, 0], np.float32)
    numerical = (loss(first.bias[0] + way) - loss(first.bias[0] - way)) / 4e-3
    assert first.slopes[0, :, :, 2].sum() == pytest.approx(numerical, abs=5e-4)
    np.testing.assert_array_equal(first.slopes[0][first.aggregation[0] < 0], 0)


def test_what_follows_may_be_unknown() -> None:
    found = numbers_of("block/second", lambda z: z**3)
    assert found.activation is None
    assert found.activated is None
    assert window_residuals(found).aggregation < 1e-6
    assert window_residuals(found).gradient < 1e-6


@pytest.mark.parametrize("name", ["aggregation", "slopes", "activated", "gradient", "filters"])
def test_a_number_that_is_wrong_leaves_a_residual(second: Windows, name: str) -> None:
    wrong = getattr(second, name).copy()
    wrong[(1, *[0] * (wrong.ndim - 1))] += 0.25
    assert max(window_residuals(second._replace(**{name: wrong}))) > 0.02


def test_which_convolutions_there_are() -> None:
    params = two_convolutions().init(jax.random.key(0))
    assert convolution_names(params) == ["block/second", "first"]
    assert convolution_names({"layer_0": {"weights": np.ones((2, 2))}}) == []


def test_a_convolution_that_is_used_twice_or_never() -> None:
    params = {"conv": {"filters": jnp.ones((1, 1, 1, 1)), "bias": jnp.zeros(1)}}
    twice = Net(lambda key: params, lambda p, x, **_: conv2d(p["conv"], conv2d(p["conv"], x)))
    with pytest.raises(ConfigError, match="conv is used 2 times"):
        watch_convolution(twice, params, jnp.ones((1, 2, 2, 1)), "conv")
    never = Net(lambda key: params, lambda p, x, **_: x)
    with pytest.raises(ConfigError, match="conv is used 0 times"):
        watch_convolution(never, params, jnp.ones((1, 2, 2, 1)), "conv")
