"""The order of the data: a uniform bijection, and a function of (seed, epoch) alone."""

from functools import partial
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

from nnjax.training.shuffle import shuffled

SIGNIFICANCE = 1e-4  # the draws are fixed by their seeds, so a test that passes once passes always


@partial(jax.jit, static_argnums=(0, 1))
def orders(size, count, seed=0):
    """The orders of `count` epochs, [count, size]."""
    return jax.vmap(lambda epoch: shuffled(jnp.arange(size), size, seed, epoch))(jnp.arange(count))


def surprise(counts, expected):
    """The probability of counts as uneven as these under a uniform distribution."""
    statistic = ((counts - expected) ** 2 / expected).sum()
    return chi2.sf(statistic, counts.size - 1)


@pytest.mark.parametrize("size", [1, 2, 3, 64, 992, 1797])
def test_every_example_comes_exactly_once(size):
    order = np.asarray(orders(size, 2))
    np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(size), (2, 1)))


def test_size_may_be_traced_and_positions_may_be_any_part():
    whole = shuffled(jnp.arange(100), 100, seed=5, epoch=2)
    part = jax.jit(shuffled)(jnp.array([[7, 99], [0, 50]]), jnp.int32(100), 5, 2)
    np.testing.assert_array_equal(part, whole[jnp.array([[7, 99], [0, 50]])])


def test_large_sets_do_not_overflow():
    size = 2**31 - 1
    positions = jnp.array([0, 1, size - 1])
    order = np.asarray(shuffled(positions, size, 0, 0))
    assert len(set(order.tolist())) == 3
    assert order.min() >= 0


def test_positions_are_uniform():
    size, epochs = 16, 20_000
    order = np.asarray(orders(size, epochs))
    for position in range(size):
        counts = np.bincount(order[:, position], minlength=size)
        assert surprise(counts, epochs / size) > SIGNIFICANCE, position


def test_pairs_of_neighbours_are_uniform():
    size, epochs = 8, 40_000
    order = np.asarray(orders(size, epochs, seed=3))
    counts = np.bincount(order[:, 0] * size + order[:, 1], minlength=size**2)
    different = counts.reshape(size, size)[~np.eye(size, dtype=bool)]
    assert surprise(different, epochs / different.size) > SIGNIFICANCE


def test_all_orders_of_four_are_equally_likely():
    epochs = 24_000
    numbers = {order: i for i, order in enumerate(permutations(range(4)))}
    counts = np.bincount(
        [numbers[tuple(row)] for row in np.asarray(orders(4, epochs)).tolist()], minlength=24
    )
    assert surprise(counts, epochs / 24) > SIGNIFICANCE


def test_epochs_and_seeds_have_orders_of_their_own():
    """Two independent orders agree in one position on average, whatever their length."""
    by_epoch = np.asarray(orders(50, 4000))
    by_seed = np.asarray(jax.vmap(lambda seed: shuffled(jnp.arange(50), 50, seed, 0))(jnp.arange(4000)))
    for order in (by_epoch, by_seed):
        agreements = (order[1:] == order[:-1]).sum(axis=1).mean()
        assert abs(agreements - 1) < 5 / np.sqrt(4000)
