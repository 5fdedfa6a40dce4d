"""Sequence to sequence: an encoder reads one, and its last state starts a decoder that writes the other."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nnjax.layers.dense import dense_init
from nnjax.layers.embedding import embed, embedding_init
from nnjax.layers.recurrent import recurrent, recurrent_like
from nnjax.models.sequence_nets import output_layer, read
from nnjax.types import Array, Key, Net, Params, Sequences


def encoder_decoder(
    d_in: int,
    hidden: int,
    d_out: int,
    *,
    kind: str = "lstm",
    layers: int = 1,
    dropout: float | Array = 0.0,
    embedding: int | None = None,
) -> Net:
    """Sequence to sequence, trained with the true answer so far as the decoder's input (teacher forcing).

    The decoder reads y_0 ... y_{t-1} and says y_t, where y_0 is zeros, or a token of its own that starts
    every answer. `answer` runs it freely.

    Args:
        d_in: D, how many values a step of the source; with an `embedding`, V tokens (static).
        hidden: H, how many neurons a layer (static).
        d_out: K, how many values a step of the target; with an `embedding`, K tokens (static).
        kind: "lstm", "gru" or "rnn" (static).
        layers: How many in the encoder, and in the decoder (static).
        dropout: Probability to drop, in training, each value that a layer passes to the next one; may be a
            tracer.
        embedding: E: both sequences are tokens [N, T], and each stands for E numbers that are learned; None:
            they are values [N, T, D] and [N, T, K] (static).

    Returns:
        A Net from {"source": Sequences, "target": Sequences} to Sequences [N, T, K] of the target's lengths.

    Raises:
        ConfigError: If a setting is out of range, or the inputs do not fit.

    >>> net = encoder_decoder(10, 8, 6, embedding=4)
    >>> two = Sequences(jnp.ones((2, 5), int), jnp.array([5, 3]))
    >>> net.apply(net.init(jax.random.key(0)), {"source": two, "target": two}).values.shape
    (2, 5, 6)

    Source: Sutskever, Vinyals and Le 2014, https://arxiv.org/abs/1409.3215
    """
    encoder = recurrent(kind, embedding or d_in, hidden, layers=layers, dropout=dropout)
    decoder = recurrent(kind, embedding or d_out, hidden, layers=layers, dropout=dropout)

    def init(key: Key) -> Params:
        keys = jax.random.split(key, 5)
        params: dict[str, Any] = {"encoder": {"recurrent": encoder.init(keys[0])}}
        params["decoder"] = {"recurrent": decoder.init(keys[1])}
        params["output"] = dense_init(keys[2], hidden, d_out)
        if embedding:
            params["encoder"]["embedding"] = {"weights": embedding_init(keys[3], d_in, embedding)}
            params["decoder"]["embedding"] = {"weights": embedding_init(keys[4], d_out + 1, embedding)}
        return params

    def apply(params: Params, inputs: Any, *, key: Key | None = None, train: bool = False) -> Sequences:
        keys = (None, None, None) if key is None else jax.random.split(key, 3)
        _, states = read(encoder, params["encoder"], inputs["source"], keys[0], train)
        shifted = Sequences(_shifted(params, inputs["target"].values), inputs["target"].lengths)
        outputs, _ = read(decoder, params["decoder"], shifted, keys[1], train, states)
        return Sequences(output_layer(params, outputs.values, dropout, keys[2], train), outputs.lengths)

    return Net(init, apply)


def answer(params: Params, source: Sequences, steps: int, key: Key | None = None) -> Array:
    """What the decoder says when it reads its own words.

    Args:
        params: The params of an `encoder_decoder`.
        source: What is answered, N sequences.
        steps: How many steps (static).
        key: Draws each token from its probabilities; None takes the likeliest.

    Returns:
        Tokens [N, steps], or values [N, steps, K] where the net has no embedding.

    >>> params = encoder_decoder(10, 8, 6, embedding=4).init(jax.random.key(0))
    >>> answer(params, Sequences(jnp.ones((2, 5), int), jnp.array([5, 3])), 7).shape
    (2, 7)
    """
    encoder, decoder = (recurrent_like(params[part]["recurrent"]) for part in ("encoder", "decoder"))
    _, states = read(encoder, params["encoder"], source, None, False)
    tokens, n = "embedding" in params["decoder"], len(source.lengths)
    d_out = params["output"]["bias"].shape[0]
    first = jnp.full((n,), d_out, jnp.int32) if tokens else jnp.zeros((n, d_out))

    def step(carry: tuple[Any, Array], t: Array) -> tuple[tuple[Any, Array], Array]:
        states, said = carry
        x = embed(params["decoder"]["embedding"]["weights"], said) if tokens else said
        states, y = decoder.step(params["decoder"]["recurrent"], states, x)
        said = output_layer(params, y, 0.0, None, False)
        if tokens and key is None:
            said = jnp.argmax(said, axis=-1).astype(jnp.int32)
        elif tokens and key is not None:
            said = jax.random.categorical(jax.random.fold_in(key, t), said).astype(jnp.int32)
        return (states, said), said

    return jax.lax.scan(step, (states, first), jnp.arange(steps))[1].swapaxes(0, 1)


def _shifted(params: Params, target: Array) -> Array:
    """The target one step later, after what starts every answer."""
    if "embedding" in params["decoder"]:
        first = jnp.full_like(target[:, :1], params["output"]["bias"].shape[0])
    else:
        first = jnp.zeros_like(target[:, :1])
    return jnp.concatenate([first, target[:, :-1]], axis=1)
