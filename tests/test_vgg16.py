"""VGG-16: published counts, PyTorch's logits and gradients, features by name, the price of remat."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.vgg16 import LAYERS, vgg16, vgg16_trunk
from nnjax.training.cost import cost_table
from tests.oracles import convnets

IMAGE = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)


def test_its_parameters_and_multiply_adds() -> None:
    net = vgg16()
    rows = cost_table(net, jax.eval_shape(net.init, jax.random.key(0)), IMAGE)
    assert sum(row.parameters for row in rows) == 138_357_544
    assert sum(row.parameters for row in rows if row.layer.startswith("conv")) == 14_714_688
    assert sum(row.multiply_adds for row in rows) == 15_470_264_320
    assert [row.layer for row in rows] == [*LAYERS, "dense_6", "dense_7", "dense_8"]
    assert sum(row.parameters for row in rows if row.layer == "dense_6") == 7 * 7 * 512 * 4096 + 4096


def test_the_trunk_is_its_convolutions() -> None:
    trunk = jax.eval_shape(vgg16_trunk().init, jax.random.key(0))
    whole = jax.eval_shape(vgg16().init, jax.random.key(0))
    assert trunk == {name: of for name, of in whole.items() if name.startswith("conv")}
    assert sum(leaf.size for leaf in jax.tree.leaves(trunk)) == 14_714_688
    small = vgg16_trunk(blocks=((1, 2),))
    params = jax.jit(small.init)(jax.random.key(0))
    x = convnets.normal("images", (1, 5, 6, 3))
    found = jax.jit(small.apply)(params, x)
    assert found["conv1_1"].shape == (1, 5, 6, 2)
    np.testing.assert_allclose(found["pool1"][0, 1, 2, 1], found["conv1_1"][0, 2:4, 4:6, 1].max())


def test_logits_and_gradients_are_pytorchs() -> None:
    net = vgg16(**convnets.SMALL["vgg16"][1])
    params = convnets.drawn(jax.tree.map(jnp.shape, net.init(jax.random.key(0))))
    found = convnets.errors(convnets.of_small("vgg16", net, params), convnets.of_case("vgg16"))
    assert max(found.values()) < 1e-5, found


@pytest.mark.slow
def test_the_full_net_is_pytorchs() -> None:
    pytest.importorskip("torch", reason="the full twin is built with PyTorch, which is not installed")
    twin = convnets.vgg16()
    params, images = convnets.drawn(convnets.shapes_of(twin)), convnets.normal("images", (1, 224, 224, 3))
    theirs = convnets.answers(twin, params, images)
    ours = convnets.of_nnjax(vgg16(), params, images)
    assert convnets.errors(ours, theirs)["logits"] < 1e-4
    # Of 15 million activations some lie so near to 0, or to another of their window, that rounding to float32
    # decides which way the gradient goes: gradients are compared in float64.
    theirs = convnets.answers(twin.double(), params, images)
    ours = convnets.of_nnjax(vgg16(), params, images, np.float64)
    found = convnets.errors(ours, theirs)
    assert max(found.values()) < 1e-9, found


@pytest.mark.parametrize("case", list(convnets.SMALL))
def test_the_recorded_answers_are_what_torch_gives_now(case: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    name, sizes, shape = convnets.SMALL[case]
    twin = convnets.TWINS[name](**sizes).double()
    answer = convnets.answers(
        twin, convnets.drawn(convnets.shapes_of(twin)), convnets.normal("images", shape)
    )
    for of, array in convnets.kept(answer).items():
        np.testing.assert_allclose(convnets.of_case(case)[of], array, rtol=1e-9, atol=1e-12, err_msg=of)


def test_features_by_name() -> None:
    net = vgg16(features=True)
    found = jax.eval_shape(net.apply, jax.eval_shape(net.init, jax.random.key(0)), IMAGE)
    shapes = {}
    for b, (count, channels) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        side = 224 >> (b - 1)
        shapes |= {f"conv{b}_{i}": (side, side, channels) for i in range(1, count + 1)}
        shapes[f"pool{b}"] = (side // 2, side // 2, channels)
    shapes |= {"dense_6": (4096,), "dense_7": (4096,), "dense_8": (1000,)}
    assert {name: leaf.shape[1:] for name, leaf in found.items()} == shapes


@pytest.mark.parametrize("features", [False, True])
def test_remat_gives_equal_gradients_from_activations_computed_again(features: bool) -> None:
    images = convnets.normal("images", (2, 16, 16, 3))
    sizes = {"blocks": ((2, 4), (2, 8)), "classes": 3, "side": 16, "hidden": 8, "dropout": 0.0}

    def program(remat: bool):
        net = vgg16(**sizes, remat=remat, features=features)
        answer = lambda p: net.apply(p, images)["dense_8"] if features else net.apply(p, images)
        params = convnets.drawn(jax.tree.map(jnp.shape, jax.eval_shape(net.init, jax.random.key(0))))
        lowered = jax.jit(jax.grad(lambda params: jnp.square(answer(params)).sum())).lower(params)
        return lowered.compile(), params, lowered.as_text().count("stablehlo.convolution")

    (kept, params, fewer), (again, _, more) = program(False), program(True)
    for one, other in zip(jax.tree.leaves(kept(params)), jax.tree.leaves(again(params)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * float(jnp.abs(one).max()))
    assert more - fewer == 4  # the forward convolutions, once more
    if jax.default_backend() != "cpu":  # XLA's CPU compiler finds the copies and computes them once
        assert again.memory_analysis().temp_size_in_bytes < kept.memory_analysis().temp_size_in_bytes


def test_average_pooling() -> None:
    sizes = {"blocks": ((1, 2),), "classes": 2, "side": 4, "hidden": 3}
    net = vgg16(**sizes, pooling="avg", features=True)
    params = jax.jit(net.init)(jax.random.key(0))
    found = jax.jit(net.apply)(params, convnets.normal("images", (1, 4, 4, 3)))
    mean = found["conv1_1"][0, :2, 2:, 1].mean()
    np.testing.assert_allclose(found["pool1"][0, 0, 1, 1], mean, rtol=1e-6)


def test_settings_out_of_range() -> None:
    with pytest.raises(ConfigError, match=r"pooling wants one of max, avg, got 'min'"):
        vgg16(pooling="min")
    with pytest.raises(ConfigError, match=r"a side that can be halved 5 times, got 100"):
        vgg16(side=100)
