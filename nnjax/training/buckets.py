"""Buckets by length: a batch of sequences is cut to the longest of its bucket, to compute little padding.

The rows of a part stand in the order of their lengths (`by_length`). A bucket is a run of ranks in it, a
multiple of the batch size long, so that an epoch has as many batches as without buckets; each epoch
shuffles the ranks of each bucket anew. In which order an epoch visits the buckets is a function of the
position in the epoch alone, the same for every member of a population: so the width of a step is
known to all lanes at once, and only that width is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from nnjax.errors import ConfigError
from nnjax.types import Sequences

MOST_BUCKETS = 8  # each has its own compiled step
FINEST = 128  # groups of batches among which the cuts are chosen

Bucket = tuple[int, int]  # how many ranks, and the longest length among them


def lengths_of(inputs: Any) -> np.ndarray | None:
    """The lengths [N] of inputs that are, or hold, Sequences; None where nothing is."""
    leaves = jax.tree.leaves(inputs, is_leaf=lambda node: isinstance(node, Sequences))
    found = [np.asarray(leaf.lengths) for leaf in leaves if isinstance(leaf, Sequences)]
    return np.max(found, axis=0) if found else None


def by_length(rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`rows` [n], shortest sequence first; a row of -1, which is none, before all."""
    return rows[np.argsort(np.where(rows < 0, 0, lengths[rows]), kind="stable")]


def length_buckets(
    sorted_lengths: np.ndarray, batch_size: int, most: int = MOST_BUCKETS
) -> tuple[Bucket, ...]:
    """The buckets that compute the least padding.

    Args:
        sorted_lengths: Integers [N], rising: at each rank the longest sequence that can stand there.
        batch_size: B. The first bucket takes the partial batch, where padding costs least.
        most: The most buckets.

    Returns:
        (ranks, width) of each bucket, shortest first; the ranks add up to N.

    >>> length_buckets(np.array([1, 1, 1, 1, 9, 9, 9, 9]), batch_size=2)
    ((4, 1), (4, 9))
    """
    size = len(sorted_lengths)
    batches = -(-size // batch_size)
    groups = min(batches, FINEST)
    ends = np.round(np.arange(1, groups + 1) * batches / groups).astype(int)  # in batches
    ranks = size - (batches - ends) * batch_size  # where each group of batches ends
    widths = sorted_lengths[ranks - 1]
    # cost[k][j]: the least computed steps of the first j groups in k + 1 buckets.
    before = np.concatenate([[0], ends])
    cost = np.full((most, groups + 1), np.inf)
    cut = np.zeros((most, groups + 1), int)
    cost[0, 1:] = ends * widths
    for k in range(1, most):
        for j in range(1, groups + 1):
            options = cost[k - 1, :j] + (before[j] - before[:j]) * widths[j - 1]
            cut[k, j] = int(np.argmin(options))
            cost[k, j] = options[cut[k, j]]
    k, j, edges = int(np.argmin(cost[:, groups])), groups, []
    while j > 0:
        edges.append(j)
        j, k = (cut[k, j] if k else 0), k - 1
    edges = edges[::-1]
    stops = [int(ranks[j - 1]) for j in edges]
    counts = np.diff([0, *stops])
    return tuple((int(n), int(widths[j - 1])) for n, j in zip(counts, edges, strict=True))


def check_buckets(buckets: Sequence[Bucket], sorted_lengths: np.ndarray) -> None:
    """Refuses buckets in which the sequences do not fit.

    Args:
        buckets: (ranks, width) of each.
        sorted_lengths: As in `length_buckets`.

    Raises:
        ConfigError: If they hold another number of examples, or one is narrower than a sequence in it.
    """
    widths = np.repeat([width for _, width in buckets], [ranks for ranks, _ in buckets])
    if len(widths) != len(sorted_lengths):
        raise ConfigError(f"buckets want {len(sorted_lengths)} examples in all, got {len(widths)}")
    short = np.flatnonzero(widths < sorted_lengths)
    if len(short):
        raise ConfigError(
            f"a bucket of width {widths[short[0]]} has a sequence of {sorted_lengths[short[0]]} steps in it"
        )


def real_share(sorted_lengths: np.ndarray, batch_size: int, buckets: tuple[Bucket, ...]) -> float:
    """The part of all computed steps that are of sequences and not of padding."""
    computed = sum(-(-ranks // batch_size) * batch_size * width for ranks, width in buckets)
    return float(sorted_lengths.sum() / computed)


def batch_buckets(buckets: tuple[Bucket, ...], batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The order in which an epoch visits the buckets: of each batch its bucket and its turn there.

    A fixed random order: batches of short and of long sequences follow each other without a pattern.
    """
    counts = [-(-ranks // batch_size) for ranks, _ in buckets]
    bucket = np.random.default_rng(0).permutation(np.repeat(np.arange(len(buckets)), counts))
    turn = np.zeros_like(bucket)
    for k in range(len(buckets)):
        turn[bucket == k] = np.arange(counts[k])
    return bucket.astype(np.int32), turn.astype(np.int32)


def narrowed(tree: Any, width: int) -> Any:
    """`tree` with the values of its Sequences cut to `width` steps."""

    def narrow(node: Any) -> Any:
        return Sequences(node.values[:, :width], node.lengths) if isinstance(node, Sequences) else node

    return jax.tree.map(narrow, tree, is_leaf=lambda node: isinstance(node, Sequences))
