"""Sequence to sequence: freely running is teacher forcing on one's own words, and copying is learned."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax.models.encoder_decoder import answer, encoder_decoder
from nnjax.training.fit import fit
from nnjax.types import Dataset, Sequences

FULL = np.array([4, 2])


@pytest.mark.parametrize("embedding", [None, 3])
def test_freely_running_is_teacher_forcing_on_ones_own_words(embedding):
    net = encoder_decoder(5, 6, 5, kind="gru", layers=2, embedding=embedding)
    params, rng = net.init(jax.random.key(0)), np.random.default_rng(0)
    source = (
        rng.normal(size=(2, 4, 5)).astype(np.float32) if embedding is None else rng.integers(0, 5, (2, 4))
    )
    said = answer(params, Sequences(source, FULL), 6)
    inputs = {"source": Sequences(source, FULL), "target": Sequences(said, np.array([6, 6]))}
    outputs = net.apply(params, inputs).values
    if embedding is None:
        np.testing.assert_allclose(outputs, said, atol=1e-6)
    else:
        np.testing.assert_array_equal(outputs.argmax(-1), said)


def test_no_step_sees_its_own_target_or_a_later_one_and_no_padding_counts():
    net = encoder_decoder(5, 6, 5, embedding=3)
    params, tokens = net.init(jax.random.key(0)), np.array([[1, 2, 3, 4], [4, 3, 2, 1]])
    other, spoiled = tokens.copy(), tokens.copy()
    other[:, 2:], spoiled[1, 2:] = 0, 0

    def logits(source, target):
        return net.apply(
            params, {"source": Sequences(source, FULL), "target": Sequences(target, np.array([4, 4]))}
        )

    np.testing.assert_array_equal(logits(tokens, other).values[:, :3], logits(tokens, tokens).values[:, :3])
    assert not np.allclose(logits(tokens, other).values[:, 3], logits(tokens, tokens).values[:, 3])
    np.testing.assert_array_equal(logits(spoiled, tokens).values, logits(tokens, tokens).values)


def test_it_learns_to_answer_with_the_last_token_it_heard():
    rng = np.random.default_rng(0)
    heard, lengths = rng.integers(0, 4, (200, 5)), rng.integers(1, 6, 200)
    said = np.repeat(heard[np.arange(200), lengths - 1][:, None], 3, axis=1)
    source, target = Sequences(heard, lengths), Sequences(said, np.full(200, 3))
    data = Dataset({"source": source, "target": target}, target)
    net = encoder_decoder(4, 16, 4, embedding=8)
    fitted = fit(net, data, epochs=15, optimizer=optax.adam(0.02), progress=False)
    free = answer(fitted.params, source, 3)
    assert np.mean(np.asarray(free) == said) > 0.95
    drawn = answer(fitted.params, source, 3, jax.random.key(0))
    assert drawn.dtype == jnp.int32
