"""What is asked of data on the host before the first step, because JAX would not ask.

A label of -1 trains the last class, a label that is too large gives NaN or a loss of zero, an integer of
2**40 becomes 0 and an empty batch is NaN, all without a word. Here each of them is a `DataError` that names
the row, counted from 0 within its part.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from nnjax.data.sequence_checks import padded_names, without_padding
from nnjax.errors import DataError
from nnjax.types import Dataset, Sequences, Splits

BLOCK_BYTES = 2**24


def check_splits(splits: Splits) -> None:
    """Checks every part, that the parts fit together, and that training sees every class.

    Raises:
        DataError: As `check_dataset`; or if a part has inputs or targets of another shape or type than the
            training part, or if a class has no training example.
    """
    parts = {name: part for name, part in zip(splits._fields, splits[:3], strict=False) if part is not None}
    for name, part in parts.items():
        check_dataset(part, part=name)
        _check_alike(splits.train, part, name)
    if _labelled(splits.train):
        _check_classes(parts)


def check_dataset(dataset: Dataset, *, part: str = "") -> None:
    """Checks one set of examples.

    Args:
        dataset: The examples.
        part: What the set is to the reader of the message: "train", "valid", "test" or nothing.

    Raises:
        DataError: If there are no examples; if an array is not one of real numbers, or holds NaN, infinity or
            a number that JAX's 32 bits cannot hold; if arrays differ in length; if a label is not a whole
            number from 0 to K - 1; if an input is outside `value_range`; if a weight is negative; if the
            length of a sequence is not from 1 to T. What stands in the padding of Sequences is not looked at.
    """
    where = _where(dataset, part)
    dataset = without_padding(where, dataset)
    arrays = _arrays(where, dataset)
    for name, array in arrays.items():
        _check_numbers(where, name, array)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DataError(f"{where}: arrays differ in their number of examples: {told}")
    if 0 in lengths.values():
        raise DataError(f"{where}: no examples")
    if isinstance(dataset.targets, np.ndarray | jax.Array):
        _check_targets(where, np.asarray(dataset.targets), len(dataset.classes))
    if isinstance(dataset.targets, Sequences):
        _check_labels(where, "targets/values", np.asarray(dataset.targets.values), len(dataset.classes))
    if dataset.value_range is not None:
        _check_range(where, arrays, *dataset.value_range)
    if dataset.weights is not None:
        _check_weights(where, dataset.weights)


def _arrays(where: str, dataset: Dataset) -> dict[str, np.ndarray]:
    """Every array of the set under its name, such as "inputs" or "inputs/lengths"."""
    parts: dict[str, Any] = {"inputs": dataset.inputs, "targets": dataset.targets}
    if dataset.weights is not None:
        parts["weights"] = dataset.weights
    arrays = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(parts):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if not isinstance(leaf, np.ndarray | jax.Array):
            raise DataError(f"{where}: {name} must be arrays, got {type(leaf).__name__}; use numpy.asarray")
        if leaf.ndim == 0:
            raise DataError(f"{where}: {name} must be an array [N, ...], got a single number")
        arrays[name] = np.asarray(leaf)
    for wanted in ("inputs", "targets"):
        if not any(name.split("/")[0] == wanted for name in arrays):
            raise DataError(f"{where}: no {wanted}")
    return arrays


def _check_numbers(where: str, name: str, array: np.ndarray) -> None:
    """Refuses what is not real, not finite, or too large for the 32 bits in which JAX computes."""
    kind = array.dtype.kind
    if kind == "O":
        row, why = _odd_row(array)
        raise DataError(f"{where}, row {row}: {name} are Python objects and not numbers; {why}")
    if kind == "c":
        row = int(_first(array, lambda block: block.imag != 0, (0,))[0])
        raise DataError(f"{where}, row {row}: {name} are complex; wanted real numbers")
    floating = jax.numpy.issubdtype(array.dtype, np.floating)
    if not floating and kind not in "biu":
        raise DataError(f"{where}, row 0: {name} have the type {array.dtype}; wanted real numbers")
    if array.ndim > 1 and array.size == 0 and len(array) > 0:
        raise DataError(f"{where}, row 0: {name} are empty, of shape {list(array.shape)}")
    if floating:
        _refuse(where, name, array, lambda block: ~np.isfinite(block), "wanted finite numbers")
    narrow = np.dtype(jax.dtypes.canonicalize_dtype(array.dtype))
    if narrow.itemsize < array.dtype.itemsize:
        limits = np.finfo(narrow) if floating else np.iinfo(narrow)
        outside = lambda block: (block < limits.min) | (block > limits.max)
        _refuse(where, name, array, outside, f"too large for {narrow}, in which JAX computes")


def _odd_row(array: np.ndarray) -> tuple[int, str]:
    """The first row of an object array that is not numbers of the first row's shape, and what it is."""
    first = None
    for row, value in enumerate(array):
        try:
            numbers = np.asarray(value.tolist() if isinstance(value, np.ndarray) else value)
        except ValueError:
            return row, "its own rows differ in length"
        if numbers.dtype.kind not in "biuf":
            return row, f"it is {value!r:.60}"
        first = numbers.shape if first is None else first
        if numbers.shape != first:
            return row, f"its shape is {list(numbers.shape)}, and that of row 0 is {list(first)}"
    return 0, "convert the array, for instance with astype('float32')"


