"""The n-gram model: how well symbols are predicted by counting, which a network has to beat.

Witten and Bell, "The zero-frequency problem" (1991), https://doi.org/10.1109/18.87000, in the interpolated
form of Chen and Goodman (1998): a context h that came N(h) times, with D(h) different symbols after it,
predicts

    p(c | h) = (N(h c) + D(h) p(c | h')) / (N(h) + D(h)),

where h' is h without its oldest symbol; below the empty context lies the uniform 1 / V.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnjax.data.padding import unpad
from nnjax.errors import ConfigError, DataError
from nnjax.types import Sequences


class Level(NamedTuple):
    """The counts of one order. A context or an n-gram is a number; -1 is one that never came.

    Attributes:
        grams: Sorted keys of the n-grams that came, int64 [G].
        counts: How often each came, [G].
        totals: How often each context came with anything after it, [H].
        distinct: How many different symbols came after it, [H].
        longer: Sorted keys of (context, the symbol before it) that came: the contexts of the next order.
    """

    grams: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    distinct: np.ndarray
    longer: np.ndarray


class NGram(NamedTuple):
    """A fitted model: the counts of the orders 1 to n, and the number V of symbols."""

    levels: tuple[Level, ...]
    symbols: int


def fit_ngram(series: np.ndarray | Sequences | Sequence[np.ndarray], order: int, symbols: int) -> NGram:
    """Counts the n-grams of one text or of many sequences.

    Args:
        series: Codes from 0 to `symbols` - 1: one array [T], a list of them, or `Sequences` [N, T]. No
            n-gram reaches over an end; a sequence starts after symbols that stand for its start.
        order: n, the length of the longest n-gram; n - 1 symbols are its context (static).
        symbols: V, the size of the vocabulary (static).

    Raises:
        ConfigError: If `order` or `symbols` is below 1.
        DataError: If a code is not one of the symbols.

    >>> model = fit_ngram(np.array([0, 1, 0, 1, 0]), order=2, symbols=2)
    >>> float(np.exp(-ngram_nats(model, np.array([0, 1]))[1]).round(3))  # p(1 | 0) = (2 + 3/7) / 3
    0.81
    """
    if order < 1 or symbols < 1:
        raise ConfigError(f"wanted an order and a vocabulary of at least 1, got {order} and {symbols}")
    padded, ends = _laid_out(series, order, symbols)
    contexts, size = np.zeros(len(ends), np.int64), 1
    levels = []
    for length in range(order):
        grams, counts = np.unique(contexts * (symbols + 1) + padded[ends], return_counts=True)
        owner = grams // (symbols + 1)
        totals = np.bincount(owner, counts, size)
        distinct = np.bincount(owner, minlength=size)
        longer, contexts = np.unique(
            contexts * (symbols + 1) + padded[ends - 1 - length] if length + 1 < order else contexts,
            return_inverse=True,
        )
        levels.append(Level(grams, counts, totals, distinct, longer))
        size = len(longer)
    return NGram(tuple(levels), symbols)


def ngram_nats(model: NGram, series: np.ndarray | Sequences | Sequence[np.ndarray]) -> np.ndarray:
    """The cost -ln p of every symbol, in nats [T in all], given the ones before it; its mean is the score.

    Raises:
        DataError: If a code is not one of the model's symbols.
    """
    order, symbols = len(model.levels), model.symbols
    padded, ends = _laid_out(series, order, symbols)
    contexts = np.zeros(len(ends), np.int64)
    probability = np.full(len(ends), 1 / symbols)
    for length, level in enumerate(model.levels):
        seen = contexts >= 0
        known = contexts[seen]
        grams = _look_up(level.grams, known * (symbols + 1) + padded[ends[seen]])
        counts = np.where(grams >= 0, level.counts[grams], 0)
        totals, distinct = level.totals[known], level.distinct[known]
        probability[seen] = (counts + distinct * probability[seen]) / (totals + distinct)
        if length + 1 < order:
            keys = known * (symbols + 1) + padded[ends[seen] - 1 - length]
            contexts[seen] = _look_up(level.longer, keys)
    return -np.log(probability)


def _laid_out(series, order: int, symbols: int) -> tuple[np.ndarray, np.ndarray]:
    """All sequences in one array, each after order - 1 start symbols (code V), and where its symbols are."""
    if isinstance(series, Sequences):
        series = unpad(series)
    elif isinstance(series, np.ndarray) and series.ndim == 1:
        series = [series]
    start = np.full(order - 1, symbols, np.int64)
    pieces = [piece for one in series for piece in (start, np.asarray(one, np.int64))]
    padded = np.concatenate(pieces) if pieces else start
    lengths = [len(piece) for piece in pieces]
    real = np.repeat(np.arange(len(pieces)) % 2 == 1, lengths)
    ends = np.flatnonzero(real)
    codes = padded[ends]
    if not len(ends) or codes.min() < 0 or codes.max() >= symbols:
        got = f"{codes.min()} to {codes.max()}" if len(ends) else "none"
        raise DataError(f"wanted codes from 0 to {symbols - 1}, got {got}")
    return padded, ends


def _look_up(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The place of each wanted key among the sorted keys, or -1."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, -1)
