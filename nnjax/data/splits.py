"""Training, validation and test parts that share no example.

Rows are drawn from a seed and stratified: each class has its share of every part. The test part is drawn
first and from a stream of its own, so it stays the same whatever the validation part is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import numpy as np

from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset, Splits


def split(
    dataset: Dataset,
    valid: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    stratify: bool = True,
) -> Splits:
    """Splits a data set by fractions or by counts.

    Args:
        dataset: N examples.
        valid: How many examples validate: a fraction of N below 1, or a whole number; 0 for no such part.
        test: How many test, in the same way.
        seed: The draw.
        stratify: Whether each class has its share of the test part, and of the validation part among what
            is left, to within one example; regression targets are drawn plainly.

    Returns:
        The parts, each in the order of `dataset`.

    Raises:
        ConfigError: If a size is negative or the training part would be empty.

    >>> from nnjax.data.bundled import digits
    >>> parts = split(digits(), valid=0.1, test=0.2, seed=0)
    >>> len(parts.train), len(parts.valid), len(parts.test)
    (1258, 180, 359)
    """
    examples = len(dataset)
    test_size, valid_size = _size("test", test, examples), _size("valid", valid, examples)
    if test_size + valid_size >= examples:
        raise ConfigError(
            f"{examples} examples are not enough for {valid_size} of validation, {test_size} of test "
            "and at least one of training"
        )
    strata = _strata(dataset, stratify)
    chosen = np.zeros(examples, int)
    for part, size in ((2, test_size), (1, valid_size)):
        free = np.flatnonzero(chosen == 0)
        chosen[free[_draw(strata[free], size, np.random.default_rng([seed, part]))]] = part
    train_part, valid_part, test_part = (dataset.take(np.flatnonzero(chosen == part)) for part in range(3))
    return Splits(train_part, valid_part if valid_size else None, test_part if test_size else None)


def hold_out(dataset: Dataset, valid: float, seed: int = 0, test: Dataset | None = None) -> Splits:
    """Splits off a validation part only; `test` is a test part that came with the set.

    Raises:
        ConfigError: As `split`.
    """
    parts = split(dataset, valid, 0, seed)
    return parts._replace(test=test)


def k_folds(
    dataset: Dataset, folds: int, seed: int = 0, stratify: bool = True
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows of k-fold cross-validation: every example validates in exactly one fold.

    Each class is shuffled, the classes are laid one after the other, and the rows are dealt to the folds like
    cards; so folds differ in size by at most one, and in the number of each class by at most one.

    Args:
        dataset: N examples.
        folds: How many folds, from 2 to N (static).
        seed: The draw.
        stratify: Whether to deal class by class.

    Returns:
        For each fold its training rows and its validation rows, both ascending.

    Raises:
        ConfigError: If `folds` is out of range.

    >>> from nnjax.data.bundled import iris
    >>> [len(valid) for train, valid in k_folds(iris(), 4)]
    [38, 38, 37, 37]
    """
    examples = len(dataset)
    if not 2 <= folds <= examples:
        raise ConfigError(f"folds must be from 2 to the number of examples, {examples}; got {folds}")
    rng = np.random.default_rng([seed, folds])
    shuffled = rng.permutation(examples)
    dealt = shuffled[np.argsort(_strata(dataset, stratify)[shuffled], kind="stable")]
    fold_of = np.empty(examples, int)
    fold_of[dealt] = np.arange(examples) % folds
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)]


def shared_examples(part: Dataset, other: Dataset) -> int:
    """How many examples of `part` have exactly the inputs of some example of `other`.

    Rows of different parts are different rows, but a set may hold the same example twice, and one that is
    trained on and tested on is a leak. The number belongs beside the score.

    >>> one = Dataset(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 1]))
    >>> two = Dataset(np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0, 1]))
    >>> shared_examples(one, two)
    1
    """
    known = set(_fingerprints(other))
    return sum(fingerprint in known for fingerprint in _fingerprints(part))


def _size(name: str, size: float, examples: int) -> int:
    if not 0 <= size < math.inf or (size >= 1 and size != int(size)):
        raise ConfigError(f"{name} must be a fraction from 0 to 1 or a whole number of examples, got {size}")
    return int(size) if size >= 1 else int(size * examples + 0.5)


def _strata(dataset: Dataset, stratify: bool) -> np.ndarray:
    """Each example's class [N] as 0, 1, ...; all 0 where there are none."""
    targets = dataset.targets
    labelled = isinstance(targets, np.ndarray) and targets.ndim == 1 and targets.dtype.kind in "iu"
    if not (stratify and labelled):
        return np.zeros(len(dataset), int)
    return np.unique(targets, return_inverse=True)[1]


def _draw(strata: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """`size` positions of `strata`, each class in its proportion.

    A class of n_k gets floor(n_k size / N), and the places that are left go to the largest remainders
    (Hamilton's method), which makes the total exact. Equal remainders are drawn for.
    """
    shares, remainders = np.divmod(np.bincount(strata) * size, len(strata))
    order = rng.permutation(len(shares))
    largest = order[np.argsort(-remainders[order], kind="stable")]
    shares[largest[: size - shares.sum()]] += 1
    drawn: Sequence[np.ndarray] = [
        rng.permutation(np.flatnonzero(strata == k))[:share] for k, share in enumerate(shares)
    ]
    return np.concatenate(drawn)


def _fingerprints(dataset: Dataset) -> list[bytes]:
    leaves = [np.ascontiguousarray(leaf) for leaf in jax.tree.leaves(dataset.inputs)]
    if not leaves:
        raise DataError(f"{dataset.name or 'the data set'} has no inputs to compare")
    return [b"".join(row.tobytes() for row in rows) for rows in zip(*leaves, strict=True)]
