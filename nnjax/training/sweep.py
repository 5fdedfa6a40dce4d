"""The settings that a population varies: a grid, a random sample, or arrays of one's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnjax.errors import ConfigError

Settings = dict[str, np.ndarray]  # name -> float32 [S], one entry a setting


def grid(**axes: Sequence[float]) -> Settings:
    """Every combination of the values of each axis; the last axis varies fastest.

    Args:
        axes: Name of a hyperparameter -> its values.

    Returns:
        Name -> float32 [S], S the product of the axes' lengths.

    >>> grid(learning_rate=[0.1, 0.2], l2=[0, 1])["l2"].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    values = {name: np.atleast_1d(np.asarray(axis, np.float64)) for name, axis in axes.items()}
    for name, axis in values.items():
        if axis.ndim != 1 or not axis.size or not np.isfinite(axis).all():
            raise ConfigError(f"{name} wants a list of finite numbers, got {axes[name]!r}")
    rows = np.array(list(itertools.product(*values.values())), np.float32)
    return {name: rows[:, i] for i, name in enumerate(values)}


def sample(count: int, seed: int = 0, **draws: Callable[[np.random.Generator, int], Any]) -> Settings:
    """`count` settings drawn at random, each hyperparameter by its own law.

    Args:
        count: S, how many settings.
        seed: Decides the draw.
        draws: Name -> `draw(generator, count) -> [count]`, such as `log_uniform(1e-4, 1e-1)`.

    Returns:
        Name -> float32 [S].

    >>> rates = sample(100, learning_rate=log_uniform(1e-4, 1e-1))["learning_rate"]
    >>> bool((rates >= 1e-4).all() and (rates <= 1e-1).all())
    True
    """
    if count < 1:
        raise ConfigError(f"count wants an integer of at least 1, got {count}")
    generators = np.random.default_rng(seed).spawn(len(draws))
    drawn = {
        name: np.asarray(draw(generator, count), np.float32)
        for generator, (name, draw) in zip(generators, draws.items(), strict=True)
    }
    for name, values in drawn.items():
        if values.shape != (count,) or not np.isfinite(values).all():
            raise ConfigError(
                f"{name} wants a law that draws {count} finite numbers, got shape {values.shape}"
            )
    return drawn


def uniform(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """The law of a number that is equally likely anywhere in [low, high)."""
    return lambda generator, count: generator.uniform(low, high, count)


def log_uniform(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """The law of a positive number whose order of magnitude is equally likely anywhere.

    Bergstra and Bengio, "Random search for hyper-parameter optimization" (2012),
    https://www.jmlr.org/papers/v13/bergstra12a.html.
    """
    if not 0 < low <= high:
        raise ConfigError(f"log_uniform wants 0 < low <= high, got low {low} and high {high}")
    return lambda generator, count: np.exp(generator.uniform(np.log(low), np.log(high), count))


def cross(settings: Mapping[str, Any], seeds: Sequence[int], folds: int = 1) -> tuple[Settings, Any, Any]:
    """Every setting with every seed and every fold: settings [N], seeds [N], folds [N].

    Members of one setting are neighbours, and within it those of one seed.

    Raises:
        ConfigError: If the settings differ in length.
    """
    arrays = {name: np.atleast_1d(np.asarray(values, np.float32)) for name, values in settings.items()}
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ConfigError(f"settings want arrays of one length, got {lengths}; `grid` makes combinations")
    count = next(iter(lengths.values()), 1)
    each = len(seeds) * folds
    return (
        {name: np.repeat(values, each) for name, values in arrays.items()},
        np.tile(np.repeat(np.asarray(seeds, np.uint32), folds), count),
        np.tile(np.arange(folds, dtype=np.int32), count * len(seeds)),
    )
