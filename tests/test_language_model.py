"""The causal Transformer: blind to the future, equal with and without its cache, deaf to the padding."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.language_model import attention_maps, language_model, written_start, written_step
from nnjax.models.transformer import transformer_classifier, transformer_translator
from nnjax.models.transformer_blocks import POSITIONS, Blocks
from nnjax.types import Sequences

VOCABULARY, T = 11, 7


def blocks_with(positions: str) -> Blocks:
    return Blocks(width=8, heads=2, depth=2, context=T, positions=positions)


def tokens_of(seed: int, n: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, VOCABULARY, (n, T)).astype(np.int32)


def spread_out(params):
    """Parameters large enough that attention is far from uniform and every difference shows."""
    return jax.tree.map(
        lambda leaf: leaf * (30 if leaf.ndim == 2 and leaf.shape[0] in (VOCABULARY, T) else 1), params
    )


@pytest.mark.parametrize("positions", POSITIONS)
def test_no_output_changes_when_a_later_token_does(positions: str) -> None:
    net = language_model(VOCABULARY, blocks_with(positions))
    params, tokens = spread_out(net.init(jax.random.key(0))), tokens_of(0)
    changed = tokens.copy()
    changed[:, 4:] = (changed[:, 4:] + 3) % VOCABULARY
    read = jax.jit(lambda t: net.apply(params, Sequences(t, jnp.full(2, T))).values)
    before, after = read(tokens), read(changed)
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert float(jnp.abs(before[:, 4:] - after[:, 4:]).min(axis=(0, 1)).max()) > 1e-3


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("tied", [True, False])
def test_token_by_token_with_the_cache_is_all_at_once(positions: str, tied: bool) -> None:
    blocks = blocks_with(positions)
    net = language_model(VOCABULARY, blocks, tied)
    params, tokens = spread_out(net.init(jax.random.key(1))), tokens_of(1)
    whole = net.apply(params, Sequences(tokens, jnp.full(2, T))).values
    written, step = written_start(blocks, 2), jax.jit(lambda w, t: written_step(blocks, params, w, t))
    for t in range(T):
        written, logits = step(written, tokens[:, t])
        np.testing.assert_allclose(logits, whole[:, t], atol=2e-5)
    assert int(written.position) == T


def test_padding_changes_no_value_and_no_gradient() -> None:
    net = language_model(VOCABULARY, blocks_with("rotary"))
    params, tokens, lengths = net.init(jax.random.key(2)), tokens_of(2), jnp.array([T, 3])

    def total(p, tokens):
        values = net.apply(p, Sequences(tokens, lengths)).values
        return jnp.sum(jnp.where((jnp.arange(T)[None] < lengths[:, None])[..., None], values, 0) ** 2)

    other = tokens.copy()
    other[1, 3:] = 0
    ours, theirs = (jax.jit(jax.value_and_grad(total))(params, t) for t in (tokens, other))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), ours, theirs)


def test_a_tied_table_gives_the_logits_and_takes_both_gradients() -> None:
    tied, loose = (language_model(VOCABULARY, blocks_with("none"), t) for t in (True, False))
    assert "output" not in tied.init(jax.random.key(0))
    assert loose.init(jax.random.key(0))["output"]["weights"].shape == (8, VOCABULARY)
    params, tokens = tied.init(jax.random.key(3)), Sequences(np.zeros((1, T), np.int32), np.array([T]))
    slope = jax.grad(lambda p: jnp.sum(tied.apply(p, tokens).values[..., 5]))(params)
    assert float(jnp.abs(slope["embedding"]["weights"][5]).max()) > 0, "as an output"
    assert float(jnp.abs(slope["embedding"]["weights"][0]).max()) > 0, "as an input"
    assert float(jnp.abs(slope["embedding"]["weights"][7]).max()) == 0


def test_the_maps_are_those_of_each_head_and_causal() -> None:
    blocks = blocks_with("rotary")
    params = language_model(VOCABULARY, blocks).init(jax.random.key(0))
    maps = attention_maps(blocks, params, jnp.asarray(tokens_of(0)))
    assert {name: value.shape for name, value in maps.items()} == {
        f"block_{i}": (2, 2, T, T) for i in range(2)
    }
    assert float(jnp.triu(maps["block_1"], 1).max()) == 0


def test_positions_tell_an_order_and_their_absence_does_not() -> None:
    """Everybody sees everybody and the mean is taken: without positions the order cannot matter."""
    x = jax.random.normal(jax.random.key(4), (1, T, 3))
    for positions in POSITIONS:
        net = transformer_classifier(3, 2, blocks_with(positions))
        params = spread_out(net.init(jax.random.key(5)))
        a, b = (net.apply(params, Sequences(v, jnp.array([T]))) for v in (x, x[:, ::-1]))
        if positions == "none":
            np.testing.assert_allclose(a, b, atol=1e-5)
        else:
            assert float(jnp.abs(a - b).max()) > 1e-4, positions


def test_a_classifier_does_not_hear_the_padding() -> None:
    net = transformer_classifier(3, 2, blocks_with("sinusoidal"))
    params, x = net.init(jax.random.key(6)), np.array(jax.random.normal(jax.random.key(7), (2, T, 3)))
    x[1, 4:] = np.nan

    def answer(x):
        lengths = jnp.array([T, 4])
        return net.apply(params, Sequences(x, lengths)), jax.grad(
            lambda p: jnp.sum(net.apply(p, Sequences(x, lengths)) ** 2)
        )(params)

    short = net.apply(params, Sequences(x[1:, :4], jnp.array([4])))
    outputs, slopes = answer(x)
    np.testing.assert_allclose(outputs[1:], short, atol=1e-5)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


def test_a_translator_reads_all_of_its_source_and_none_of_its_future() -> None:
    net = transformer_translator(5, VOCABULARY, blocks_with("rotary"))
    params = net.init(jax.random.key(8))
    source, target = np.arange(4, dtype=np.int32)[None], tokens_of(8, 1)
    read = jax.jit(
        lambda s, t: net.apply(params, (Sequences(s, jnp.array([3])), Sequences(t, jnp.array([T])))).values
    )
    before = read(source, target)
    other_source, padded_source, future = source.copy(), source.copy(), target.copy()
    other_source[0, 2], padded_source[0, 3] = 4, 0
    future[0, 5:] = (future[0, 5:] + 1) % VOCABULARY
    assert float(jnp.abs(read(other_source, target) - before)[0, 0].max()) > 1e-6
    np.testing.assert_array_equal(read(padded_source, target), before)
    np.testing.assert_array_equal(read(source, future)[:, :5], before[:, :5])


def test_settings_and_inputs_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="positions wants one of rotary"):
        Blocks(positions="absolute")
    with pytest.raises(ConfigError, match="depth must be a positive integer, got 0"):
        Blocks(depth=0)
    net = language_model(VOCABULARY, Blocks(width=8, heads=2, context=3, positions="learned"))
    with pytest.raises(ConfigError, match="7 steps came, and there are positions for 3"):
        net.apply(net.init(jax.random.key(0)), Sequences(tokens_of(0), jnp.full(2, T)))
    with pytest.raises(ConfigError, match="wants Sequences of tokens"):
        net.apply(net.init(jax.random.key(0)), tokens_of(0))
