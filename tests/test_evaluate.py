"""Scores and outputs over whole sets, whatever their size."""

import jax
import numpy as np
import optax
import pytest
from sklearn.metrics import log_loss

from nnjax import Dataset, Task, accuracy, cross_entropy, evaluate, mlp, per_example, predict
from nnjax.errors import DataError

NET = mlp((3, 5, 4), dropout=0.5)
PARAMS = NET.init(jax.random.key(2))
TASK = Task(NET, per_example(cross_entropy), optax.sgd(0.1), metrics={"accuracy": per_example(accuracy)})
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size", [1, 513])
def test_outputs_come_in_order_without_dropout(size):
    inputs = RNG.normal(size=(size, 3)).astype(np.float32)
    outputs = predict(NET, PARAMS, inputs)
    np.testing.assert_allclose(outputs, NET.apply(PARAMS, inputs), rtol=1e-5, atol=1e-6)


def test_scores_are_scikit_learns():
    inputs = RNG.normal(size=(600, 3)).astype(np.float32)
    labels = RNG.integers(0, 4, 600).astype(np.int32)
    logits = np.asarray(NET.apply(PARAMS, inputs), np.float64)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    scores = evaluate(TASK, PARAMS, Dataset(inputs, labels))
    assert scores["loss"] == pytest.approx(log_loss(labels, chances, labels=range(4)), rel=1e-5)
    assert scores["accuracy"] == pytest.approx((chances.argmax(1) == labels).mean(), rel=1e-6)


def test_example_weights_count():
    inputs, labels = RNG.normal(size=(4, 3)).astype(np.float32), np.array([0, 1, 2, 3], np.int32)
    weighted = evaluate(TASK, PARAMS, Dataset(inputs, labels, weights=np.array([1.0, 0, 0, 3], np.float32)))
    twice = evaluate(TASK, PARAMS, Dataset(inputs[[0, 3, 3, 3]], labels[[0, 3, 3, 3]]))
    assert weighted["loss"] == pytest.approx(twice["loss"], rel=1e-5)


def test_nothing_cannot_be_scored():
    with pytest.raises(DataError, match="at least one example, got none"):
        evaluate(TASK, PARAMS, Dataset(np.zeros((0, 3), np.float32), np.zeros(0, np.int32)))
