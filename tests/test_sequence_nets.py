"""Nets that read sequences: their parts put together, their steps, and that they learn."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax.errors import ConfigError
from nnjax.layers.dense import dense
from nnjax.layers.recurrent import recurrent
from nnjax.models.sequence_nets import (
    sequence_classifier,
    sequence_features,
    sequence_start,
    sequence_step,
    sequence_tagger,
)
from nnjax.training.fit import fit
from nnjax.types import Dataset, Sequences, Splits

X = Sequences(np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32), np.array([5, 2]))


@pytest.mark.parametrize("summary", ["last", "mean", "max"])
def test_a_summary_of_the_true_steps_and_a_dense_layer(summary):
    net = sequence_classifier(3, 4, 2, layers=2, bidirectional=True, summary=summary)
    params = net.init(jax.random.key(0))
    h = np.asarray(
        recurrent("lstm", 3, 4, layers=2, bidirectional=True).apply(params["recurrent"], X)[0].values
    )
    wanted = {
        # The forward direction ends at the last true step, the backward one at the first.
        "last": [np.concatenate([h[0, 4, :4], h[0, 0, 4:]]), np.concatenate([h[1, 1, :4], h[1, 0, 4:]])],
        "mean": [h[0].mean(0), h[1, :2].mean(0)],
        "max": [h[0].max(0), h[1, :2].max(0)],
    }[summary]
    outputs = net.apply(params, X)
    np.testing.assert_allclose(outputs, dense(params["output"], jnp.stack(wanted)), atol=1e-6)


def test_nan_in_the_padding_changes_nothing():
    net = sequence_classifier(3, 4, 2, summary="max", bidirectional=True)
    params, spoiled = net.init(jax.random.key(0)), X.values.copy()
    spoiled[1, 2:] = np.nan
    slope = lambda x: jax.grad(lambda p: jnp.sum(jnp.sin(net.apply(p, Sequences(x, X.lengths)))))(params)
    jax.tree.map(np.testing.assert_array_equal, slope(X.values), slope(spoiled))


@pytest.mark.parametrize("embedding", [None, 3])
def test_single_steps_give_what_the_whole_sequence_gives(embedding):
    net = sequence_tagger(3, 4, 6, kind="gru", layers=2, embedding=embedding)
    x = X if embedding is None else Sequences(np.array([[0, 2, 1, 1, 0]] * 2), X.lengths)
    params = net.init(jax.random.key(0))
    whole, states = net.apply(params, x), sequence_start(params, 2)
    assert whole.lengths is X.lengths
    for t in range(2):
        states, logits = sequence_step(params, states, x.values[:, t])
        np.testing.assert_allclose(logits, whole.values[:, t], atol=1e-6)


def test_features_are_of_the_embedded_tokens():
    net = sequence_tagger(3, 4, 6, embedding=2)
    params = net.init(jax.random.key(0))
    features = sequence_features(params, Sequences(np.array([[0, 2, 1]]), np.array([3])))
    outputs = net.apply(params, Sequences(np.array([[0, 2, 1]]), np.array([3]))).values
    np.testing.assert_allclose(dense(params["output"], features["layer_0"]["hidden"]), outputs, atol=1e-6)


def toy(n: int, seed: int) -> tuple[Sequences, np.ndarray, np.ndarray]:
    """Whether the sum so far is positive, at every step and at the last true one."""
    rng = np.random.default_rng(seed)
    x, lengths = rng.normal(size=(n, 10, 1)).astype(np.float32), rng.integers(2, 11, n)
    steps = (np.cumsum(x[..., 0], axis=1) > 0).astype(np.int32)
    return Sequences(x, lengths), steps[np.arange(n), lengths - 1], steps


def test_fit_trains_on_sequences_of_any_length():
    (x, labels, steps), (more, more_labels, more_steps) = toy(300, 0), toy(100, 1)
    for net, train, valid in (
        (sequence_classifier(1, 12, 2), Dataset(x, labels), Dataset(more, more_labels)),
        (
            sequence_tagger(1, 12, 2, kind="rnn"),
            Dataset(x, Sequences(steps, x.lengths)),
            Dataset(more, Sequences(more_steps, more.lengths)),
        ),
    ):
        fitted = fit(net, Splits(train, valid), epochs=12, optimizer=optax.adam(0.02), progress=False)
        assert fitted.rows[-1]["valid_accuracy"] > 0.9
        assert fitted.evaluate(valid)["accuracy"] > 0.9
    tagged = fitted.predict(more)
    true = np.arange(10)[None, :] < more.lengths[:, None]
    right = tagged.values.argmax(-1) == more_steps
    assert fitted.evaluate(valid)["accuracy"] == pytest.approx(right[true].mean(), abs=1e-6)


def test_errors():
    with pytest.raises(ConfigError, match="summary wants one of last, mean, max, got 'first'"):
        sequence_classifier(3, 4, 2, summary="first")
    net = sequence_classifier(3, 4, 2, embedding=2)
    with pytest.raises(ConfigError, match=r"wanted tokens \[N, T\] with lengths \[N\], got \(2, 5, 3\)"):
        net.apply(net.init(jax.random.key(0)), X)
    tagger = sequence_tagger(3, 4, 2, bidirectional=True)
    with pytest.raises(ConfigError, match="layers of one direction"):
        sequence_step(params := tagger.init(jax.random.key(0)), sequence_start(params, 1), jnp.zeros((1, 3)))
