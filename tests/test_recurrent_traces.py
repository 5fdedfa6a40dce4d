"""Gate traces: they are what the equations say, and the hidden ones are the layer's outputs."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from nnjax.layers.recurrent import KINDS, recurrent
from nnjax.layers.recurrent_traces import gate_traces
from nnjax.types import Sequences

NAMES = {
    "rnn": {"hidden"},
    "lstm": {"update", "forget", "candidate", "output", "cell", "hidden"},
    "gru": {"reset", "update", "candidate", "hidden"},
}
X = Sequences(np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32), np.array([5, 2]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_hidden_traces_are_the_outputs(kind):
    layer = recurrent(kind, 3, 4, layers=2)
    params = layer.init(jax.random.key(0))
    traces = gate_traces(params, X)
    assert {name: {*trace} for name, trace in traces.items()} == dict.fromkeys(layer.names, NAMES[kind])
    np.testing.assert_allclose(traces["layer_1"]["hidden"], layer.apply(params, X)[0].values, atol=1e-6)
    assert all(trace.shape == (2, 5, 4) for trace in jax.tree.leaves(traces))
    assert not any(np.asarray(trace)[1, 2:].any() for trace in jax.tree.leaves(traces))


def test_an_lstm_remembers_what_its_gates_let_through():
    layer = recurrent("lstm", 3, 4, bidirectional=True)
    traces = gate_traces(layer.init(jax.random.key(0)), X)["layer_0"]
    for way, previous in (("forward", -1), ("backward", 1)):
        t = {name: np.asarray(trace)[0] for name, trace in traces[way].items()}
        before = np.roll(t["cell"], -previous, axis=0)
        before[0 if previous < 0 else -1] = 0
        np.testing.assert_allclose(t["cell"], t["forget"] * before + t["update"] * t["candidate"], atol=1e-6)
        np.testing.assert_allclose(t["hidden"], t["output"] * np.tanh(t["cell"]), atol=1e-6)
