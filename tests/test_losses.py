"""Losses: against scikit-learn and NumPy loops, extreme logits, gradients, masks and the errors."""

from __future__ import annotations

import functools
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import special
from sklearn.metrics import log_loss

from nnjax.errors import ConfigError
from nnjax.training.losses import (
    binary_cross_entropy,
    cross_entropy,
    one_column,
    paired,
    per_example,
    perceptron_loss,
    squared_error,
)
from nnjax.types import Batch

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4)).astype(np.float32) * 3
LABELS = np.array([0, 1, 2, 3, 3, 0])
Z = np.array([-4.0, -0.5, 0.0, 0.5, 2.0, 9.0], np.float32)
T = np.array([0, 1, 1, 0, 1, 0])


def softmax_rows(logits):
    return special.softmax(logits.astype(np.float64), axis=1)


def test_cross_entropy_is_scikit_learns(variant):
    losses = variant(cross_entropy)(LOGITS, LABELS)
    assert losses.shape == (6,)
    for n in range(6):
        assert float(losses[n]) == pytest.approx(-math.log(softmax_rows(LOGITS)[n, LABELS[n]]), rel=1e-5)
    assert float(losses.mean()) == pytest.approx(log_loss(LABELS, softmax_rows(LOGITS)), rel=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32])
def test_cross_entropy_takes_any_integer_labels(dtype):
    np.testing.assert_array_equal(cross_entropy(LOGITS, LABELS.astype(dtype)), cross_entropy(LOGITS, LABELS))


def test_cross_entropy_of_bytes_with_more_classes_than_a_byte_counts():
    logits = np.zeros((1, 300), np.float32)
    logits[0, 44] = 5  # 44 = 300 - 256: where a byte's counting of classes would begin again
    expected = np.log(299 + np.exp(5)) - 5
    assert float(cross_entropy(logits, np.array([44], np.uint8))[0]) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_with_distributions(variant):
    targets = RNG.dirichlet(np.ones(4), size=6).astype(np.float32)
    expected = [
        -sum(targets[n, k] * math.log(softmax_rows(LOGITS)[n, k]) for k in range(4)) for n in range(6)
    ]
    np.testing.assert_allclose(variant(cross_entropy)(LOGITS, targets), expected, rtol=1e-5)
    one_hot = np.eye(4)[LABELS]
    for dtype in (np.float32, np.int32, bool):
        np.testing.assert_allclose(
            cross_entropy(LOGITS, one_hot.astype(dtype)), cross_entropy(LOGITS, LABELS), rtol=1e-6
        )


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_label_smoothing_is_cross_entropy_with_smoothed_targets(smoothing, variant):
    smoothed = (1 - smoothing) * np.eye(4)[LABELS] + smoothing / 4
    expected = -(smoothed * np.log(softmax_rows(LOGITS))).sum(1)
    traced = variant(lambda s: cross_entropy(LOGITS, LABELS, label_smoothing=s))
    np.testing.assert_allclose(traced(smoothing), expected, rtol=1e-5)
    np.testing.assert_allclose(
        cross_entropy(LOGITS, jax.nn.one_hot(LABELS, 4), label_smoothing=smoothing), expected, rtol=1e-5
    )


def test_label_smoothing_under_vmap_in_one_compilation():
    strengths = jnp.array([0.0, 0.1, 0.5])
    swept = jax.jit(
        jax.vmap(chex.assert_max_traces(lambda s: cross_entropy(LOGITS, LABELS, label_smoothing=s), n=1))
    )
    for factor in (1.0, 0.5):
        expected = [cross_entropy(LOGITS, LABELS, label_smoothing=float(s)) for s in factor * strengths]
        np.testing.assert_allclose(swept(factor * strengths), expected, rtol=1e-5)


