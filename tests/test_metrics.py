"""Metrics: against scikit-learn, by hand, and what happens at ties, constants and classes out of range."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics

from nnjax.errors import ConfigError, DataError
from nnjax.training.losses import per_example
from nnjax.training.metrics import accuracy, confusion_matrix, mean_absolute_error, r2_score
from nnjax.types import Batch

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(50, 4)).astype(np.float32)
LABELS = RNG.integers(0, 4, 50)


def test_accuracy_is_scikit_learns(variant):
    right = variant(accuracy)(LOGITS, LABELS)
    assert right.shape == (50,)
    assert float(right.mean()) == pytest.approx(sklearn.metrics.accuracy_score(LABELS, LOGITS.argmax(1)))
    np.testing.assert_array_equal(variant(accuracy)(LOGITS, np.eye(4)[LABELS]), right)
    np.testing.assert_array_equal(variant(accuracy)(LOGITS, LABELS.astype(np.uint8)), right)


def test_binary_accuracy_by_hand(variant):
    z, t = jnp.array([-1.0, -1.0, 2.0, 2.0, 0.0, 0.0]), jnp.array([0, 1, 0, 1, 0, 1])
    for outputs, targets in ((z, t), (z[:, None], t), (z[:, None], t[:, None]), (z, t.astype(bool))):
        assert variant(accuracy)(outputs, targets).tolist() == [1, 0, 0, 1, 0, 1]  # step(0) = 1


def test_equal_logits_answer_with_the_first_class():
    assert accuracy(jnp.zeros((2, 3)), jnp.array([0, 1])).tolist() == [1, 0]


def test_accuracy_as_a_metric_leaves_padding_out():
    batch = Batch(None, jnp.array([1, 0, 0]), jnp.array([1.0, 1.0, 0.0]), jnp.arange(3))
    mean = per_example(accuracy)(jnp.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), batch)
    assert (float(mean.total), float(mean.count)) == (1, 2)


@pytest.mark.parametrize("targets", [(49,), (50, 3), (50, 1), (50, 4, 1)])
def test_accuracy_names_what_does_not_fit(targets, variant):
    with pytest.raises(
        ConfigError, match=r"accuracy wants logits \[N, K\].*got outputs \(50, 4\) and targets"
    ):
        variant(accuracy)(LOGITS, jnp.zeros(targets, int))


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_confusion_matrix_is_scikit_learns(dtype, variant):
    answers = RNG.integers(0, 3, 50)  # class 3 is never the answer: its column is zero
    expected = sklearn.metrics.confusion_matrix(LABELS, answers, labels=range(4))
    matrix = variant(confusion_matrix, static_argnames="classes")(
        LABELS.astype(dtype), answers.astype(dtype), classes=4
    )
    np.testing.assert_array_equal(matrix, expected)
    assert jnp.issubdtype(matrix.dtype, jnp.integer)


def test_confusion_matrix_of_bytes_with_many_classes():
    matrix = confusion_matrix(np.array([200], np.uint8), np.array([100], np.uint8), 201)
    assert (int(matrix[200, 100]), int(matrix.sum())) == (1, 1)


def test_confusion_matrix_of_nothing_is_zero():
    assert confusion_matrix(np.zeros(0, int), np.zeros(0, int), 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("wrong", [-1, 4])
def test_confusion_matrix_names_the_row_and_leaves_it_out_in_a_program(wrong):
    labels = np.array([0, 1, wrong])
    answers = np.array([0, 2, 3])
    with pytest.raises(DataError, match=rf"labels must lie in 0\.\.3, got {wrong} in row 2"):
        confusion_matrix(labels, answers, 4)
    with pytest.raises(DataError, match=rf"predictions must lie in 0\.\.3, got {wrong} in row 2"):
        confusion_matrix(answers, labels, 4)
    for pair in ((labels, answers), (answers, labels)):
        matrix = jax.jit(confusion_matrix, static_argnums=2)(*pair, 4)
        np.testing.assert_array_equal(matrix, confusion_matrix(pair[0][:2], pair[1][:2], 4))


def test_confusion_matrix_shapes_and_types(variant):
    compiled = variant(confusion_matrix, static_argnames="classes")
    with pytest.raises(ConfigError, match=r"\[N\], got \(50,\) and \(50, 4\)"):
        compiled(LABELS, LOGITS, classes=4)
    with pytest.raises(ConfigError, match="integer predictions, got float32"):
        compiled(LABELS, LOGITS[:, 0], classes=4)


@pytest.mark.parametrize("shape", [(20,), (20, 1), (20, 3)])
def test_regression_scores_are_scikit_learns(shape, variant):
    t = RNG.normal(size=shape).astype(np.float32) * 5 + 2
    y = t + RNG.normal(size=shape).astype(np.float32)
    assert float(variant(r2_score)(y, t)) == pytest.approx(sklearn.metrics.r2_score(t, y), rel=1e-4)
    errors = variant(mean_absolute_error)(y, t)
    assert errors.shape == (20,)
    assert float(errors.mean()) == pytest.approx(sklearn.metrics.mean_absolute_error(t, y), rel=1e-5)


def test_regression_scores_of_a_column_and_a_row():
    y, t = jnp.array([[1.0], [2.0], [5.0]]), jnp.array([1, 2, 3])
    assert mean_absolute_error(y, t).tolist() == [0, 0, 2]
    assert float(r2_score(y, t)) == -1  # 1 - 4 / 2


def test_r2_of_the_mean_is_zero_and_of_constant_targets_scikit_learns():
    t = np.array([1.0, 2.0, 6.0], np.float32)
    assert float(r2_score(np.full(3, 3.0, np.float32), t)) == pytest.approx(0, abs=1e-6)
    constant = np.full(3, 2.0, np.float32)
    for y in (constant, t):
        assert float(r2_score(y, constant)) == sklearn.metrics.r2_score(constant, y)


def test_regression_errors():
    with pytest.raises(ConfigError, match=r"r2_score .* got outputs \(3, 2\) and targets \(3,\)"):
        r2_score(jnp.zeros((3, 2)), jnp.zeros(3))
    with pytest.raises(ConfigError, match="at least 2 examples, got 1"):
        r2_score(jnp.zeros(1), jnp.zeros(1))
    with pytest.raises(ConfigError, match="mean_absolute_error wants"):
        mean_absolute_error(jnp.zeros(3), jnp.zeros(4))
