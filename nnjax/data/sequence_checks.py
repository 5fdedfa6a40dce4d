"""What is asked of `Sequences` on the host: lengths that fit, and data without their padding."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from nnjax.errors import DataError
from nnjax.types import Dataset, Sequences


def without_padding(where: str, dataset: Dataset) -> Dataset:
    """The set with zeros in the padding of its Sequences, so that no check sees what stands there.

    Args:
        where: What the set is to the reader of a message.
        dataset: The examples.

    Returns:
        The set; its own arrays where nothing is padded.

    Raises:
        DataError: If lengths are not integers [N], one is 0 or less (an empty sequence has no last step), or
            one is longer than the values.
    """

    def checked(path: Any, part: Any) -> Any:
        if not isinstance(part, Sequences):
            return part
        return _checked(where, jax.tree_util.keystr(path, simple=True, separator="/"), part)

    parts = {"inputs": dataset.inputs, "targets": dataset.targets}
    is_whole = lambda part: isinstance(part, Sequences)
    parts = jax.tree_util.tree_map_with_path(checked, parts, is_leaf=is_whole)
    return Dataset(
        parts["inputs"], parts["targets"], dataset.name, dataset.classes, dataset.value_range, dataset.weights
    )


def padded_names(dataset: Dataset) -> set[str]:
    """The names of arrays [N, T, ...] of Sequences, whose T may differ between parts: "inputs/values", ..."""
    parts = {"inputs": dataset.inputs, "targets": dataset.targets}
    found = jax.tree_util.tree_leaves_with_path(parts, is_leaf=lambda part: isinstance(part, Sequences))
    return {
        f"{jax.tree_util.keystr(path, simple=True, separator='/')}/values"
        for path, part in found
        if isinstance(part, Sequences)
    }


def _checked(where: str, name: str, part: Sequences) -> Sequences:
    values, lengths = part
    for each, array in (("values", values), ("lengths", lengths)):
        if not isinstance(array, np.ndarray | jax.Array):
            raise DataError(f"{where}: {name}/{each} must be an array, got {type(array).__name__}")
    values, lengths = np.asarray(values), np.asarray(lengths)
    if values.ndim < 2 or lengths.shape != values.shape[:1] or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{where}: {name} wants values [N, T, ...] with integer lengths [N], "
            f"got {list(values.shape)} with {lengths.dtype} {list(lengths.shape)}"
        )
    longest = values.shape[1]
    wrong = np.flatnonzero((lengths < 1) | (lengths > longest))
    if len(wrong):
        row, wanted = int(wrong[0]), f"wanted 1 to {longest}, the steps that there are"
        raise DataError(f"{where}, row {row}: {name}/lengths[{row}] is {lengths[row]}; {wanted}")
    padding = np.arange(longest)[None, :] >= lengths[:, None]
    if values.dtype.kind == "O" or not padding.any():
        return part
    values = values.copy()
    values[padding] = 0
    return Sequences(values, lengths)
