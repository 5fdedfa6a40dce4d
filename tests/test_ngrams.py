from collections import Counter, defaultdict

import numpy as np
import pytest

from nnjax.data.ngrams import fit_ngram, ngram_nats
from nnjax.data.padding import pad
from nnjax.errors import ConfigError, DataError


def brute_force(train, held_out, order, symbols):
    """The formula of the docstring, with dictionaries and one symbol at a time."""
    after = defaultdict(Counter)
    for one in train:
        line = [symbols] * (order - 1) + list(one)
        for place in range(order - 1, len(line)):
            for length in range(order):
                after[tuple(line[place - length : place])][line[place]] += 1
    costs = []
    for one in held_out:
        line = [symbols] * (order - 1) + list(one)
        for place in range(order - 1, len(line)):
            p = 1 / symbols
            for length in range(order):
                counts = after.get(tuple(line[place - length : place]))
                if counts is None:
                    break
                p = (counts[line[place]] + len(counts) * p) / (counts.total() + len(counts))
            costs.append(-np.log(p))
    return np.array(costs)


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_equals_counting_with_dictionaries(order):
    rng = np.random.default_rng(order)
    series = [np.cumsum(rng.integers(0, 3, length)) % 7 for length in (40, 3, 1, 100)]
    train, held_out = series[:3], [*series[3:], np.array([6, 6, 0, 6])]
    expected = brute_force(train, held_out, order, 7)
    np.testing.assert_allclose(ngram_nats(fit_ngram(train, order, 7), held_out), expected, rtol=1e-12)


def test_the_probabilities_of_all_symbols_sum_to_one():
    rng = np.random.default_rng(0)
    model = fit_ngram(rng.integers(0, 4, 60), 3, 5)
    for context in ([0, 1], [4, 4], [3, 4], [2, 2]):
        costs = [ngram_nats(model, np.array([*context, symbol]))[-1] for symbol in range(5)]
        assert np.exp(-np.array(costs)).sum() == pytest.approx(1)


def test_sequences_lists_and_one_text_agree_and_padding_counts_for_nothing():
    series = [np.array([0, 1, 2, 0, 1]), np.array([2, 1])]
    padded = pad(series, 9)
    model, other = fit_ngram(series, 2, 3), fit_ngram(padded, 2, 3)
    np.testing.assert_array_equal(ngram_nats(model, series), ngram_nats(other, padded))
    np.testing.assert_array_equal(ngram_nats(model, series[0]), ngram_nats(model, series[:1]))


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(DataError, match="codes from 0 to 2, got 0 to 3"):
        fit_ngram(np.array([0, 3]), 2, 3)
    with pytest.raises(DataError, match="codes from 0 to 2, got -1 to 0"):
        ngram_nats(fit_ngram(np.array([0, 1]), 2, 3), np.array([-1, 0]))
    with pytest.raises(DataError, match="got none"):
        fit_ngram([], 2, 3)
    with pytest.raises(ConfigError, match="at least 1, got 0 and 3"):
        fit_ngram(np.array([0, 1]), 0, 3)
