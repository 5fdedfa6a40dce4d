"""Attention and the Transformer's blocks: PyTorch's values and gradients, and the laws they keep."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from nnjax.errors import ConfigError
from nnjax.layers.attention import attention, causal_mask, multi_head_attention, multi_head_init, padding_mask
from nnjax.layers.layer_norm import layer_norm
from nnjax.models.transformer_blocks import Blocks

ORACLE = np.load(Path(__file__).parent / "oracles" / "attention.npz")
HEADS = 2
PADDED = padding_mask(jnp.arange(5)[None, :] < jnp.array([[5], [3]]))
SOURCE = padding_mask(jnp.arange(4)[None, :] < jnp.array([[2], [4]]))


def dense_of(weights: np.ndarray, bias: np.ndarray) -> dict:
    return {"weights": weights.T, "bias": bias}


def heads_of(prefix: str) -> dict:
    """PyTorch's packed attention weights (or their gradients) as ours."""
    packed = np.split(ORACLE[f"{prefix}in_proj_weight"], 3), np.split(ORACLE[f"{prefix}in_proj_bias"], 3)
    params = {name: dense_of(packed[0][i], packed[1][i]) for i, name in enumerate(("query", "key", "value"))}
    output = dense_of(ORACLE[f"{prefix}out_proj.weight"], ORACLE[f"{prefix}out_proj.bias"])
    return {**params, "output": output}


def norm_of(prefix: str) -> dict:
    return {"scale": ORACLE[f"{prefix}weight"], "bias": ORACLE[f"{prefix}bias"]}


def block_of(case: str, kind: str) -> dict:
    at = f"{case}/{kind}/"
    crossed = case == "decoder"
    cross = {}
    if crossed:
        cross = {"cross_norm": norm_of(f"{at}norm2."), "cross": heads_of(f"{at}multihead_attn.")}
    return {
        "attention_norm": norm_of(f"{at}norm1."),
        "attention": heads_of(f"{at}self_attn."),
        **cross,
        "dense_norm": norm_of(f"{at}norm{3 if crossed else 2}."),
        "dense_in": dense_of(ORACLE[f"{at}linear1.weight"], ORACLE[f"{at}linear1.bias"]),
        "dense_out": dense_of(ORACLE[f"{at}linear2.weight"], ORACLE[f"{at}linear2.bias"]),
    }


def of_heads(mask):
    return lambda p, x, memory=None: multi_head_attention(p, x, HEADS, memory=memory, mask=mask)[0]


def of_block(crossed: bool, mask):
    blocks = Blocks(width=8, heads=HEADS, depth=1, hidden=12, positions="none", crossed=crossed)
    norm = {"scale": jnp.ones(8), "bias": jnp.zeros(8)}

    def run(block, x, memory=None):
        stack = {"block_0": block, "norm": jax.tree.map(lambda leaf: leaf.astype(x.dtype), norm)}
        return blocks.apply(stack, x, mask, source=memory, source_mask=SOURCE)[0]

    return run


CASES = {
    "padded": (of_heads(PADDED), lambda kind: heads_of(f"padded/{kind}/"), ("x",)),
    "causal": (of_heads(causal_mask(5)), lambda kind: heads_of(f"causal/{kind}/"), ("x",)),
    "crossed": (of_heads(SOURCE), lambda kind: heads_of(f"crossed/{kind}/"), ("x", "memory")),
    "norm": (lambda p, x: layer_norm(p, x), lambda kind: norm_of(f"norm/{kind}/"), ("x",)),
    "encoder": (of_block(False, PADDED), lambda kind: block_of("encoder", kind), ("x",)),
    "decoder": (of_block(True, causal_mask(5)), lambda kind: block_of("decoder", kind), ("x", "memory")),
}


