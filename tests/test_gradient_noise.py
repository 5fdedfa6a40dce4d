"""The noise of a batch: single gradients against a loop, the expected distance against all batches."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import optax
import pytest

from nnjax import Dataset, Task, cross_entropy, mlp, per_example, tanh
from nnjax.errors import ConfigError
from nnjax.training.backprop import backward, forward, gradient
from nnjax.training.gradient_check import finite_difference
from nnjax.training.gradient_noise import example_gradients, gradient_memory, noise_by_batch_size

RNG = np.random.default_rng(0)
NET = mlp((3, 4, 2), tanh)
TASK = Task(NET, per_example(cross_entropy), optax.sgd(0.1))
DATA = Dataset(RNG.normal(size=(6, 3)).astype(np.float32), np.array([0, 1, 1, 0, 1, 0], np.int32))


def test_each_gradient_is_that_of_its_example_alone() -> None:
    params = NET.init(jax.random.key(0))
    found = example_gradients(TASK, params, DATA)
    assert found.shape == (6, 26)
    for n in range(6):
        layers = forward(params, DATA.inputs[n : n + 1], tanh, cross_entropy)
        by_hand = gradient(backward(params, layers, DATA.targets[n : n + 1], tanh, cross_entropy))
        flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(by_hand)])
        np.testing.assert_allclose(found[n], flat, atol=1e-6)
    cost = lambda p: cross_entropy(NET.apply(p, DATA.inputs), DATA.targets).mean()
    difference = finite_difference(cost, jax.tree.map(np.asarray, params))
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(difference)])
    np.testing.assert_allclose(found.mean(axis=0), flat, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_the_expected_distance_is_the_mean_over_all_batches_there_are(size: int) -> None:
    gradients = RNG.normal(size=(6, 4))
    whole = gradients.mean(axis=0)
    every = [gradients[list(rows)].mean(axis=0) for rows in itertools.combinations(range(6), size)]
    distance = np.sqrt(np.mean([np.sum((mean - whole) ** 2) for mean in every])) / np.linalg.norm(whole)
    (row,) = noise_by_batch_size(gradients, [size], draws=2000)
    assert row["theory"] == pytest.approx(distance, abs=1e-12)
    assert row["measured"] == pytest.approx(distance, rel=0.08, abs=1e-12)


def test_a_larger_batch_points_better() -> None:
    gradients = 1.0 + 3 * RNG.normal(size=(100, 5))
    cosines = [row["cosine"] for row in noise_by_batch_size(gradients, [1, 10, 100])]
    assert cosines == sorted(cosines)
    assert cosines[-1] == pytest.approx(1)


def test_a_batch_of_more_than_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="has 1 to 6 of them, got 7"):
        noise_by_batch_size(np.ones((6, 2)), [1, 7])


def test_memory_grows_with_the_batch() -> None:
    net = mlp((64, 256, 10), tanh)
    task = Task(net, per_example(cross_entropy), optax.sgd(0.1))
    data = Dataset(np.zeros((512, 64), np.float32), np.zeros(512, np.int32))
    small, large = (gradient_memory(task, net.init(jax.random.key(0)), data, b) for b in (128, 512))
    held = 4 * 512 * (64 + 256)  # the inputs and the hidden activations, which the way back needs
    assert held <= large <= 4 * held
    assert large / small == pytest.approx(4, rel=0.35)
