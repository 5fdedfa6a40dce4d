"""Convolution: against a NumPy loop and PyTorch, values and gradients; in loops, under vmap, on shards."""

from __future__ import annotations

import itertools
import math
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from nnjax.errors import ConfigError
from nnjax.layers.conv import conv2d, conv2d_init
from nnjax.layers.initializers import he_normal
from tests.oracles import conv

ORACLE = Path(__file__).parent / "oracles" / "convolutions.npz"


def loop(x, filters, bias, stride, padding, dilation, groups):
    """The sum of the definition, one product after another."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    kh, kw, part, outputs = filters.shape
    h, w = ((x.shape[i + 1] - (filters.shape[i] - 1) * dilation[i] - 1) // stride[i] + 1 for i in range(2))
    y = np.zeros((len(x), h, w, outputs))
    for i, j, a, b, c, o in itertools.product(*map(range, (h, w, kh, kw, part, outputs))):
        seen = o // (outputs // groups) * part + c
        y[:, i, j, o] += (
            x[:, i * stride[0] + a * dilation[0], j * stride[1] + b * dilation[1], seen] * filters[a, b, c, o]
        )
    return y + bias


@st.composite
def cases(draw):
    """Shapes, filters and a geometry that fit together."""
    small = st.integers(1, 3)
    window, stride, dilation = (draw(st.tuples(small, small)) for _ in range(3))
    groups, part, outputs = draw(st.integers(1, 3)), draw(small), draw(small)
    padding = draw(st.tuples(st.tuples(small, small), st.tuples(small, small)) | st.just(((0, 0), (0, 0))))
    sizes = [
        draw(st.integers(max(1, (k - 1) * d + 1 - sum(p)), 8))
        for k, d, p in zip(window, dilation, padding, strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    x = rng.normal(size=(draw(st.integers(1, 2)), *sizes, part * groups)).astype("f")
    filters = rng.normal(size=(*window, part, outputs * groups)).astype("f")
    bias = rng.normal(size=outputs * groups).astype("f")
    return x, filters, bias, stride, padding, dilation, groups


@settings(max_examples=10, deadline=None)
@given(cases())
def test_values_and_gradients_against_a_loop(case):
    x, filters, bias, *geometry = case

    def ours(x, filters, bias):
        return conv2d({"filters": filters, "bias": bias}, x, *geometry)

    y = jax.jit(ours)(x, filters, bias)
    np.testing.assert_allclose(y, loop(x, filters, bias, *geometry), rtol=1e-4, atol=1e-5)
    dy = np.random.default_rng(1).normal(size=y.shape).astype("f")
    slopes = jax.jit(lambda dy, *v: jax.vjp(ours, *v)[1](dy))(dy, x, filters, bias)
    # The loop is linear in x and in the filters, so its slope along a direction is its value there.
    for slope, value, along in (
        (slopes[0], x, lambda v: loop(v, filters, 0, *geometry)),
        (slopes[1], filters, lambda v: loop(x, v, 0, *geometry)),
    ):
        for seed in range(2):
            direction = np.random.default_rng(seed).normal(size=value.shape).astype("f")
            expected = np.sum(along(direction) * dy)
            scale = np.abs(along(direction) * dy).sum() + 1
            assert abs(np.sum(np.asarray(slope, float) * direction) - expected) < 1e-5 * scale
    np.testing.assert_allclose(slopes[2], dy.sum((0, 1, 2)), rtol=1e-4, atol=1e-4)


def agree(name, expected):
    *_, stride, padding, dilation, groups = conv.PYTORCH[name]
    x, filters, bias, dy = conv.arrays(name)
    y, back = jax.vjp(
        lambda x, f, b: conv2d(
            {"filters": f, "bias": b}, x, stride, ((padding, padding),) * 2, dilation, groups
        ),
        x,
        filters,
        bias,
    )
    for got, key in zip((y, *back(dy)), ("y", "dx", "df", "db"), strict=True):
        scale = np.abs(expected[key]).max()
        np.testing.assert_allclose(got, expected[key], rtol=0, atol=1e-5 * scale, err_msg=f"{name} {key}")


@pytest.mark.parametrize("name", conv.PYTORCH)
def test_against_pytorch_as_recorded(name):
    with np.load(ORACLE) as recorded:
        agree(name, {key: recorded[f"{name}/{key}"] for key in ("y", "dx", "df", "db")})


@pytest.mark.parametrize("name", conv.PYTORCH)
def test_against_pytorch_live(name):
    pytest.importorskip("torch")
    agree(name, conv.torch_answers(name))


@settings(max_examples=20, deadline=None)
@given(*(st.integers(1, top) for top in (12, 12, 5, 4, 3)))
def test_same_gives_the_size_over_the_stride_rounded_up(height, width, window, stride, dilation):
    params = jax.eval_shape(lambda: conv2d_init(jax.random.key(0), window, 1, 1))
    x = jax.ShapeDtypeStruct((1, height, width, 1), jnp.float32)
    y = jax.eval_shape(lambda p, x: conv2d(p, x, stride, "SAME", dilation), params, x)
    assert y.shape[1:3] == (math.ceil(height / stride), math.ceil(width / stride))


def test_a_6x6_image_and_a_vertical_edge_filter_by_hand():
    image = jnp.array([[10.0] * 3 + [0.0] * 3] * 6).reshape(1, 6, 6, 1)
    edge = jnp.array([[1.0, 0.0, -1.0]] * 3).reshape(3, 3, 1, 1)
    assert conv2d({"filters": edge}, image)[0, :, :, 0].tolist() == [[0, 30, 30, 0]] * 4


def test_shifting_the_image_shifts_the_result():
    params = conv2d_init(jax.random.key(0), 3, 2, 4)
    x = jax.random.normal(jax.random.key(1), (1, 8, 8, 2))
    shifted = conv2d(params, jnp.roll(x, 1, axis=2))
    np.testing.assert_allclose(shifted[:, :, 1:], conv2d(params, x)[:, :, :-1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_numerically_twice(groups):
    params = conv2d_init(jax.random.key(0), (2, 3), 2, 4, groups)
    x = jax.random.normal(jax.random.key(1), (1, 3, 4, 2))
    check_grads(
        lambda p, x: conv2d(p, x, padding="SAME", groups=groups) ** 2, (params, x), 2, ["rev"], 3e-2, 3e-2
    )


@pytest.mark.parametrize(
    ("groups", "axes"), [(1, (0, 0)), (1, (0, None)), (1, (None, 0)), (2, (0, None)), (12, (0, 0))]
)
def test_a_population_is_its_members(groups, axes):
    keys = jax.random.split(jax.random.key(0), 3)
    params = jax.vmap(lambda key: conv2d_init(key, 3, 12, 12, groups))(keys)
    x = jax.random.normal(jax.random.key(1), (3, 2, 5, 6, 12))

    @jax.jit
    def slopes(params, x):
        return jax.grad(lambda p, x: (conv2d(p, x, 2, "SAME", 1, groups) ** 2).sum(), (0, 1))(params, x)

    def member(tree, axis, i):
        return jax.tree.map(lambda v: v[i], tree) if axis == 0 else jax.tree.map(lambda v: v[0], tree)

    given = [
        tree if axis == 0 else member(tree, axis, 0) for tree, axis in zip((params, x), axes, strict=True)
    ]
    found = jax.jit(jax.vmap(slopes, axes))(*given)
    for i in range(3):
        expected = slopes(member(params, axes[0], i), member(x, axes[1], i))
        for got, wanted in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(got[i], wanted, rtol=1e-4, atol=1e-4)


def test_inside_a_loop_the_gradients_are_the_same():
    params = conv2d_init(jax.random.key(0), 3, 8, 16)
    x = jax.random.normal(jax.random.key(1), (4, 6, 6, 8))
    slope = jax.grad(lambda p, x: (conv2d(p, x, padding="SAME") ** 2).sum(), argnums=(0, 1))
    inside = jax.jit(lambda p, x: jax.lax.map(lambda x: slope(p, x), x[None]))(params, x)
    for got, wanted in zip(jax.tree.leaves(inside), jax.tree.leaves(jax.jit(slope)(params, x)), strict=True):
        np.testing.assert_allclose(got[0], wanted, rtol=1e-5, atol=1e-4)


def test_on_a_cpu_a_program_has_one_branch_and_the_known_order_of_axes_in_a_loop_too():
    params = conv2d_init(jax.random.key(0), 3, 8, 16)
    x = jax.random.normal(jax.random.key(1), (2, 4, 6, 6, 8))
    slope = jax.grad(lambda p, x: (conv2d(p, x, padding="SAME") ** 2).sum(), argnums=(0, 1))
    text = jax.jit(lambda p, x: jax.lax.map(lambda x: slope(p, x), x)).lower(params, x).compile().as_text()
    orders = {line.split("dim_labels=")[1][:14] for line in text.splitlines() if "dim_labels=" in line}
    assert orders == {"b01f_01io->b01"}
    assert " conditional(" not in text


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(64, 28, 28, 1, 32), (64, 14, 14, 32, 64)])
def test_a_training_loop_costs_no_more_than_the_steps_outside(shape):
    """The two convolutions of the Fashion-MNIST benchmark, at the share of one of two devices."""
    *image, outputs = shape
    params = conv2d_init(jax.random.key(0), 3, image[-1], outputs)
    x, turns = jax.random.normal(jax.random.key(1), image), 8

    def once(params, x):
        loss, slope = jax.value_and_grad(lambda p: (conv2d(p, x, padding="SAME") ** 2).sum())(params)
        return jax.tree.map(lambda p, s: p - 1e-9 * s, params, slope), loss

    step = jax.jit(once)
    many = jax.jit(lambda p, x: jax.lax.scan(lambda p, _: once(p, x), p, None, turns))

    def outside():
        p = params
        for _ in range(turns):
            p, _ = step(p, x)
        jax.block_until_ready(p)

    def inside():
        jax.block_until_ready(many(params, x))

    def seconds(run):
        began = time.perf_counter()
        run()
        return time.perf_counter() - began

    outside(), inside()
    pairs = [(seconds(inside), seconds(outside)) for _ in range(15)]
    assert min(i for i, _ in pairs) < 1.2 * min(o for _, o in pairs)


def test_bytes_are_taken_as_floats_and_a_bias_may_be_missing():
    params = conv2d_init(jax.random.key(0), 2, 1, 3, bias=False)
    assert set(params) == {"filters"}
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(conv2d(params, image), conv2d(params, image.astype("f")))


def test_init_draws_filters_by_the_initializer():
    params = conv2d_init(jax.random.key(7), (3, 2), 4, 6, groups=2)
    np.testing.assert_array_equal(params["filters"], he_normal(jax.random.key(7), (3, 2, 2, 6)))
    assert params["bias"].tolist() == [0] * 6


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"x": (5, 5, 2)}, r"x \[N, H, W, C\], got \(5, 5, 2\)"),
        ({"x": (1, 5, 5, 3)}, r"C = 2 \(filters \(3, 3, 2, 4\), groups 1\), got x \(1, 5, 5, 3\)"),
        ({"groups": 2}, r"C = 4 .*groups 2"),
        ({"x": (1, 5, 5, 6), "groups": 3}, r"O a multiple of G = 3, got \(3, 3, 2, 4\)"),
        ({"groups": 0}, "groups must be a positive integer, got 0"),
        ({"stride": 0}, "stride must be a positive integer or two of them, got 0"),
        ({"dilation": (1, 2, 3)}, r"dilation .* got \(1, 2, 3\)"),
        ({"padding": "same"}, r'"VALID", "SAME" or \(\(above, below\), \(left, right\)\).* got \'same\''),
        ({"padding": 1}, "got 1"),
        ({"padding": ((0, -1), (0, 0))}, r"got \(\(0, -1\), \(0, 0\)\)"),
        ({"x": (1, 5, 2, 2)}, "window is 3 pixels wide, the padded image only 2"),
        ({"dilation": (3, 1)}, "window is 7 pixels high, the padded image only 5"),
    ],
)
def test_what_does_not_fit_is_said_before_compilation(changed, text, variant):
    options = {"x": (1, 5, 5, 2), **changed}
    params = conv2d_init(jax.random.key(0), 3, 2, 4)
    x = jnp.zeros(options.pop("x"))
    with pytest.raises(ConfigError, match=text):
        variant(partial(conv2d, **options))(params, x)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((3, 0, 2), "channels_in .* got 0"),
        ((3, 2, 2.5), "channels_out .* got 2.5"),
        ((3, 4, 6, 4), "C = 4, O = 6, G = 4"),
        (((3,), 4, 6), r"window .* got \(3,\)"),
    ],
)
def test_wrong_sizes(arguments, text):
    with pytest.raises(ConfigError, match=text):
        conv2d_init(jax.random.key(0), *arguments)


def test_wrong_params():
    with pytest.raises(ConfigError, match=r"filters \[kh, kw, C / G, O\], got \(3, 3\)"):
        conv2d({"filters": jnp.zeros((3, 3))}, jnp.zeros((1, 5, 5, 1)))
    with pytest.raises(ConfigError, match=r"bias \[O\] with O = 2, got \(3,\)"):
        conv2d({"filters": jnp.zeros((3, 3, 1, 2)), "bias": jnp.zeros(3)}, jnp.zeros((1, 5, 5, 1)))
