"""AlexNet in both forms: published counts, PyTorch's logits and gradients, the price of remat."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.alexnet import alexnet
from nnjax.training.cost import cost_table
from tests.oracles import convnets

FORMS = ("torchvision", "published")


def table(form: str) -> list:
    net = alexnet(form=form)
    params = jax.eval_shape(net.init, jax.random.key(0))
    return cost_table(net, params, jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32))


def test_torchvisions_form() -> None:
    rows = table("torchvision")
    assert sum(row.parameters for row in rows) == 61_100_840
    assert sum(row.multiply_adds for row in rows) == 714_188_480
    assert {row.layer: row.output for row in rows}["conv_1"] == "55×55×64"


def test_the_published_form() -> None:
    rows = {row.layer: row for row in table("published")}
    assert sum(row.parameters for row in rows.values()) == 60_965_224
    # Two groups: each of the 256 filters of the second convolution sees 48 of the 96 channels.
    assert rows["conv_2"].parameters == 5 * 5 * 48 * 256 + 256
    assert rows["conv_2"].multiply_adds == 27 * 27 * 5 * 5 * 48 * 256
    assert rows["conv_3"].parameters == 3 * 3 * 256 * 384 + 384


@pytest.mark.parametrize("form", FORMS)
def test_logits_and_gradients_are_pytorchs(form: str) -> None:
    net = alexnet(**convnets.SMALL[form][1])
    params = convnets.drawn(jax.tree.map(jnp.shape, jax.eval_shape(net.init, jax.random.key(0))))
    found = convnets.errors(convnets.of_small(form, net, params), convnets.of_case(form))
    assert max(found.values()) < 1e-4, found


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_the_full_net_is_pytorchs(form: str) -> None:
    pytest.importorskip("torch", reason="the full twin is built with PyTorch, which is not installed")
    twin = convnets.alexnet(form)
    params, images = convnets.drawn(convnets.shapes_of(twin)), convnets.normal("images", (2, 224, 224, 3))
    found = convnets.errors(
        convnets.of_nnjax(alexnet(form=form), params, images), convnets.answers(twin, params, images)
    )
    assert max(found.values()) < 1e-4, found


def test_features_by_name() -> None:
    net = alexnet(form="published", features=True)
    images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    found = jax.eval_shape(net.apply, jax.eval_shape(net.init, jax.random.key(0)), images)
    shapes = {"conv_1": (55, 55, 96), "norm_1": (55, 55, 96), "pool_1": (27, 27, 96)}
    shapes |= {"conv_2": (27, 27, 256), "norm_2": (27, 27, 256), "pool_2": (13, 13, 256)}
    shapes |= {
        "conv_3": (13, 13, 384),
        "conv_4": (13, 13, 384),
        "conv_5": (13, 13, 256),
        "pool_5": (6, 6, 256),
    }
    shapes |= {"dense_6": (4096,), "dense_7": (4096,), "dense_8": (1000,)}
    assert {name: leaf.shape[1:] for name, leaf in found.items()} == shapes


def test_remat_gives_equal_gradients_from_activations_computed_again() -> None:
    images = convnets.normal("images", (1, 63, 63, 3))

    def program(remat: bool):
        net = alexnet(classes=3, side=63, hidden=8, dropout=0.0, remat=remat)
        params = convnets.drawn(jax.tree.map(jnp.shape, jax.eval_shape(net.init, jax.random.key(0))))
        lowered = jax.jit(jax.grad(lambda params: jnp.square(net.apply(params, images)).sum())).lower(params)
        return lowered.compile(), params, lowered.as_text().count("stablehlo.convolution")

    (kept, params, fewer), (again, _, more) = program(False), program(True)
    for one, other in zip(jax.tree.leaves(kept(params)), jax.tree.leaves(again(params)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * float(jnp.abs(one).max()))
    assert more - fewer in (4, 5)  # the forward convolutions; of the last one the output alone is asked for
    if jax.default_backend() != "cpu":  # XLA's CPU compiler finds the copies and computes them once
        assert again.memory_analysis().temp_size_in_bytes < kept.memory_analysis().temp_size_in_bytes


def test_dropout_is_of_training() -> None:
    net = alexnet(classes=3, side=63, hidden=8, dropout=0.5)
    params = jax.jit(net.init)(jax.random.key(0))
    x = convnets.normal("images", (1, 63, 63, 3))
    used = jax.jit(net.apply)(params, x)
    train = jax.jit(lambda key: net.apply(params, x, key=key, train=True))
    seen = [train(jax.random.key(seed)) for seed in (1, 1, 2)]
    assert jnp.array_equal(seen[0], seen[1])
    assert not jnp.allclose(seen[0], seen[2])
    assert not jnp.allclose(seen[0], used)


def test_settings_out_of_range() -> None:
    with pytest.raises(ConfigError, match=r"form wants one of published, torchvision, got 'vgg'"):
        alexnet(form="vgg")
    with pytest.raises(ConfigError, match=r"at least 63 pixels a side, got 62"):
        alexnet(side=62)
