"""The cost table against hand counts and published numbers."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from nnjax.errors import DataError
from nnjax.training.cost import cost_summary, cost_table, multiply_adds
from nnjax.types import Net


def shape(*sizes: int, dtype: object = jnp.float32) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(sizes, dtype)


def dense_shapes(inputs: int, outputs: int) -> dict:
    return {"weights": shape(inputs, outputs), "bias": shape(outputs)}


def dense(params: dict, x: jax.Array) -> jax.Array:
    return x @ params["weights"] + params["bias"][None]


def mlp(sizes: tuple[int, ...]) -> tuple[Net, dict]:
    layers = [f"layer_{i}" for i in range(len(sizes) - 1)]

    def apply(params, x, *, key=None, train=False):
        x = x.reshape(len(x), -1).astype(jnp.float32)
        for layer in layers[:-1]:
            x = jax.nn.relu(dense(params[layer], x))
        return dense(params[layers[-1]], x)

    params = {layer: dense_shapes(*pair) for layer, pair in zip(layers, pairwise(sizes), strict=True)}
    return Net(lambda key: params, apply), params


def conv(x: jax.Array, filters: jax.Array, stride: int = 1, padding: str = "SAME", **options) -> jax.Array:
    return lax.conv_general_dilated(
        x, filters, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"), **options
    )


def pool(x: jax.Array) -> jax.Array:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def test_the_mlp_of_fashion_counted_by_hand():
    net, params = mlp((784, 512, 256, 10))
    table = cost_table(net, params, np.zeros((7, 28, 28), np.uint8))
    assert [tuple(row) for row in table] == [
        ("layer_0", "weights 784×512, bias 512", "512", 401_920, 401_408, 1_607_680),
        ("layer_1", "weights 512×256, bias 256", "256", 131_328, 131_072, 525_312),
        ("layer_2", "weights 256×10, bias 10", "10", 2_570, 2_560, 10_280),
    ]
    summary = cost_summary(table)
    assert (summary["parameters"], summary["multiply_adds"], summary["bytes"]) == (
        535_818,
        535_040,
        2_143_272,
    )
    assert summary["layers"][1]["weights"] == "weights 512×256, bias 256"
    assert multiply_adds(net, params, np.zeros((1, 28, 28), np.uint8)) == 535_040


def test_layers_stand_in_the_order_in_which_they_act():
    net, params = mlp((3,) * 13)
    assert [row.layer for row in cost_table(net, params, shape(5, 3))] == [f"layer_{i}" for i in range(12)]


def test_a_small_convolution_counted_by_hand():
    def apply(params, x, *, key=None, train=False):
        x = jax.nn.relu(
            conv(x, params["conv"]["filters"], stride=2, padding="VALID") + params["conv"]["bias"]
        )
        return dense(params["head"], x.reshape(len(x), -1))

    params = {
        "conv": {"filters": shape(3, 3, 2, 4), "bias": shape(1, 1, 1, 4)},
        "head": dense_shapes(3 * 3 * 4, 5),
    }
    table = cost_table(Net(lambda key: params, apply), params, shape(9, 8, 8, 2))
    # 8 -> (8 - 3) // 2 + 1 = 3; every one of 3·3·4 outputs is a sum of 3·3·2 products.
    assert table[0] == ("conv", "bias 1×1×1×4, filters 3×3×2×4", "3×3×4", 76, 3 * 3 * 4 * 18, 304)
    assert table[1].multiply_adds == 36 * 5


def test_groups_and_transposed_convolutions():
    def apply(params, x, *, key=None, train=False):
        x = conv(x, params["grouped"]["filters"], feature_group_count=2)
        return lax.conv_transpose(x, params["up"]["filters"], (2, 2), "SAME")

    params = {"grouped": {"filters": shape(3, 3, 2, 6)}, "up": {"filters": shape(2, 2, 6, 3)}}
    table = cost_table(Net(lambda key: params, apply), params, shape(1, 8, 8, 4))
    assert table[0].multiply_adds == 8 * 8 * 6 * 9 * 2
    # A transposed convolution multiplies each of 8·8·6 inputs by 2·2·3 weights.
    assert (table[1].output, table[1].multiply_adds) == ("16×16×3", 8 * 8 * 6 * 12)


def test_vgg16_has_its_published_numbers():
    """138,357,544 parameters, 14,714,688 in convolutions; 15.47 G multiply-adds an image.

    Source: Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556.
    """
    blocks = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
    sizes = (7 * 7 * 512, 4096, 4096, 1000)
    params, channels = {}, 3
    for b, block in enumerate(blocks):
        for c, width in enumerate(block):
            params[f"conv_{b}_{c}"] = {"filters": shape(3, 3, channels, width), "bias": shape(width)}
            channels = width
    params |= {f"dense_{i}": dense_shapes(*sizes[i : i + 2]) for i in range(3)}

    def apply(params, x, *, key=None, train=False):
        for b, block in enumerate(blocks):
            for c in range(len(block)):
                layer = params[f"conv_{b}_{c}"]
                x = jax.nn.relu(conv(x, layer["filters"]) + layer["bias"].reshape(1, 1, 1, -1))
            x = pool(x)
        x = x.reshape(len(x), -1)
        for i in range(3):
            x = dense(params[f"dense_{i}"], x)
        return x

    table = cost_table(Net(lambda key: params, apply), params, shape(4, 224, 224, 3))
    assert sum(row.parameters for row in table) == 138_357_544
    assert sum(row.parameters for row in table if row.layer.startswith("conv")) == 14_714_688
    assert round(sum(row.multiply_adds for row in table) / 1e9, 2) == 15.47
    assert (table[0].output, table[12].output, table[13].output) == ("224×224×64", "14×14×512", "4096")


def test_parameters_without_a_product_have_a_row():
    def apply(params, x, *, key=None, train=False):
        x = params["embedding"]["table"][x]
        return x * params["norm"]["scale"].reshape(1, 1, -1)

    params = {
        "embedding": {"table": shape(50, 8)},
        "norm": {"scale": shape(8)},
        "unused": {"weights": shape(2, 3, dtype=jnp.bfloat16)},
    }
    table = cost_table(Net(lambda key: params, apply), params, shape(1, 6, dtype=jnp.int32))
    assert table == [
        ("embedding", "table 50×8", "6×8", 400, 0, 1600),
        ("norm", "scale 8", "6×8", 8, 0, 32),
        ("unused", "weights 2×3", "", 6, 0, 12),
    ]


def test_attention_scores_belong_to_no_layer_but_to_the_total():
    def apply(params, x, *, key=None, train=False):
        query, value = x @ params["block"]["query"]["weights"], x @ params["block"]["value"]["weights"]
        return jnp.einsum("nts,nsd->ntd", jnp.einsum("ntd,nsd->nts", query, x), value)

    params = {"block": {name: {"weights": shape(4, 4)} for name in ("query", "value")}}
    net = Net(lambda key: params, apply)
    table = cost_table(net, params, shape(3, 6, 4))
    assert [(row.layer, row.output, row.multiply_adds) for row in table] == [
        ("block/query", "6×4", 96),
        ("block/value", "6×4", 96),
        ("(no parameters)", "6×4", 2 * 6 * 6 * 4),
    ]
    assert multiply_adds(net, params, shape(3, 6, 4)) == 96 + 96 + 288


def test_a_picture_that_is_itself_the_parameters():
    matrix = jnp.ones((5, 7))
    net = Net(lambda key: jnp.zeros((4, 5)), lambda params, inputs, **options: params @ matrix)
    table = cost_table(net, shape(4, 5), None)
    assert table == [("(net)", "4×5", "4×7", 20, 140, 80)]


def test_inputs_need_an_axis_of_examples():
    net, params = mlp((3, 2))
    with pytest.raises(DataError, match=r"inputs \[N, \.\.\.\].*a scalar came"):
        cost_table(net, params, np.float32(1.0))