def test_cross_entropy_gradient_is_softmax_minus_one_hot():
    gradient = jax.grad(lambda z: cross_entropy(z, LABELS).sum())(jnp.asarray(LOGITS))
    np.testing.assert_allclose(gradient, softmax_rows(LOGITS) - np.eye(4)[LABELS], atol=1e-6)
    check_grads(
        lambda z: cross_entropy(z, LABELS, 0.1), (jnp.asarray(LOGITS),), order=2, atol=1e-2, rtol=1e-2
    )


def test_cross_entropy_gradient_where_logits_are_equal():
    gradient = jax.grad(lambda z: cross_entropy(z, jnp.array([1])).sum())(jnp.zeros((1, 4)))
    np.testing.assert_allclose(gradient, [[0.25, -0.75, 0.25, 0.25]], rtol=1e-6)


def test_cross_entropy_at_extreme_logits(variant):
    logits = jnp.array([[1e4, 0.0, -1e4], [1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]])
    labels = jnp.array([0, 2, 1])
    np.testing.assert_allclose(variant(cross_entropy)(logits, labels), [0, 2e4, math.log(3)], rtol=1e-6)
    gradient = variant(jax.grad(lambda z: cross_entropy(z, labels).sum()))(logits)
    np.testing.assert_allclose(gradient, [[0, 0, 0], [1, 0, -1], [1 / 3, -2 / 3, 1 / 3]], atol=1e-6)


def test_binary_cross_entropy_is_scikit_learns(variant):
    p = special.expit(Z.astype(np.float64))
    expected = [log_loss([t], [q], labels=[0, 1]) for t, q in zip(T, p, strict=True)]
    np.testing.assert_allclose(variant(binary_cross_entropy)(Z, T), expected, rtol=1e-5)


def test_binary_cross_entropy_takes_columns_and_soft_targets():
    expected = binary_cross_entropy(Z, T)
    for z, t in ((Z[:, None], T), (Z[:, None], T[:, None]), (Z, T[:, None]), (Z, T.astype(bool))):
        np.testing.assert_array_equal(binary_cross_entropy(z, t), expected)
    soft = binary_cross_entropy(Z, np.full(6, 0.3))
    np.testing.assert_allclose(
        soft,
        0.3 * binary_cross_entropy(Z, np.ones(6)) + 0.7 * binary_cross_entropy(Z, np.zeros(6)),
        rtol=1e-5,
    )


def test_binary_is_multiclass_with_a_second_logit_of_zero():
    both = np.stack([np.zeros_like(Z), Z], axis=1)
    np.testing.assert_allclose(binary_cross_entropy(Z, T), cross_entropy(both, T), rtol=1e-5)


def test_binary_cross_entropy_at_extreme_logits(variant):
    z, t = jnp.array([1e4, -1e4, 1e4, -1e4, 20.0]), jnp.array([1, 1, 0, 0, 1])
    losses = variant(binary_cross_entropy)(z, t)
    np.testing.assert_allclose(losses, [0, 1e4, 1e4, 0, math.log1p(math.exp(-20))], rtol=1e-6)
    gradient = variant(jax.grad(lambda z: binary_cross_entropy(z, t).sum()))(z)
    np.testing.assert_allclose(gradient, [0, -1, 1, 0, 0], atol=1e-7)


def test_binary_cross_entropy_gradient_is_sigmoid_minus_target_also_at_zero():
    gradient = jax.grad(lambda z: binary_cross_entropy(z, T).sum())(jnp.asarray(Z))
    np.testing.assert_allclose(gradient, special.expit(Z) - T, atol=1e-6)  # one z is 0
    soft = jnp.array([0.2, 0.9, 0.5])
    check_grads(binary_cross_entropy, (jnp.asarray(Z[:3]), soft), order=2, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3), (5, 2, 3)])
def test_squared_error_is_a_sum_without_half(shape, variant):
    y, t = RNG.normal(size=(2, *shape)).astype(np.float32)
    expected = [float(((y[n] - t[n]) ** 2).sum()) for n in range(5)]
    np.testing.assert_allclose(variant(squared_error)(y, t), expected, rtol=1e-5)
    assert jax.grad(lambda y: squared_error(y, t).sum())(jnp.asarray(y)) == pytest.approx(
        2 * (y - t), rel=1e-5
    )


