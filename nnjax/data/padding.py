"""Sequences of different lengths in one array, zeros after their ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnjax.errors import ConfigError, DataError
from nnjax.types import Sequences


def pad(series: Sequence[np.ndarray], longest: int | None = None) -> Sequences:
    """Puts N arrays [T_n, ...] into one [N, T, ...].

    Args:
        series: The arrays, of the same type and of the same shape but for their lengths.
        longest: T, at least the longest length (static); None for exactly that.

    Returns:
        The values with zeros in the padding, and the lengths int32 [N].

    Raises:
        DataError: If there are none, one is empty, or their shapes do not fit; the message names the row.
        ConfigError: If `longest` is too short.

    >>> pad([np.array([1, 2, 3]), np.array([4])]).values
    array([[1, 2, 3],
           [4, 0, 0]])
    """
    arrays = [np.asarray(one) for one in series]
    if not arrays:
        raise DataError("wanted at least one sequence")
    for row, one in enumerate(arrays):
        if one.ndim == 0 or len(one) == 0:
            raise DataError(f"row {row}: a sequence without steps")
        if one.shape[1:] != arrays[0].shape[1:]:
            shapes = f"{list(one.shape[1:])}, and those of row 0 {list(arrays[0].shape[1:])}"
            raise DataError(f"row {row}: its steps have the shape {shapes}")
    lengths = np.array([len(one) for one in arrays], np.int32)
    longest = int(lengths.max()) if longest is None else longest
    if longest < lengths.max():
        raise ConfigError(
            f"row {lengths.argmax()}: a sequence of {lengths.max()} steps does not fit into {longest}"
        )
    values = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), np.result_type(*arrays))
    for row, one in enumerate(arrays):
        values[row, : len(one)] = one
    return Sequences(values, lengths)


def unpad(sequences: Sequences) -> list[np.ndarray]:
    """The N sequences without their padding, each [T_n, ...].

    >>> [one.tolist() for one in unpad(pad([np.array([1, 2, 3]), np.array([4])]))]
    [[1, 2, 3], [4]]
    """
    values, lengths = np.asarray(sequences.values), np.asarray(sequences.lengths)
    return [one[:length] for one, length in zip(values, lengths, strict=True)]
