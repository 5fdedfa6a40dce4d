"""Networks of Transformer blocks: one answer a sequence, or a target written from a source."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from nnjax.layers.attention import causal_mask, padding_mask
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.embedding import embed, embedding_init
from nnjax.layers.padding import only_true, true_steps
from nnjax.models.transformer_blocks import EMBEDDING_SCALE, Blocks
from nnjax.types import Array, Key, Net, Params, Sequences


def transformer_classifier(
    d_in: int, d_out: int, blocks: Blocks | None = None, embedding: bool = False
) -> Net:
    """An encoder with one answer a sequence: the mean of its last block over the true steps, times W, + b.

    Args:
        d_in: D values a step; with `embedding`, V tokens (static).
        d_out: K logits (static).
        blocks: The stack; None takes its defaults.
        embedding: Whether the inputs are tokens [N, T] (static).

    Returns:
        A Net from Sequences to [N, K]. Everybody sees all true steps.

    >>> net = transformer_classifier(12, 9, Blocks(width=8, heads=2))
    >>> x = Sequences(jnp.ones((2, 5, 12)), jnp.array([5, 3]))
    >>> net.apply(net.init(jax.random.key(0)), x).shape
    (2, 9)
    """
    blocks = blocks or Blocks()

    def init(key: Key) -> Params:
        first, stack, last = jax.random.split(key, 3)
        output = dense_init(last, blocks.width, d_out)
        return {
            "input": _reader_init(first, d_in, blocks, embedding),
            "blocks": blocks.init(stack),
            "output": output,
        }

    def apply(params: Params, inputs: Sequences, *, key: Key | None = None, train: bool = False) -> Array:
        real = true_steps(inputs)
        x = _read(params["input"], inputs, real, embedding)
        x, _ = blocks.apply(params["blocks"], x, padding_mask(real), key=key, train=train)
        x = only_true(x, real)
        count = jnp.maximum(jnp.sum(real, axis=1), 1).astype(x.dtype)
        return dense(params["output"], jnp.sum(x, axis=1) / count[:, None])

    return Net(init, apply)


def transformer_translator(
    d_source: int, vocabulary: int, blocks: Blocks | None = None, embedding: bool = True
) -> Net:
    """An encoder that reads a source, and a causal decoder that writes a target while it asks the source.

    Args:
        d_source: How many tokens the source has, or values a step without `embedding` (static).
        vocabulary: K, how many tokens the target has (static).
        blocks: The stack of both; None takes its defaults.
        embedding: Whether the source is tokens (static).

    Returns:
        A Net from (source, target so far), two Sequences, to the logits of each next token, Sequences
        [N, T, K] of the target's lengths.

    >>> net = transformer_translator(5, 7, Blocks(width=8, heads=2))
    >>> source, target = (Sequences(jnp.ones((2, t), int), jnp.array([t, 1])) for t in (3, 4))
    >>> net.apply(net.init(jax.random.key(0)), (source, target)).values.shape
    (2, 4, 7)
    """
    encoder = blocks or Blocks()
    decoder = dataclasses.replace(encoder, crossed=True)

    def init(key: Key) -> Params:
        keys = jax.random.split(key, 5)
        return {
            "source": _reader_init(keys[0], d_source, encoder, embedding),
            "encoder": encoder.init(keys[1]),
            "target": _reader_init(keys[2], vocabulary, decoder, True),
            "decoder": decoder.init(keys[3]),
            "output": dense_init(keys[4], decoder.width, vocabulary),
        }

    def apply(
        params: Params, inputs: tuple[Sequences, Sequences], *, key: Key | None = None, train: bool = False
    ) -> Sequences:
        source, target = inputs
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        seen, real = padding_mask(true_steps(source)), true_steps(target)
        read = _read(params["source"], source, true_steps(source), embedding)
        read, _ = encoder.apply(params["encoder"], read, seen, key=keys[0], train=train)
        x = _read(params["target"], target, real, True)
        x, _ = decoder.apply(
            params["decoder"],
            x,
            causal_mask(x.shape[1]),
            source=read,
            source_mask=seen,
            key=keys[1],
            train=train,
        )
        return Sequences(dense(params["output"], x), target.lengths)

    return Net(init, apply)


def _reader_init(key: Key, d_in: int, blocks: Blocks, embedding: bool) -> Params:
    if embedding:
        return {"weights": embedding_init(key, d_in, blocks.width, EMBEDDING_SCALE)}
    return dense_init(key, d_in, blocks.width)


def _read(params: Params, inputs: Sequences, real: Array, embedding: bool) -> Array:
    """Tokens or values of every step as [N, T, D]; zeros where there is none."""
    if embedding:
        return only_true(embed(params["weights"], inputs.values), real)
    values = jnp.asarray(inputs.values)
    return only_true(dense(params, only_true(values.astype(jnp.result_type(values, float)), real)), real)
