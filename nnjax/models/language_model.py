"""A causal Transformer that tells the next token, and what it needs to be asked one token at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.attention import Cache, causal_mask
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.embedding import embed, embedding_init
from nnjax.layers.padding import only_true, true_steps
from nnjax.models.transformer_blocks import EMBEDDING_SCALE, Blocks
from nnjax.types import Array, Key, Net, Params, Sequences


class Written(NamedTuple):
    """A text so far, as the next step needs it.

    Attributes:
        caches: Each block's keys and values, of up to `context` positions.
        position: How many tokens there are, an integer scalar.
    """

    caches: dict[str, Cache]
    position: Any


def language_model(vocabulary: int, blocks: Blocks | None = None, tied: bool = True) -> Net:
    """Logits of the next token after every position, from the tokens up to it.

    x_t = table[token_t], through causal `blocks`; logits_t = x_t table' (tied) or x_t W + b.

    Args:
        vocabulary: V, how many tokens there are (static).
        blocks: The stack; None takes its defaults.
        tied: Whether the table of the inputs also gives the logits (static).

    Returns:
        A Net from Sequences of tokens [N, T] to Sequences of logits [N, T, V].

    Raises:
        ConfigError: If a setting is out of range, or the inputs are no tokens.

    >>> net = language_model(11, Blocks(width=8, heads=2))
    >>> tokens = Sequences(jnp.ones((2, 5), int), jnp.array([5, 3]))
    >>> net.apply(net.init(jax.random.key(0)), tokens).values.shape
    (2, 5, 11)

    Source: Radford et al. 2019, "Language models are unsupervised multitask learners"; tying: Press and Wolf
    2017, https://arxiv.org/abs/1608.05859
    """
    blocks = blocks or Blocks()

    def init(key: Key) -> Params:
        table, stack, output = jax.random.split(key, 3)
        params = {"embedding": {"weights": embedding_init(table, vocabulary, blocks.width, EMBEDDING_SCALE)}}
        params["blocks"] = blocks.init(stack)
        return params if tied else {**params, "output": dense_init(output, blocks.width, vocabulary)}

    def apply(params: Params, inputs: Sequences, *, key: Key | None = None, train: bool = False) -> Sequences:
        if not isinstance(inputs, Sequences):
            raise ConfigError(f"language_model wants Sequences of tokens, got {type(inputs).__name__}")
        x = only_true(embed(params["embedding"]["weights"], inputs.values), true_steps(inputs))
        x, _ = blocks.apply(params["blocks"], x, causal_mask(x.shape[1]), key=key, train=train)
        return Sequences(_logits(params, x), inputs.lengths)

    return Net(init, apply)


def attention_maps(blocks: Blocks, params: Params, tokens: Array) -> dict[str, Array]:
    """Who looks at whom, [N, H, T, T] of each block, while a `language_model` reads tokens [N, T]."""
    x = embed(params["embedding"]["weights"], tokens)
    return blocks.apply(params["blocks"], x, causal_mask(x.shape[1]))[1]


def written_start(blocks: Blocks, n: int) -> Written:
    """N empty texts."""
    return Written(blocks.caches(n), jnp.int32(0))


def written_step(blocks: Blocks, params: Params, written: Written, tokens: Array) -> tuple[Written, Array]:
    """The logits [N, V] of the next token after tokens [N], which are added to the text.

    A text longer than `context` has no place in the caches: sample at most so many tokens.
    """
    x = embed(params["embedding"]["weights"], tokens)[:, None]
    caches, x = blocks.step(params["blocks"], written.caches, x, written.position)
    return Written(caches, written.position + 1), _logits(params, x)[:, 0]


def _logits(params: Params, x: Array) -> Array:
    if "output" in params:
        return dense(params["output"], x)
    return x @ params["embedding"]["weights"].T
