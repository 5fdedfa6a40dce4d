"""One step of a recurrent layer: worked by hand, equal to the net's own traces, and noticed where wrong."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Dataset, Net, Sequences, Task, cross_entropy, per_example, per_step
from nnjax.errors import ConfigError
from nnjax.layers.recurrent_traces import gate_traces
from nnjax.models.sequence_nets import sequence_classifier, sequence_features, sequence_tagger
from nnjax.runner.explain.cells import derive
from nnjax.runner.explain.ledger import example_batch
from nnjax.runner.explain.moments import Moments, measure_moments, moment_residuals
from nnjax.runner.explain.unrolled import recurrent_names

RNG = np.random.default_rng(0)
LENGTHS = np.array([5, 7, 3], np.int32)
VALUES = Sequences(RNG.normal(size=(3, 7, 4)).astype(np.float32), LENGTHS)
TOKENS = Sequences(RNG.integers(0, 11, (3, 7)).astype(np.int32), LENGTHS)
CASES = {
    "lstm": sequence_classifier(4, 6, 3, layers=2),
    "gru": sequence_classifier(4, 6, 3, kind="gru", bidirectional=True, summary="max"),
    "rnn": sequence_classifier(4, 6, 3, kind="rnn", summary="mean"),
    "tagger": sequence_tagger(11, 6, 11, embedding=4, dropout=0.2),
}


def measured(case: str, layer: str, row: int = 0, states: int = 1) -> tuple[Moments, list, Dataset]:
    net = CASES[case]
    classes = np.array([0, 2, 1], np.int32)
    data = Dataset(TOKENS, TOKENS.values) if case == "tagger" else Dataset(VALUES, classes)
    loss = per_step(cross_entropy) if case == "tagger" else per_example(cross_entropy)
    params = [jax.tree.map(np.asarray, net.init(jax.random.key(seed))) for seed in range(states)]
    return (
        measure_moments(Task(net, loss, optax.sgd(0.1)), params, example_batch(data, row), layer),
        params,
        data,
    )


@pytest.fixture(scope="module")
def lstm() -> tuple[Moments, list, Dataset]:
    return measured("lstm", "layer_1", states=2)


def test_an_lstm_step_worked_by_hand() -> None:
    """All weights 0 but the biases: u = 1/2, f = 3/4, g = 3/5, o = 1/2 at every step."""
    biases = [0.0, np.log(3), np.arctanh(0.6), 0.0]
    cell = {"input": np.zeros((1, 4)), "recurrent": np.zeros((1, 4)), "bias": np.array(biases)}
    params = {"recurrent": {"layer_0": cell}, "output": {"weights": np.ones((1, 1)), "bias": np.zeros(1)}}
    params = jax.tree.map(lambda leaf: leaf.astype(np.float32), params)
    task = Task(sequence_classifier(1, 1, 1), per_example(lambda y, t: y[:, 0]), optax.sgd(0.1))
    two = Sequences(np.ones((1, 3, 1), np.float32), np.array([2], np.int32))
    batch = example_batch(Dataset(two, np.zeros(1, np.int32)), 0)
    found = measure_moments(task, [params], batch, "layer_0")
    assert found.cell is not None
    np.testing.assert_allclose(found.cell[0, :, 0], [0.3, 0.75 * 0.3 + 0.3], rtol=1e-6)
    np.testing.assert_allclose(found.hidden[0, :, 0], np.tanh([0.3, 0.525]) / 2, rtol=1e-6)
    last = 0.5 * (1 - np.tanh(0.525) ** 2)  # the loss is the last h itself
    np.testing.assert_allclose(found.cell_slopes[0, :, 0], [0.75 * last, last], rtol=1e-6)
    np.testing.assert_allclose(found.hidden_slopes[0, :, 0], [0, 1])
    by_gates = [0.6 * 0.25, 0.3 * 0.1875, 0.5 * 0.64]  # g u(1-u), c f(1-f), u (1-g^2), of the second step
    np.testing.assert_allclose(found.sum_slopes[0, 1, :3], np.array(by_gates) * last, rtol=1e-6)
    assert found.sum_slopes[0, 1, 3] == pytest.approx(np.tanh(0.525) * 0.25, rel=1e-6)
    assert max(moment_residuals(found)) < 1e-6


def test_the_numbers_are_the_traces_of_the_net(lstm) -> None:
    found, params, data = lstm
    traces = sequence_features(params[1], data.take(np.array([0])).inputs)["layer_1"]
    for i, name in enumerate(("update", "forget", "candidate", "output")):
        np.testing.assert_allclose(found.gates[1][:, 6 * i : 6 * i + 6], traces[name][0, :5], atol=1e-6)
    np.testing.assert_allclose(found.cell[1], traces["cell"][0, :5], atol=1e-6)
    np.testing.assert_allclose(found.hidden[1], traces["hidden"][0, :5], atol=1e-6)
    assert found.way == "last"
    assert max(moment_residuals(found)) < 1e-6


@pytest.mark.parametrize(
    ("case", "layer", "way"),
    [("gru", "layer_0/backward", "max"), ("rnn", "layer_0", "mean"), ("tagger", "layer_0", "every step")],
)
def test_other_cells_directions_and_answers(case: str, layer: str, way: str) -> None:
    found, params, data = measured(case, layer, row=2)
    assert found.way == way
    assert found.hidden.shape == (1, 3, 6)
    assert max(moment_residuals(found)) < 1e-6
    assert layer in recurrent_names(params[0])
    if case == "gru":
        traces = gate_traces(params[0]["recurrent"], data.take(np.array([2])).inputs)["layer_0"]["backward"]
        np.testing.assert_allclose(found.hidden[0], traces["hidden"][0, :3], atol=1e-6)
        assert derive(found, 0).before[-1].tolist() == [0] * 6  # it starts at the end


@pytest.mark.parametrize(
    "name", ["sums", "gates", "cell", "hidden", "sum_slopes", "cell_slopes", "hidden_slopes"]
)
def test_a_number_that_is_wrong_leaves_a_residual(lstm, name: str) -> None:
    found, _, _ = lstm
    wrong = getattr(found, name).copy()
    wrong[1, 2, 3] += 0.25
    assert max(moment_residuals(found._replace(**{name: wrong}))) > 0.02


def test_a_wrong_gradient_leaves_a_residual(lstm) -> None:
    found, _, _ = lstm
    for name in ("input", "recurrent"):
        wrong = found.gradient | {name: found.gradient[name] + 0.25}
        assert moment_residuals(found._replace(gradient=wrong)).gradient == pytest.approx(0.25, abs=1e-5)


def test_a_net_that_does_more_than_its_steps() -> None:
    plain = CASES["rnn"]
    net = Net(plain.init, lambda p, x, **how: jnp.square(plain.apply(p, x, **how)))
    task = Task(net, per_example(cross_entropy), optax.sgd(0.1))
    batch = example_batch(Dataset(VALUES, np.array([0, 2, 1], np.int32)), 0)
    with pytest.raises(ConfigError, match="something else around its recurrent layers"):
        measure_moments(task, [net.init(jax.random.key(0))], batch, "layer_0")
