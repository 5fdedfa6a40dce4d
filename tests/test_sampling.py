"""Sampling: the restricted distribution by a loop in NumPy, the frequencies of the draws, one compilation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnjax.errors import ConfigError
from nnjax.models import sampling
from nnjax.models.language_model import language_model
from nnjax.models.sampling import Writer, generate, recurrent_writer, restrict, transformer_writer
from nnjax.models.sequence_nets import sequence_tagger
from nnjax.models.transformer_blocks import Blocks
from nnjax.types import Sequences


def by_hand(logits: np.ndarray, temperature: float, top_k: int | None, top_p: float) -> set[int]:
    """Which tokens stay, by walking down from the likeliest."""
    scaled = logits / temperature
    order = sorted(range(len(logits)), key=lambda i: (-scaled[i], i))[: top_k or len(logits)]
    shares = np.exp(scaled[order] - scaled[order].max())
    shares = shares / shares.sum()
    kept, reached = set(), 0.0
    for i, share in zip(order, shares, strict=True):
        if kept and reached >= top_p:
            break
        kept.add(i)
        reached += share
    return kept


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-8, 8), min_size=6, max_size=6, unique=True),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.sampled_from([None, 1, 2, 4, 9]),
    st.sampled_from([0.123, 0.5, 0.9, 1.0]),
)
def test_what_stays_is_what_a_walk_from_the_likeliest_keeps(logits, temperature, top_k, top_p) -> None:
    logits = np.array(logits, np.float32)
    ours = np.asarray(restrict(jnp.asarray(logits), temperature, top_k, top_p))
    assert set(np.flatnonzero(np.isfinite(ours)).tolist()) == by_hand(logits, temperature, top_k, top_p)
    kept = np.isfinite(ours)
    np.testing.assert_allclose(ours[kept], logits[kept] / temperature, rtol=1e-6)


def test_of_equal_logits_exactly_top_k_stay() -> None:
    assert np.isfinite(restrict(jnp.zeros(5), top_k=2)).tolist() == [True, True, False, False, False]


def coin_writer(shares: tuple[float, ...]) -> Writer:
    """Tells the same distribution whatever it read."""
    logits = jnp.log(jnp.array(shares))
    return Writer(
        lambda params, n: jnp.zeros(n),
        lambda params, state, tokens: (state, jnp.broadcast_to(logits, (len(tokens), len(shares)))),
    )


def test_draws_have_the_frequencies_of_the_distribution() -> None:
    tokens = np.asarray(generate(coin_writer((0.5, 0.3, 0.2)), {}, np.zeros((40, 1)), 250, jax.random.key(0)))
    frequencies = np.bincount(tokens.reshape(-1), minlength=3) / 10_000
    np.testing.assert_allclose(frequencies, [0.5, 0.3, 0.2], atol=4 * np.sqrt(0.25 / 10_000))


def test_top_one_is_the_likeliest_each_time_and_seeds_differ() -> None:
    writer = coin_writer((0.3, 0.5, 0.2))
    assert (generate(writer, {}, np.zeros((2, 1)), 20, jax.random.key(0), top_k=1) == 1).all()
    a, b, c = (generate(writer, {}, np.zeros((2, 1)), 20, jax.random.key(seed)) for seed in (0, 0, 1))
    assert (a == b).all()
    assert (a != c).any()


def test_a_written_text_is_what_the_net_finds_likeliest_itself() -> None:
    """The greedy text, read as a whole by the net: each of its tokens is the likeliest after those before."""
    blocks = Blocks(width=8, heads=2, context=12)
    lm, tagger = language_model(9, blocks), sequence_tagger(9, 6, 9, embedding=4)
    for net, writer in ((lm, transformer_writer(blocks)), (tagger, recurrent_writer())):
        params = jax.tree.map(lambda leaf: 3 * leaf, net.init(jax.random.key(1)))
        prompt = np.array([[1, 2, 3], [4, 5, 6]], np.int32)
        text = generate(writer, params, prompt, 9, jax.random.key(0), top_k=1)
        whole = jnp.concatenate([prompt, text], axis=1)
        logits = net.apply(params, Sequences(whole, jnp.full(2, 12))).values
        np.testing.assert_array_equal(jnp.argmax(logits[:, 2:-1], axis=-1), text)


def test_other_temperatures_and_seeds_compile_nothing_new() -> None:
    writer = transformer_writer(Blocks(width=4, heads=1, depth=1, context=8))
    assert writer is transformer_writer(Blocks(width=4, heads=1, depth=1, context=8))
    params = language_model(5, Blocks(width=4, heads=1, depth=1, context=8)).init(jax.random.key(0))
    before = sampling._generate._cache_size()
    for seed, temperature, top_p in ((0, 1.0, 1.0), (1, 0.5, 0.9), (2, 2.0, 0.4)):
        generate(
            writer, params, np.zeros((1, 2)), 4, jax.random.key(seed), temperature=temperature, top_p=top_p
        )
    assert sampling._generate._cache_size() == before + 1


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"temperature": 0.0}, "above 0, got 0.0; for the likeliest use top_k=1"),
        ({"top_p": 1.5}, r"\(0, 1\], got 1.5"),
        ({"top_k": 0}, "at least 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(how, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        generate(coin_writer((0.5, 0.5)), {}, np.zeros((1, 1)), 3, jax.random.key(0), **how)


def test_a_text_longer_than_the_cache_and_an_empty_prompt_are_refused() -> None:
    blocks = Blocks(width=4, heads=1, depth=1, context=8)
    params = language_model(5, blocks).init(jax.random.key(0))
    with pytest.raises(ConfigError, match="texts of 8 tokens, and 3 of the prompt with 6 more"):
        generate(transformer_writer(blocks), params, np.zeros((1, 3)), 6, jax.random.key(0))
    with pytest.raises(ConfigError, match="T of at least 1"):
        generate(recurrent_writer(), {}, np.zeros((1, 0)), 6, jax.random.key(0))
