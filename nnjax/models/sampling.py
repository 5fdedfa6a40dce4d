"""Sampling: a net that tells the next token is asked again and again, and each answer is drawn by chance."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.models.language_model import written_start, written_step
from nnjax.models.sequence_nets import sequence_start, sequence_step
from nnjax.models.transformer_blocks import Blocks
from nnjax.types import Array, Key, Params


class Writer(NamedTuple):
    """How a net is asked token by token.

    Attributes:
        start: `start(params, n) -> state`, N empty texts.
        step: `step(params, state, tokens [N]) -> (state, logits [N, V])`.
        longest: The most tokens of a text, None where there is no bound.
    """

    start: Callable[[Params, int], Any]
    step: Callable[[Params, Any, Array], tuple[Any, Array]]
    longest: int | None = None


@lru_cache
def recurrent_writer() -> Writer:
    """The writer of a `sequence_tagger` over tokens."""
    return Writer(sequence_start, sequence_step)


@lru_cache  # the same writer for the same settings, so that `generate` compiles once
def transformer_writer(blocks: Blocks) -> Writer:
    """The writer of a `language_model`, with its cache of keys and values."""
    return Writer(lambda params, n: written_start(blocks, n), partial(written_step, blocks), blocks.context)


def restrict(logits: Array, temperature: Any = 1.0, top_k: int | None = None, top_p: Any = 1.0) -> Array:
    """Logits of the distribution to draw from.

    logits / temperature, of which only the `top_k` largest stay, and of these only the fewest whose
    probabilities reach `top_p` together ("nucleus"); the others are -inf. The largest always stays.

    Args:
        logits: Float array [..., V].
        temperature: Above 0; below 1 sharpens, above 1 flattens; may be a tracer.
        top_k: How many at most; None means all (static).
        top_p: In (0, 1]; may be a tracer.

    Returns:
        Float array [..., V].

    Raises:
        ConfigError: If a number is out of range.

    >>> restrict(jnp.array([0.0, 3.0, 1.0]), top_k=2).tolist()
    [-inf, 3.0, 1.0]

    Source: Holtzman et al. 2020, https://arxiv.org/abs/1904.09751
    """
    if isinstance(temperature, int | float) and not temperature > 0:
        raise ConfigError(
            f"temperature wants a number above 0, got {temperature}; for the likeliest use top_k=1"
        )
    if isinstance(top_p, int | float) and not 0 < top_p <= 1:
        raise ConfigError(f"top_p wants a number in (0, 1], got {top_p}")
    if top_k is not None and (top_k != int(top_k) or top_k < 1):
        raise ConfigError(f"top_k wants an integer of at least 1, got {top_k!r}")
    logits = logits / temperature
    # Positions in the order of size, ties by index, so that exactly top_k stay.
    order = jnp.argsort(-logits, axis=-1)
    ranked = jnp.take_along_axis(logits, order, axis=-1)
    if top_k is not None:
        ranked = jnp.where(jnp.arange(ranked.shape[-1]) < top_k, ranked, -jnp.inf)
    shares = jax.nn.softmax(ranked, axis=-1)
    before = jnp.cumsum(shares, axis=-1) - shares
    stays = (before < top_p) & jnp.isfinite(ranked)
    stays = stays.at[..., 0].set(True)
    kept = jnp.take_along_axis(stays, jnp.argsort(order, axis=-1), axis=-1)
    return jnp.where(kept, logits, -jnp.inf)


def generate(
    writer: Writer,
    params: Params,
    prompt: Array,
    steps: int,
    key: Key,
    *,
    temperature: Any = 1.0,
    top_k: int | None = None,
    top_p: Any = 1.0,
) -> Array:
    """Reads a prompt and goes on with it; the whole of it is one compiled program a shape.

    Args:
        writer: How the net is asked.
        params: Its parameters.
        prompt: Tokens [N, T], T >= 1.
        steps: How many tokens to write (static).
        key: Random key.
        temperature: See `restrict`.
        top_k: See `restrict` (static).
        top_p: See `restrict`.

    Returns:
        Tokens, int32 [N, steps].

    Raises:
        ConfigError: If a number is out of range, or the text would be longer than the net can hold.
    """
    prompt = jnp.asarray(prompt, jnp.int32)
    if prompt.ndim != 2 or prompt.shape[1] < 1:
        raise ConfigError(
            f"generate wants a prompt of tokens [N, T] with T of at least 1, got {prompt.shape}"
        )
    if writer.longest is not None and prompt.shape[1] + steps > writer.longest:
        raise ConfigError(
            f"the net holds texts of {writer.longest} tokens, and {prompt.shape[1]} of the prompt "
            f"with {steps} more were asked for"
        )
    restrict(jnp.zeros((1, 2)), temperature, top_k, top_p)  # refuses what is out of range, before compiling
    if steps < 1:
        raise ConfigError(f"steps wants an integer of at least 1, got {steps}")
    return _generate(writer, steps, top_k, params, prompt, key, jnp.float32(temperature), jnp.float32(top_p))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _generate(
    writer: Writer, steps: int, top_k: int | None, params: Params, prompt: Array, key: Key, *how: Array
) -> Array:
    temperature, top_p = how

    def read(state: Any, tokens: Array) -> tuple[Any, Array]:
        return writer.step(params, state, tokens)

    state, logits = jax.lax.scan(read, writer.start(params, len(prompt)), prompt.T)

    def write(carry: tuple[Any, Array], i: Array) -> tuple[tuple[Any, Array], Array]:
        state, logits = carry
        drawn = jax.random.categorical(
            jax.random.fold_in(key, i), restrict(logits, temperature, top_k, top_p)
        )
        drawn = drawn.astype(jnp.int32)
        return writer.step(params, state, drawn), drawn

    _, tokens = jax.lax.scan(write, (state, logits[-1]), jnp.arange(steps))
    return tokens.T
