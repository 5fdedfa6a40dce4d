"""Sets that are made, not measured: small enough to see whole, and the same for the same seed.

The clouds of points in the plane and the two regression surfaces have the geometry of the TensorFlow
playground (Smilkov et al., "Direct-Manipulation Visualization of Deep Networks", 2017,
https://arxiv.org/abs/1708.03788): two inputs between about -5 and 5, or -6 and 6. Each generator takes
`samples`, the number of examples N; `noise`, which is 0 for the clean shape; and `seed`, an integer.
Labels alternate, so that both classes have the same number of points.
"""

from __future__ import annotations

import numpy as np

from nnjax.errors import ConfigError
from nnjax.types import Dataset

CLASSES = ("negative", "positive")
GAUSSIAN_CENTRES = np.array([[-4.0, 2.5], [0.0, 2.5], [4.0, 2.5], [-4.0, -2.5], [0.0, -2.5], [4.0, -2.5]])
GAUSSIAN_SIGNS = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])


def gate(kind: str) -> Dataset:
    """The truth table of a logic gate: all four examples there are.

    Args:
        kind: "and", "or" or "xor".

    Returns:
        Inputs [4, 2] of 0 and 1 (float32), targets [4] of 0 and 1.

    Raises:
        ConfigError: For another gate.

    >>> gate("xor").targets
    array([0, 1, 1, 0], dtype=int32)
    """
    tables = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "xor": [0, 1, 1, 0]}
    if kind not in tables:
        raise ConfigError(f"a gate is one of {', '.join(tables)}; got {kind!r}")
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return Dataset(inputs, np.array(tables[kind], np.int32), kind, ("false", "true"), (0.0, 1.0))


def line(
    samples: int = 100, noise: float = 0.1, slope: float = 2.0, intercept: float = 1.0, seed: int = 0
) -> Dataset:
    """A noisy line: y = slope x + intercept + noise e, with e ~ N(0, 1) and x uniform in [-1, 1].

    Returns:
        Inputs [N, 1], targets [N, 1].
    """
    rng = _generator(samples, noise, seed)
    x = rng.uniform(-1.0, 1.0, (samples, 1))
    y = slope * x + intercept + noise * rng.standard_normal((samples, 1))
    return Dataset(x.astype(np.float32), y.astype(np.float32), "line", value_range=(-1.0, 1.0))


def moons(samples: int = 500, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two half circles of radius 1, one hooked into the other; `noise` is the standard deviation of a shift.

    The upper moon is (cos a, sin a), the lower one (1 - cos a, 1/2 - sin a), with a uniform in [0, pi].
    """
    rng = _generator(samples, noise, seed)
    labels = _alternating(samples)
    angle = rng.uniform(0.0, np.pi, samples)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.array([1.0, 0.5]) - upper
    points = np.where(labels[:, None] == 0, upper, lower) + noise * rng.standard_normal((samples, 2))
    return _cloud(points, labels, "moons")


def circles(samples: int = 500, noise: float = 0.0, seed: int = 0) -> Dataset:
    """A disc of radius 2.5 (positive) inside a ring from 3.5 to 5 (negative).

    `noise` is label noise: the label is that of the point moved by up to 5 `noise` a coordinate.
    """
    rng = _generator(samples, noise, seed)
    inside = _alternating(samples) == 1
    radius = np.where(inside, rng.uniform(0.0, 2.5, samples), rng.uniform(3.5, 5.0, samples))
    angle = rng.uniform(0.0, 2.0 * np.pi, samples)
    points = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    moved = points + noise * rng.uniform(-5.0, 5.0, (samples, 2))
    return _cloud(points, np.linalg.norm(moved, axis=1) < 2.5, "circles")


def xor_cloud(samples: int = 500, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Exclusive or as four squares: positive where both coordinates have the same sign.

    A gap of 0.3 is left along both axes. `noise` is label noise, as in `circles`.
    """
    rng = _generator(samples, noise, seed)
    points = rng.uniform(-5.0, 5.0, (samples, 2))
    points += np.where(points > 0, 0.3, -0.3)
    moved = points + noise * rng.uniform(-5.0, 5.0, (samples, 2))
    return _cloud(points, np.prod(moved, axis=1) >= 0, "xor_cloud")


def blobs(samples: int = 500, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Two round normal clouds around (2, 2) (positive) and (-2, -2) (negative), variance 0.5 + 7 `noise`."""
    rng = _generator(samples, noise, seed)
    labels = _alternating(samples)
    centres = np.where(labels[:, None] == 1, 2.0, -2.0)
    points = centres + np.sqrt(0.5 + 7.0 * noise) * rng.standard_normal((samples, 2))
    return _cloud(points, labels, "blobs")


def spiral(samples: int = 500, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Two spiral arms of radius 0 to 5 that wind 1.75 times around each other: the hard one.

    `noise` moves each point by up to `noise` a coordinate.
    """
    rng = _generator(samples, noise, seed)
    labels = _alternating(samples)
    along = (np.arange(samples) // 2) / ((samples + 1) // 2)
    angle = 1.75 * along * 2.0 * np.pi + np.where(labels == 1, 0.0, np.pi)
    points = 5.0 * along[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return _cloud(points + noise * rng.uniform(-1.0, 1.0, (samples, 2)), labels, "spiral")


def plane(samples: int = 500, noise: float = 0.0, seed: int = 0) -> Dataset:
    """A tilted plane: y = (x1 + x2) / 10 over the square from -6 to 6; targets [N, 1].

    `noise` moves the point at which the surface is read by up to 6 `noise` a coordinate.
    """
    return _surface("plane", lambda points: points.sum(axis=1) / 10.0, samples, noise, seed)


def gaussian(samples: int = 500, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Six cones of height +1 and -1 in a chequered pattern, each of radius 2; targets [N, 1].

    The playground calls this surface "gaussian": y = sign (1 - distance / 2) for the nearest of six
    centres, and 0 further than 2 from all of them. `noise` as in `plane`.
    """
    return _surface("gaussian", _cones, samples, noise, seed)


def _cones(points: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(points[:, None, :] - GAUSSIAN_CENTRES, axis=2)
    nearest = distance.argmin(axis=1)
    return GAUSSIAN_SIGNS[nearest] * np.maximum(0.0, 1.0 - distance.min(axis=1) / 2.0)


def _surface(name, height, samples: int, noise: float, seed: int) -> Dataset:
    rng = _generator(samples, noise, seed)
    points = rng.uniform(-6.0, 6.0, (samples, 2))
    targets = height(points + noise * rng.uniform(-6.0, 6.0, (samples, 2)))[:, None]
    return Dataset(points.astype(np.float32), targets.astype(np.float32), name, value_range=(-6.0, 6.0))


def _cloud(points: np.ndarray, labels: np.ndarray, name: str) -> Dataset:
    return Dataset(points.astype(np.float32), labels.astype(np.int32), name, CLASSES)


def _alternating(samples: int) -> np.ndarray:
    return np.arange(samples) % 2


def _generator(samples: int, noise: float, seed: int) -> np.random.Generator:
    if samples < 1:
        raise ConfigError(f"samples must be at least 1, got {samples}")
    if not 0.0 <= noise < float("inf"):
        raise ConfigError(f"noise must be finite and not negative, got {noise}")
    if seed < 0:
        raise ConfigError(f"seed must not be negative, got {seed}")
    return np.random.default_rng(seed)