def test_squared_error_of_a_column_and_a_row_compares_each_with_its_own():
    assert squared_error(jnp.array([[1.0], [2.0]]), jnp.array([1, 4])).tolist() == [0, 4]
    assert squared_error(jnp.array([1.0, 2.0]), jnp.array([[1], [4]])).tolist() == [0, 4]


def test_perceptron_loss_by_hand(variant):
    z, t = jnp.array([2.0, 2.0, -3.0, -3.0, 0.0, 0.0]), jnp.array([1, 0, 1, 0, 1, 0])
    assert variant(perceptron_loss)(z, t).tolist() == [0, 2, 3, 0, 0, 0]
    gradient = variant(jax.grad(lambda z: perceptron_loss(z[:, None], t).sum()))(z)
    assert gradient.tolist() == [0, 1, -1, 0, 0, 1]  # step(z) - t, with step(0) = 1


def batch(targets, weights):
    weights = jnp.asarray(weights, jnp.float32)
    return Batch(None, targets, weights, jnp.arange(len(weights)))


def test_per_example_is_a_weighted_sum_and_count(variant):
    weights = [1.0, 0.5, 2.0, 0.0, 1.0, 3.0]
    mean = variant(per_example(cross_entropy))(LOGITS, batch(LABELS, weights))
    losses = np.asarray(cross_entropy(LOGITS, LABELS))
    assert float(mean.total) == pytest.approx(
        sum(w * f for w, f in zip(weights, losses, strict=True)), rel=1e-5
    )
    assert float(mean.count) == 7.5
    expected = log_loss(LABELS, softmax_rows(LOGITS), sample_weight=weights)
    assert float(mean.total / mean.count) == pytest.approx(expected, rel=1e-5)


def test_weight_zero_counts_for_nothing_even_where_the_loss_is_not_finite(variant):
    outputs = jnp.array([[1.0, 2.0], [jnp.nan, jnp.inf], [-jnp.inf, jnp.inf]])
    targets = jnp.array([[0.0, 1.0], [jnp.inf, 0.0], [0.0, jnp.nan]])
    total = lambda outputs: per_example(squared_error)(outputs, batch(targets, [1, 0, 0])).total
    value, gradient = variant(jax.value_and_grad(total))(outputs)
    assert float(value) == 2
    assert gradient.tolist() == [[2, 2], [0, 0], [0, 0]]


def test_weight_zero_counts_for_nothing_even_where_the_loss_of_zeros_is_not_finite():
    negative_log = lambda outputs, targets: -jnp.log(outputs) * targets
    total = lambda outputs: per_example(negative_log)(outputs, batch(jnp.ones(2), [2, 0])).total
    value, gradient = jax.value_and_grad(total)(jnp.array([0.5, 0.0]))
    assert float(value) == pytest.approx(2 * math.log(2))
    assert gradient.tolist() == [-4, 0]


def test_a_loss_that_is_not_finite_at_a_weight_is_not_hidden():
    outputs = jnp.array([jnp.nan, 1.0])
    assert math.isnan(per_example(squared_error)(outputs, batch(jnp.ones(2), [1, 1])).total)


def test_padding_changes_nothing():
    plain = per_example(cross_entropy)(LOGITS, batch(LABELS, np.ones(6)))
    padded = per_example(cross_entropy)(
        np.concatenate([LOGITS, np.full((2, 4), np.nan, np.float32)]),
        batch(np.concatenate([LABELS, [-1, 99]]), [1] * 6 + [0] * 2),
    )
    np.testing.assert_allclose(padded, plain, rtol=1e-6)