def apart(ours, theirs) -> float:
    """The norm of the difference over the norm, of all leaves together."""
    ours, theirs = (np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)]) for tree in (ours, theirs))
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 1e-5), (np.float64, 1e-10)])
def test_values_and_gradients_are_pytorchs(case: str, dtype, limit: float) -> None:
    run, params_of, names = CASES[case]
    with jax.enable_x64(dtype == np.float64):
        cast = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)
        params, inputs = (
            cast(params_of("w")),
            [jnp.asarray(ORACLE[f"{case}/{name}"], dtype) for name in names],
        )
        ours = run(params, *inputs)
        assert apart(ours, ORACLE[f"{case}/outputs"]) < limit
        weights = jnp.cos(jnp.arange(ours.size, dtype=dtype)).reshape(ours.shape)
        slopes = jax.grad(lambda p, xs: jnp.sum(run(p, *xs) * weights), argnums=(0, 1))(params, inputs)
        assert apart(slopes[0], params_of("g")) < limit
        assert apart(slopes[1], [ORACLE[f"{case}/{name}/gradient"] for name in names]) < limit


def test_attention_is_a_mean_weighted_by_the_softmax_of_products() -> None:
    """Two keys, one query: scores ln 3 and 0 after the division by sqrt(4) give shares 3/4 and 1/4."""
    queries = jnp.zeros((1, 1, 1, 4)).at[0, 0, 0, 0].set(2.0)
    keys = jnp.zeros((1, 2, 1, 4)).at[0, 0, 0, 0].set(jnp.log(3.0))
    values = jnp.array([4.0, 8.0]).reshape(1, 2, 1, 1)
    y, weights = attention(queries, keys, values)
    np.testing.assert_allclose(weights.reshape(-1), [0.75, 0.25], rtol=1e-6)
    assert float(y[0, 0, 0, 0]) == pytest.approx(5.0)


def test_what_is_masked_has_a_share_of_exactly_nothing() -> None:
    key = jax.random.key(0)
    x = 30 * jax.random.normal(key, (2, 5, 8))
    _, weights = multi_head_attention(multi_head_init(key, 8, 2), x, 2, mask=causal_mask(5) & PADDED)
    allowed = np.broadcast_to(causal_mask(5) & PADDED, weights.shape)
    assert (np.asarray(weights)[~allowed] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)


def test_gradients_are_those_of_differences() -> None:
    key = jax.random.key(1)
    params, x = multi_head_init(key, 4, 2), jax.random.normal(key, (1, 3, 4))
    run = lambda p, x: multi_head_attention(p, x, 2, mask=causal_mask(3), rotate=True)[0]
    check_grads(run, (params, x), order=1, modes=["rev"], rtol=0.02, atol=1e-3)


def test_heads_see_their_own_columns() -> None:
    """With two heads, the first half of the query's columns moves the first head's attention alone."""
    key = jax.random.key(2)
    params, x = multi_head_init(key, 8, 2), jax.random.normal(key, (1, 3, 8))
    moved = jax.tree.map(lambda leaf: leaf, params)
    moved["query"]["weights"] = params["query"]["weights"].at[:, :4].multiply(-1)
    before, after = (multi_head_attention(p, x, 2)[1] for p in (multi_head_init(key, 8, 2), moved))
    assert float(jnp.abs(before[:, 0] - after[:, 0]).max()) > 0.01
    np.testing.assert_array_equal(before[:, 1], after[:, 1])


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        (
            ((1, 2, 1, 4), (1, 3, 1, 4), (1, 2, 1, 4)),
            r"got \(1, 2, 1, 4\), \(1, 3, 1, 4\) and \(1, 2, 1, 4\)",
        ),
        (((1, 2, 1, 4), (1, 3, 2, 4), (1, 3, 2, 4)), "wants queries"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        attention(*(jnp.zeros(shape) for shape in shapes))


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of heads, got 10 and 4"):
        multi_head_init(jax.random.key(0), 10, 4)
    with pytest.raises(ConfigError, match="multiple of heads, got 10 and 4"):
        Blocks(width=10, heads=4)
