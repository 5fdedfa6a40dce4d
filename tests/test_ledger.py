"""The ledger: the network's own numbers, their formulas, and residuals that notice a wrong one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import (
    Dataset,
    Task,
    binary_cross_entropy,
    cross_entropy,
    mlp,
    per_example,
    relu,
    rescale,
    sigmoid,
    squared_error,
    tanh,
)
from nnjax.runner.explain.ledger import Formulas, activations, example_batch, measure, recognise, residuals

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(6, 5)).astype(np.float32)
CASES = {
    "tanh-cross_entropy": (tanh, cross_entropy, 3, np.array([0, 2, 1, 1, 0, 2], np.int32)),
    "relu-binary_cross_entropy": (relu, binary_cross_entropy, 1, np.array([0, 1, 1, 0, 1, 0], np.int32)),
    "sigmoid-squared_error": (sigmoid, squared_error, 2, RNG.normal(size=(6, 2)).astype(np.float32)),
}


def numbers_of(case: str, states: int = 3):
    activation, loss, outputs, targets = CASES[case]
    net = rescale(mlp((5, 7, 6, outputs), activation, dropout=0.5), scale=0.5)
    task = Task(net, per_example(loss), optax.sgd(0.1))
    batch = example_batch(Dataset(INPUTS, targets), 4)
    params = [net.init(jax.random.key(seed)) for seed in range(states)]
    return measure(task, params, batch), batch, task, params


@pytest.mark.parametrize("case", CASES)
def test_numbers_formulas_and_residuals(case: str) -> None:
    numbers, batch, task, params = numbers_of(case)
    activation, loss = case.split("-")
    formulas = recognise(numbers, batch.targets)
    assert (formulas.activation, formulas.cost) == (activation, loss)
    for t, p in enumerate(params):
        outputs = task.net.apply(p, batch.inputs)
        np.testing.assert_allclose(numbers.outputs[t], outputs[0], atol=1e-6)
        np.testing.assert_allclose(numbers.loss[t], CASES[case][1](outputs, batch.targets)[0], rtol=1e-5)
        np.testing.assert_allclose(numbers.inputs[0][t], INPUTS[4] / 2, atol=1e-7)
        np.testing.assert_array_equal(numbers.weights(1, t), p["layer_1"]["weights"])
    assert max(residuals(numbers, formulas)) < 3e-6
    assert [a.shape for a in activations(numbers, formulas)] == [(3, 7), (3, 6), (3, CASES[case][2])]


def test_probabilities_are_the_last_activation() -> None:
    numbers, batch, _, _ = numbers_of("tanh-cross_entropy")
    last = activations(numbers, recognise(numbers, batch.targets))[-1]
    np.testing.assert_allclose(last, jax.nn.softmax(numbers.aggregations[-1]), atol=1e-6)


def test_a_number_that_is_wrong_leaves_a_residual() -> None:
    numbers, batch, _, _ = numbers_of("tanh-cross_entropy")
    formulas = recognise(numbers, batch.targets)
    for place, name in (("aggregations", "aggregation"), ("inputs", "activation"), ("slopes", "slope")):
        moved = [array.copy() for array in getattr(numbers, place)]
        moved[1][0, 2] += 0.25
        found = residuals(numbers._replace(**{place: moved}), formulas)
        assert getattr(found, name) > 0.2, place
    wrong = {**numbers.gradients, "layer_0": {**numbers.gradients["layer_0"]}}
    wrong["layer_0"]["weights"] = wrong["layer_0"]["weights"] + 0.25
    assert residuals(numbers._replace(gradients=wrong), formulas).gradient == pytest.approx(0.25, abs=1e-5)
    assert residuals(numbers._replace(loss=numbers.loss + 0.25), formulas).loss == pytest.approx(
        0.25, abs=1e-5
    )


def test_what_is_not_known_is_not_guessed() -> None:
    net = mlp((5, 7, 3), jax.nn.gelu)
    task = Task(net, per_example(lambda z, t: cross_entropy(z, t, label_smoothing=0.2)), optax.sgd(0.1))
    batch = example_batch(Dataset(INPUTS, CASES["tanh-cross_entropy"][3]), 0)
    numbers = measure(task, [net.init(jax.random.key(0))], batch)
    assert recognise(numbers, batch.targets) == Formulas(None, None, None)
    found = residuals(numbers, Formulas(None, None, None))
    assert (found.activation, found.loss, found.slope) == (0, 0, 0)
    assert 0 < found.gradient < 1e-6
    np.testing.assert_array_equal(
        activations(numbers, Formulas(None, None, None))[-1], numbers.aggregations[-1]
    )


def test_a_net_without_hidden_layer() -> None:
    net = mlp((5, 1))
    task = Task(net, per_example(squared_error), optax.sgd(0.1))
    batch = example_batch(Dataset(INPUTS, jnp.ones((6, 1))), 2)
    numbers = measure(task, [net.init(jax.random.key(0))], batch)
    formulas = recognise(numbers, batch.targets)
    assert (formulas.activation, formulas.cost) == (None, "squared_error")
    assert max(residuals(numbers, formulas)) < 1e-6
