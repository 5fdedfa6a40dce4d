"""Populations whose every seed draws training examples of its own, so that intervals cover the draw too.

Sixteen seeds on one draw of a hundred examples say how a net does on those hundred; sixteen draws say how it
does on a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnjax.data.checks import check_splits
from nnjax.data.splits import split
from nnjax.errors import ConfigError
from nnjax.training.fit import plan_for
from nnjax.training.fit_population import FittedPopulation, fit_entrants, unfolded
from nnjax.training.population import Entrants
from nnjax.training.sweep import cross
from nnjax.types import Dataset, Recipe, Splits


def drawn_rows(dataset: Dataset, examples: int, draws: int, seed: int = 0) -> np.ndarray:
    """Rows of `draws` stratified samples, each drawn without replacement.

    Args:
        dataset: N examples.
        examples: n, how many each sample has, from 1 to N.
        draws: F, how many samples.
        seed: Of the first; sample i is that of seed + i.

    Returns:
        int32 [F, n], each row ascending.

    Raises:
        ConfigError: If a number is out of range.

    >>> drawn_rows(Dataset(np.zeros((4, 1)), np.array([0, 0, 1, 1])), examples=4, draws=2).tolist()
    [[0, 1, 2, 3], [0, 1, 2, 3]]
    """
    if not 1 <= examples <= len(dataset):
        raise ConfigError(f"examples wants from 1 to the {len(dataset)} there are, got {examples}")
    if draws < 1:
        raise ConfigError(f"draws wants an integer of at least 1, got {draws}")
    numbered = Dataset(np.arange(len(dataset), dtype=np.int32), dataset.targets)
    left = len(dataset) - examples
    return np.stack([split(numbered, valid=0, test=left, seed=seed + i).train.inputs for i in range(draws)])


def fit_few(
    recipe: Recipe,
    splits: Splits,
    examples: int,
    *,
    settings: Mapping[str, Any] | None = None,
    seeds: int = 16,
    epochs: int = 20,
    batch_size: int = 32,
    patience: int | None = None,
    min_delta: float = 0.0,
    keep_last: bool = False,
    progress: bool = False,
) -> FittedPopulation:
    """`fit_population` where seed i trains on sample i of the training part, in every setting the same.

    Args:
        recipe: `recipe(hyper) -> Task`.
        splits: The parts.
        examples: Training examples of each member.
        settings: Name -> [S] values, as for `fit_population`.
        seeds: P, how many seeds, and as many samples.
        epochs: Passes over a sample.
        batch_size: Examples a step.
        patience: Epochs without improvement before a member stops.
        min_delta: How much the monitored value must improve to count.
        keep_last: Whether a member keeps its last parameters, and not those that validated best.
        progress: Whether to show it on standard error.

    Returns:
        S * P members, ordered by setting, then seed.

    Raises:
        ConfigError: If an argument is out of range.
        DataError: If the data cannot be trained on.
    """
    if keep_last and patience is not None:
        raise ConfigError(f"patience {patience} goes back to the best parameters, keep_last keeps the last")
    check_splits(splits)
    rows = drawn_rows(splits.train, examples, seeds)
    data = unfolded(splits)
    data = data._replace(train=data.train._replace(rows=rows))
    hyper, each_seed, _ = cross(settings or {}, range(seeds))
    sample = splits._replace(train=splits.train.take(rows[0]))
    # With an endless lead to make up, every segment is better than the one before, and so the last is best.
    plan = plan_for(sample, epochs, batch_size, patience, -np.inf if keep_last else min_delta)
    entrants = Entrants(each_seed, each_seed.astype(np.int32), hyper)
    return fit_entrants(recipe, plan, data, entrants, progress=progress)


def by_setting(values: Any, population: FittedPopulation) -> np.ndarray:
    """One number a member [S * P, ...] as [S, P, ...]: settings by seeds.

    >>> seeds = np.array([0, 1, 0, 1], np.uint32)
    >>> fitted = FittedPopulation(None, None, Entrants(seeds, seeds, {}), None, {})
    >>> by_setting([1, 2, 3, 4], fitted).tolist()
    [[1, 2], [3, 4]]
    """
    values = np.asarray(values)
    return values.reshape(-1, len(np.unique(population.entrants.seeds)), *values.shape[1:])
