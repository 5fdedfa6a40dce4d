"""Networks that read sequences: one answer a sequence, or one at every step.

Both are recurrent layers with a dense layer on top. What is asked of a trained one besides its outputs
(`sequence_step`, `sequence_features`) needs its params only: they tell the layers.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.dropout import dropout as drop
from nnjax.layers.embedding import embed, embedding_init
from nnjax.layers.long_product import long_product
from nnjax.layers.padding import only_true, true_steps
from nnjax.layers.recurrent import DIRECTIONS, Recurrent, recurrent, recurrent_like
from nnjax.layers.recurrent_scan import hidden_of
from nnjax.layers.recurrent_traces import gate_traces
from nnjax.types import Array, Key, Net, Params, Sequences

SUMMARIES = ("last", "mean", "max")


def sequence_classifier(
    d_in: int,
    hidden: int,
    d_out: int,
    *,
    kind: str = "lstm",
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float | Array = 0.0,
    summary: str = "last",
    embedding: int | None = None,
) -> Net:
    """Many to one: a sequence of any length -> K numbers, such as the logits of its class.

    s = the summary of h_1 ... h_L, outputs = s W + b. Params are {"recurrent": {"layer_0": ...}, "output":
    {"weights": [H, K], "bias": [K]}}, and {"embedding": {"weights": [V, E]}} for tokens.

    Args:
        d_in: D, how many values a step; with an `embedding`, V, how many tokens there are (static).
        hidden: H, how many neurons a layer and direction (static).
        d_out: K, how many classes or numbers (static).
        kind: "lstm", "gru" or "rnn" (static).
        layers: How many recurrent layers (static).
        bidirectional: Whether they also read backwards (static).
        dropout: Probability to drop, in training, each value that a layer passes to the next one; may be a
            tracer.
        summary: "last", h after the last true step (of the backward direction: after the first); "mean" or
            "max", of h over the true steps (static).
        embedding: E: the inputs are tokens [N, T], and each stands for E numbers that are learned; None:
            they are values [N, T, D] (static).

    Returns:
        A Net from Sequences to [N, K].

    Raises:
        ConfigError: If a setting is out of range, or the inputs do not fit.

    >>> net = sequence_classifier(12, 8, 9)
    >>> x = Sequences(jnp.ones((2, 5, 12)), jnp.array([5, 3]))
    >>> net.apply(net.init(jax.random.key(0)), x).shape
    (2, 9)
    """
    if summary not in SUMMARIES:
        raise ConfigError(f"summary wants one of {', '.join(SUMMARIES)}, got {summary!r}")
    layer = recurrent(
        kind, embedding or d_in, hidden, layers=layers, bidirectional=bidirectional, dropout=dropout
    )

    def apply(params: Params, inputs: Sequences, *, key: Key | None = None, train: bool = False) -> Array:
        outputs, states = read(layer, params, inputs, key, train)
        return output_layer(params, _summary(summary, outputs, states), dropout, key, train)

    return Net(_init(layer, d_in, d_out, embedding), apply)


def sequence_tagger(
    d_in: int,
    hidden: int,
    d_out: int,
    *,
    kind: str = "lstm",
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float | Array = 0.0,
    embedding: int | None = None,
) -> Net:
    """Many to many: K numbers at every step, such as the logits of the next character.

    outputs_t = h_t W + b. Params, arguments and errors are those of `sequence_classifier`; its losses are
    lifted by `per_step`.

    Returns:
        A Net from Sequences to Sequences [N, T, K] of the same lengths; what stands in the padding means
        nothing.

    >>> net = sequence_tagger(96, 8, 96, embedding=4)
    >>> tokens = Sequences(jnp.ones((2, 5), int), jnp.array([5, 3]))
    >>> net.apply(net.init(jax.random.key(0)), tokens).values.shape
    (2, 5, 96)
    """
    layer = recurrent(
        kind, embedding or d_in, hidden, layers=layers, bidirectional=bidirectional, dropout=dropout
    )

    def apply(params: Params, inputs: Sequences, *, key: Key | None = None, train: bool = False) -> Sequences:
        outputs, _ = read(layer, params, inputs, key, train)
        return Sequences(output_layer(params, outputs.values, dropout, key, train), outputs.lengths)

    return Net(_init(layer, d_in, d_out, embedding), apply)


def sequence_start(params: Params, n: int) -> dict[str, Any]:
    """The states of N sequences before their first step, for `sequence_step`."""
    return recurrent_like(params["recurrent"]).start(n)


def sequence_step(params: Params, states: dict[str, Any], x: Array) -> tuple[dict[str, Any], Array]:
    """One time step of a `sequence_tagger`: what a sampler calls once for every character or note.

    Args:
        params: The params of a net of one direction.
        states: As of `sequence_start`, or of the step before.
        x: Values [N, D], or tokens [N].

    Returns:
        The new states, and the outputs [N, K].

    Raises:
        ConfigError: If the net is bidirectional.

    >>> net = sequence_tagger(5, 8, 5, embedding=4)
    >>> params = net.init(jax.random.key(0))
    >>> states, logits = sequence_step(params, sequence_start(params, 2), jnp.array([3, 1]))
    >>> logits.shape
    (2, 5)
    """
    x = embed(params["embedding"]["weights"], x) if "embedding" in params else x
    states, y = recurrent_like(params["recurrent"]).step(params["recurrent"], states, x)
    return states, dense(params["output"], y)


def sequence_features(params: Params, inputs: Sequences) -> dict[str, Any]:
    """Every layer's gates, cell and hidden states over time, see `gate_traces`.

    Args:
        params: The params of a `sequence_classifier` or `sequence_tagger`.
        inputs: Sequences, as the net takes them.

    >>> net = sequence_classifier(2, 3, 2)
    >>> x = Sequences(jnp.ones((1, 4, 2)), jnp.array([4]))
    >>> features = sequence_features(net.init(jax.random.key(0)), x)
    >>> features["layer_0"]["forget"].shape
    (1, 4, 3)
    """
    return gate_traces(params["recurrent"], embedded(params, inputs))


def embedded(params: Params, inputs: Sequences) -> Sequences:
    """Tokens [N, T] as their rows [N, T, E], where the params have an embedding."""
    if "embedding" not in params:
        return inputs
    return Sequences(embed(params["embedding"]["weights"], inputs.values), inputs.lengths)


def read(
    layer: Recurrent,
    params: Params,
    inputs: Sequences,
    key: Key | None,
    train: bool,
    states: dict[str, Any] | None = None,
) -> tuple[Sequences, dict[str, Any]]:
    """The recurrent layers over values or tokens, whichever the params are for."""
    table = params["embedding"]["weights"] if "embedding" in params else None
    return layer.apply(params["recurrent"], inputs, states, table=table, key=key, train=train)


def output_layer(params: Params, x: Array, rate: float | Array, key: Key | None, train: bool) -> Array:
    """The dense layer on top, after dropout."""
    if not (isinstance(rate, Real) and rate == 0):
        x = drop(None if key is None else jax.random.fold_in(key, 0), x, rate, train)
    if x.ndim == 2:
        return dense(params["output"], x)
    return long_product(x, params["output"]["weights"]) + params["output"]["bias"].reshape(1, 1, -1)


def _init(layer: Recurrent, d_in: int, d_out: int, embedding: int | None) -> Callable[[Key], Params]:
    def init(key: Key) -> Params:
        for_table, for_layers, for_output = jax.random.split(key, 3)
        table = {"embedding": {"weights": embedding_init(for_table, d_in, embedding)}} if embedding else {}
        output = dense_init(for_output, layer.width, d_out)
        return {**table, "recurrent": layer.init(for_layers), "output": output}

    return init


def _summary(summary: str, outputs: Sequences, states: dict[str, Any]) -> Array:
    """One vector a sequence [N, H], [N, 2H] of both directions."""
    if summary == "last":
        last = states[f"layer_{len(states) - 1}"]
        ways = [last[way] for way in DIRECTIONS] if isinstance(last, dict) else [last]
        return jnp.concatenate([hidden_of(state) for state in ways], axis=-1)
    mask = true_steps(outputs)
    if summary == "max":
        return jnp.max(only_true(outputs.values, mask, -jnp.inf), axis=1)
    lengths = jnp.sum(mask, axis=1)[:, None]
    return jnp.sum(outputs.values, axis=1) / jnp.maximum(lengths, 1).astype(outputs.values.dtype)