def test_per_example_lifts_trees_and_partials():
    outputs = {"a": jnp.array([1.0, 2.0]), "b": jnp.array([[3.0], [4.0]])}
    both = lambda outputs, targets: squared_error(outputs["a"], targets[0]) + outputs["b"][:, 0]
    mean = per_example(both)(outputs, batch((jnp.zeros(2),), [1, 1]))
    assert float(mean.total) == 1 + 4 + 3 + 4
    smoothed = per_example(functools.partial(cross_entropy, label_smoothing=0.1))(
        LOGITS, batch(LABELS, np.ones(6))
    )
    assert float(smoothed.total) == pytest.approx(float(cross_entropy(LOGITS, LABELS, 0.1).sum()), rel=1e-6)


def test_per_example_wants_one_number_an_example(variant):
    square = lambda outputs, targets: outputs**2
    with pytest.raises(ConfigError, match=r"one number for each of 6 examples, shape \(6,\).*gave \(6, 4\)"):
        variant(per_example(square))(LOGITS, batch(LABELS, np.ones(6)))
    with pytest.raises(ConfigError, match=r"with N = 5, as many as weights, got \(6, 4\)"):
        variant(per_example(cross_entropy))(LOGITS, batch(LABELS, np.ones(5)))


@pytest.mark.parametrize(
    ("outputs", "targets", "text"),
    [
        (
            (6, 4),
            np.zeros(6, np.float32),
            r"integer labels, got targets \(6,\) of type float32; .* squared_error",
        ),
        ((6, 4), np.zeros(5, int), r"beside logits \(6, 4\), got targets \(5,\)"),
        ((6, 4), np.zeros((6, 1), int), r"beside logits \(6, 4\), got targets \(6, 1\)"),
        ((6, 4), np.zeros((6, 3)), r"beside logits \(6, 4\), got targets \(6, 3\)"),
        ((6, 1), np.zeros(6, int), r"K >= 2 classes, got \(6, 1\); .* binary_cross_entropy"),
        ((6,), np.zeros(6, int), r"K >= 2 classes, got \(6,\); .* binary_cross_entropy"),
        ((6, 2, 4), np.zeros((6, 2), int), r"logits \[N, K\] .*got \(6, 2, 4\)(?!;)"),
    ],
)
def test_cross_entropy_names_what_does_not_fit(outputs, targets, text, variant):
    with pytest.raises(ConfigError, match=text):
        variant(cross_entropy)(np.zeros(outputs, np.float32), targets)


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, float("nan")])
def test_label_smoothing_out_of_range(smoothing):
    with pytest.raises(ConfigError, match=rf"label_smoothing in \[0, 1\], got {smoothing}"):
        cross_entropy(LOGITS, LABELS, smoothing)


@pytest.mark.parametrize("loss", [binary_cross_entropy, perceptron_loss])
def test_one_column_names_what_does_not_fit(loss, variant):
    with pytest.raises(ConfigError, match=rf"{loss.__name__} wants one output an example.* got \(6, 4\)"):
        variant(loss)(LOGITS, LOGITS)
    with pytest.raises(ConfigError, match=rf"{loss.__name__} .* got outputs \(6, 4\) and targets \(6,\)"):
        variant(loss)(LOGITS, LABELS)


def test_squared_error_never_broadcasts(variant):
    for outputs, targets in (((6, 2), (6,)), ((6, 2), (6, 1)), ((6,), (5,)), ((), ())):
        with pytest.raises(ConfigError, match=r"squared_error wants outputs and targets .* of one shape"):
            variant(squared_error)(jnp.zeros(outputs), jnp.zeros(targets))


def test_paired_and_one_column_give_floats_of_one_shape():
    y, t = paired(jnp.array([[1], [2]]), np.array([3, 4], np.uint8), "test")
    assert (y.tolist(), t.tolist(), t.dtype) == ([1, 2], [3, 4], jnp.float32)
    y, t = one_column(jnp.ones((2, 1), jnp.bfloat16), jnp.array([[0], [1]]), "test")
    assert (y.shape, t.tolist(), t.dtype) == ((2,), [0, 1], jnp.bfloat16)
