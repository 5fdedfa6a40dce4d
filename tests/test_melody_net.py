"""The melody net: a NumPy log-linear oracle, only what is asked, and step by step the same as at once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.models.melody_net import NEVER, melody_net, melody_step, multi_hot
from nnjax.models.sequence_nets import sequence_start
from nnjax.types import Sequences

HEARD, SYMBOLS, DURATIONS = 12, 7, 3


def some(seed: int = 0) -> Sequences:
    dice = np.random.default_rng(seed)
    values = dice.integers(2, HEARD, (2, 6, 4))
    values[..., 0] = np.arange(6) % 2
    return Sequences(jnp.asarray(values, jnp.int16), jnp.array([6, 4]))


def drawn():
    net = melody_net(HEARD, 5, SYMBOLS, DURATIONS)
    params = net.init(jax.random.key(0))
    params["shortcut"]["weights"] = jax.random.normal(jax.random.key(1), (HEARD, SYMBOLS))
    return net, params


def test_durations_and_pitches_in_turns() -> None:
    net, params = drawn()
    logits = np.asarray(net.apply(params, some()).values)
    assert (logits[:, 0::2, DURATIONS:] == NEVER).all()
    assert (logits[:, 1::2, :DURATIONS] == NEVER).all()
    assert np.abs(logits[:, 0::2, :DURATIONS]).max() < 100
    assert np.abs(logits[:, 1::2, DURATIONS:]).max() < 100


def test_without_the_cells_it_is_log_linear() -> None:
    net, params = drawn()
    params["output"] = jax.tree.map(jnp.zeros_like, params["output"])
    inputs = some()
    logits = np.asarray(net.apply(params, inputs).values)
    weights = np.asarray(params["shortcut"]["weights"])
    for n, t in ((0, 0), (1, 3), (0, 5)):
        heard = set(np.asarray(inputs.values[n, t]).tolist())
        wanted = sum(weights[one] for one in heard)
        asked = slice(DURATIONS, None) if t % 2 else slice(0, DURATIONS)
        np.testing.assert_allclose(logits[n, t, asked], wanted[asked], rtol=1e-5)


def test_step_by_step_is_the_same_as_at_once() -> None:
    net, params = drawn()
    inputs = some(3)
    whole = net.apply(params, inputs).values
    states = sequence_start(params, 2)
    for t in range(6):
        states, logits = melody_step(params, DURATIONS, states, inputs.values[:, t])
        np.testing.assert_allclose(logits[0], whole[0, t], rtol=1e-5, atol=1e-5)
        if t < 4:
            np.testing.assert_allclose(logits[1], whole[1, t], rtol=1e-5, atol=1e-5)


def test_deafness_is_of_training_alone_and_wants_a_key() -> None:
    deaf = melody_net(HEARD, 5, SYMBOLS, DURATIONS, deafness=0.9)
    net, params = drawn()
    np.testing.assert_array_equal(deaf.apply(params, some()).values, net.apply(params, some()).values)
    trained = deaf.apply(params, some(), key=jax.random.key(0), train=True).values
    assert np.abs(np.asarray(trained - net.apply(params, some()).values)).max() > 0.01
    assert (np.asarray(trained)[:, 0::2, DURATIONS:] == NEVER).all()
    with pytest.raises(ConfigError, match="wants a key"):
        deaf.apply(params, some(), train=True)


def test_things_heard_twice_count_once() -> None:
    assert multi_hot(jnp.array([1, 1, 3]), 4).tolist() == [0, 1, 0, 1]