def _check_targets(where: str, targets: np.ndarray, classes: int) -> None:
    """Integer targets are labels; float targets are [N, M], one number an output."""
    kind = targets.dtype.kind
    if kind == "b":
        raise DataError(f"{where}: targets are booleans; wanted labels, targets.astype('int32')")
    if kind in "iu":
        return _check_labels(where, "targets", targets, classes)
    if targets.ndim == 1 and classes:
        _refuse(where, "targets", targets, lambda block: block != np.floor(block), "labels are whole numbers")
        raise DataError(f"{where}: labels have the type {targets.dtype}; wanted targets.astype('int32')")
    if targets.ndim == 1:
        raise DataError(f"{where}: float targets must be [N, M], got [{len(targets)}]; use targets[:, None]")
    if classes and targets.ndim == 2 and targets.shape[1] != classes:
        raise DataError(f"{where}: targets have {targets.shape[1]} columns, and there are {classes} classes")


def _check_labels(where: str, name: str, targets: np.ndarray, classes: int) -> None:
    """Integers from 0 to K - 1; floats are no labels."""
    if targets.dtype.kind not in "iu":
        return
    _refuse(where, name, targets, lambda block: block < 0, "labels start at 0")
    if classes:
        last = f"the last of the {classes} classes is {classes - 1}"
        _refuse(where, name, targets, lambda block: block >= classes, last)


def _check_range(where: str, arrays: dict[str, np.ndarray], low: float, high: float) -> None:
    inputs = arrays.get("inputs")
    if inputs is None or (inputs.dtype == np.uint8 and low <= 0 and high >= 255):
        return
    outside = lambda block: (block < low) | (block > high)
    _refuse(where, "inputs", inputs, outside, f"the set's value range is {low:g} to {high:g}")


def _check_weights(where: str, weights: np.ndarray) -> None:
    if weights.ndim != 1:
        raise DataError(f"{where}: weights must be [N], got {list(weights.shape)}")
    _refuse(where, "weights", weights, lambda block: block < 0, "a weight is not negative")
    if not weights.any():
        raise DataError(f"{where}: all weights are 0, so nothing would be learned")


def _check_alike(train: Dataset, part: Dataset, name: str) -> None:
    where = _where(part, name)
    if part.classes != train.classes:
        raise DataError(f"{where}: its classes are {part.classes}, and those of train are {train.classes}")
    own, theirs = _arrays(where, part), _arrays(where, train)
    if own.keys() != theirs.keys():
        raise DataError(f"{where}: it has {', '.join(own)}, and train has {', '.join(theirs)}")
    padded = padded_names(part)
    for key in own.keys() - {"weights"}:
        came, wanted, first = own[key], theirs[key], 2 if key in padded else 1
        if came.shape[first:] != wanted.shape[first:] or came.dtype != wanted.dtype:
            raise DataError(
                f"{where}, row 0: {key} are {came.dtype} {list(came.shape[1:])}, "
                f"and those of train are {wanted.dtype} {list(wanted.shape[1:])}"
            )


def _check_classes(parts: dict[str, Dataset]) -> None:
    """Every class has a training example: each name that is declared, each label that occurs anywhere."""
    train = parts["train"]
    labels = {name: np.asarray(part.targets) for name, part in parts.items()}
    classes = len(train.classes) or 1 + max(int(values.max()) for values in labels.values())
    counts = np.bincount(labels["train"], minlength=classes)
    missing = np.flatnonzero(counts == 0)
    if not len(missing):
        return
    label = int(missing[0])
    called = f" ({train.classes[label]})" if train.classes else ""
    elsewhere = [
        f"; {name} has one in row {rows[0]}"
        for name, values in labels.items()
        if len(rows := np.flatnonzero(values == label))
    ]
    raise DataError(f"{_where(train, 'train')}: no example of class {label}{called}{''.join(elsewhere)}")


def _labelled(dataset: Dataset) -> bool:
    targets = dataset.targets
    return isinstance(targets, np.ndarray | jax.Array) and targets.ndim == 1 and targets.dtype.kind in "iu"


def _where(dataset: Dataset, part: str) -> str:
    name = dataset.name or "data"
    return f"{name} ({part})" if part else name


def _refuse(where: str, name: str, array: np.ndarray, bad, wanted: str) -> None:
    """Raises for the first entry of `array` of which `bad` is true."""
    place = _first(array, bad, None)
    if place is None:
        return
    index = [int(axis) for axis in place]
    raise DataError(f"{where}, row {index[0]}: {name}{index} is {array[place]}; {wanted}")


def _first(array: np.ndarray, bad, otherwise):
    """The index of the first bad entry, block by block so that the masks stay small."""
    rows = max(1, BLOCK_BYTES // max(1, array[:1].size))
    for start in range(0, len(array), rows):
        mask = bad(array[start : start + rows])
        if mask.any():
            place = np.unravel_index(int(mask.argmax()), mask.shape)
            return (start + int(place[0]), *place[1:])
    return otherwise
