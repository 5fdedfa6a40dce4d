"""Labels that are wrong on purpose, as some are in every set that people have labelled.

What a net answers on such an example says whether it has learned the rule or the example by heart
(Zhang et al., "Understanding deep learning requires rethinking generalization", 2017,
https://arxiv.org/abs/1611.03530; Arpit et al., "A closer look at memorization in deep networks", 2017,
https://arxiv.org/abs/1706.05394).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset, Splits


def wrong_labels(dataset: Dataset, share: float, seed: int = 0) -> Dataset:
    """The data set with a share of its labels replaced, each by another class, all equally likely.

    Args:
        dataset: N examples with integer labels and K >= 2 named classes.
        share: From 0 to 1; round(share * N) labels are wrong afterwards.
        seed: The draw.

    Returns:
        The same inputs with int32 labels [N].

    Raises:
        ConfigError: If `share` is out of range.
        DataError: If the targets are no labels of named classes.

    >>> two = Dataset(np.zeros((4, 1)), np.array([0, 0, 1, 1]), classes=("no", "yes"))
    >>> wrong_labels(two, 1.0).targets
    array([1, 1, 0, 0], dtype=int32)
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"share wants a number from 0 to 1, got {share}")
    labels, classes = np.asarray(dataset.targets), len(dataset.classes)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or classes < 2:
        raise DataError(
            f"wrong_labels wants labels [N] of at least 2 named classes, got targets {labels.shape} of type "
            f"{labels.dtype} and {classes} classes"
        )
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    labels = labels.astype(np.int32)
    # A step of 1 to K - 1 around the circle of classes reaches each of the others, and never its own.
    labels[rows] = (labels[rows] + rng.integers(1, classes, len(rows))) % classes
    return dataclasses.replace(dataset, targets=labels)


def noisy_splits(splits: Splits, share: float, seed: int = 0) -> Splits:
    """The parts with `wrong_labels` among those to learn and to choose by; the test part stays as it is.

    So it is with data of one's own: who validates has no better labels than who trains.
    """
    train = wrong_labels(splits.train, share, seed)
    valid = None if splits.valid is None else wrong_labels(splits.valid, share, seed + 1)
    return splits._replace(train=train, valid=valid)
