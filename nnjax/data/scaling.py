"""Standardisation: inputs with mean 0 and standard deviation 1, as the training part has them."""

from __future__ import annotations

import dataclasses

import numpy as np

from nnjax.data.padding import unpad
from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset, Sequences, Splits, Standardizer

BLOCK_ROWS = 4096


def standardise(splits: Splits) -> Splits:
    """Subtracts the mean of the training inputs and divides by their standard deviation, in every part.

    The statistics come from the training part alone: a mean that has seen the test part is a leak. They
    are taken for each column of a table [N, D], for each channel of colour images [N, H, W, C], and for all
    pixels together of grey images [N, H, W], since a pixel that is always black has no deviation of its own,
    and for each channel of `Sequences` [N, T, D], over their true lengths. An input that does not vary is
    centred and not divided.

    Args:
        splits: Parts whose inputs are single arrays [N, ...], or Sequences.

    Returns:
        The same parts with float32 inputs and without a value range; `scaler` holds the statistics, ready
        for what is predicted later.

    Raises:
        ConfigError: If the splits have been standardised before.
        DataError: If the inputs are neither one array nor Sequences, or there are no training examples.

    >>> table = Dataset(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([0, 1]))
    >>> standardise(Splits(table)).train.inputs
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    """
    if splits.scaler is not None:
        raise ConfigError("these splits have been standardised already")
    inputs = splits.train.inputs
    if isinstance(inputs, Sequences) and len(inputs.lengths):
        inputs = np.concatenate(unpad(inputs)).reshape(-1, *np.shape(inputs.values)[2:])
    if not isinstance(inputs, np.ndarray) or len(inputs) == 0:
        raise DataError(
            f"standardise wants inputs that are one array [N, ...] with N at least 1, "
            f"got {getattr(inputs, 'shape', type(inputs).__name__)}"
        )
    scaler = _statistics(inputs)
    valid, test = (None if part is None else _apply(scaler, part) for part in splits[1:3])
    return Splits(_apply(scaler, splits.train), valid, test, scaler)


def _statistics(inputs: np.ndarray) -> Standardizer:
    """Mean and standard deviation in float64, block by block so that no copy of the data is made."""
    kept = {2: (1,), 4: (3,)}.get(inputs.ndim, ())
    axes = tuple(axis for axis in range(inputs.ndim) if axis not in kept)
    mean = inputs.mean(axis=axes, dtype=np.float64)
    squares = np.zeros_like(mean)
    for start in range(0, len(inputs), BLOCK_ROWS):
        deviation = inputs[start : start + BLOCK_ROWS].astype(np.float64) - mean
        squares = squares + np.square(deviation).sum(axis=axes)
    std = np.sqrt(squares * mean.size / inputs.size)
    # The mean of a constant column is rounded, so its deviation need not come out as exactly 0.
    varies = std > 1e-12 * np.abs(mean)
    return Standardizer(np.asarray(mean, np.float32), np.where(varies, std, 1.0).astype(np.float32))


def _apply(scaler: Standardizer, part: Dataset) -> Dataset:
    return dataclasses.replace(part, inputs=scaler(part.inputs), value_range=None)
