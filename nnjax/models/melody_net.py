"""A net that goes on with a melody: it hears many things before each symbol, and says which symbol comes.

Of some things that can be heard, each time several are; which ones are is a vector of zeros and ones.
An LSTM reads it, and a plain product beside the LSTM lets what is heard speak for itself, so that "as it was
four bars ago" needs no detour through the cells: logits = h W + b + x S.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.models.sequence_nets import sequence_step, sequence_tagger
from nnjax.types import Array, Key, Net, Params, Sequences

NEVER = -1e9


def melody_net(
    heard: int,
    hidden: int,
    symbols: int,
    durations: int,
    *,
    kind: str = "lstm",
    dropout: float | Array = 0.0,
    deafness: float | Array = 0.0,
) -> Net:
    """What is heard -> logits of the next symbol, which is a duration and a pitch in turns.

    Params are those of `sequence_tagger`, and {"shortcut": {"weights": [V, K]}}.

    Args:
        heard: V, how many things can be heard (static). The first two are "a duration is asked for" and "a
            pitch is asked for".
        hidden: H, neurons of the recurrent layer (static).
        symbols: K (static).
        durations: How many of them, the first ones, are durations (static).
        kind: "lstm", "gru" or "rnn" (static).
        dropout: Probability to drop a hidden value before the answer, in training; may be a tracer.
        deafness: Probability not to hear a thing, in training; may be a tracer.

    Returns:
        A Net from Sequences of integers [N, T, F], the F things that are heard, to Sequences [N, T, K]. A
        pitch where a duration is asked for has the logit -1e9, and the other way round.
    """
    tagger = sequence_tagger(heard, hidden, symbols, kind=kind, dropout=dropout)

    def init(key: Key) -> Params:
        return {**tagger.init(key), "shortcut": {"weights": jnp.zeros((heard, symbols))}}

    def apply(params: Params, inputs: Sequences, *, key: Key | None = None, train: bool = False) -> Sequences:
        x = multi_hot(inputs.values, heard)
        asked = x[..., 1] > 0
        if train:
            if key is None:
                raise ConfigError("melody_net wants a key where train is True")
            for_ears, key = jax.random.split(key)
            x = jnp.where(jax.random.bernoulli(for_ears, 1 - deafness, x.shape), x, 0) / (1 - deafness)
        outputs = tagger.apply(params, Sequences(x, inputs.lengths), key=key, train=train)
        logits = outputs.values + x @ params["shortcut"]["weights"]
        return Sequences(only_asked(logits, asked, durations), outputs.lengths)

    return Net(init, apply)


def melody_step(params: Params, durations: int, states: Any, heard: Array) -> tuple[Any, Array]:
    """One symbol of a trained `melody_net`, as `sequence_step`.

    Args:
        params: Its params.
        durations: As of `melody_net` (static).
        states: Of `sequence_start`, or of the step before.
        heard: Integers [N, F].

    Returns:
        The new states, and logits [N, K].
    """
    x = multi_hot(heard, len(params["shortcut"]["weights"]))
    states, logits = sequence_step(params, states, x)
    return states, only_asked(logits + x @ params["shortcut"]["weights"], x[..., 1] > 0, durations)


def multi_hot(values: Array, size: int) -> Array:
    """Ones at the integers [..., F], float32 [..., size].

    >>> multi_hot(jnp.array([[0, 3]]), 4).tolist()
    [[1.0, 0.0, 0.0, 1.0]]
    """
    values = jnp.asarray(values, jnp.int32)
    rows = values.reshape(-1, values.shape[-1])
    places = jnp.arange(len(rows))[:, None]
    return jnp.zeros((len(rows), size)).at[places, rows].set(1.0).reshape(*values.shape[:-1], size)


def only_asked(logits: Array, pitch: Array, durations: int) -> Array:
    """Logits [..., K] with `NEVER` at what is not asked for: `pitch` [...] says whether a pitch is."""
    is_pitch = jnp.broadcast_to(jnp.arange(logits.shape[-1]) >= durations, logits.shape)
    return jnp.where(is_pitch == pitch[..., None], logits, NEVER)
