"""Labels as the numbers 0 to K - 1, from names and to one-hot rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnjax.errors import DataError


def encode(
    values: Sequence[object], classes: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers names from 0: each becomes its place among the classes.

    Args:
        values: N names or whole numbers.
        classes: The K classes in their order. None: the distinct values, sorted; whole numbers sort as
            numbers, so that 10 follows 9.

    Returns:
        Labels int32 [N], and the classes.

    Raises:
        DataError: If a value is not one of `classes`; the message names the row.

    >>> encode(["cat", "ant", "cat"])
    (array([1, 0, 1], dtype=int32), ('ant', 'cat'))
    """
    texts = [str(value).strip() for value in values]
    if classes is None:
        distinct = set(texts)
        classes = sorted(distinct, key=int) if all(_whole(text) for text in distinct) else sorted(distinct)
    number = {text: label for label, text in enumerate(classes)}
    for row, text in enumerate(texts):
        if text not in number:
            raise DataError(f"row {row}: {text!r} is not one of the {len(number)} classes")
    return np.array([number[text] for text in texts], np.int32), tuple(classes)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """A row of zeros with a one in the column of the label, for each label.

    Args:
        labels: Integers [N] from 0 to `classes` - 1.
        classes: K, the number of classes (static). It is given and not counted from `labels`, since a part
            of the data may lack the last class.

    Returns:
        Float32 [N, K].

    Raises:
        DataError: If a label is not a whole number from 0 to K - 1; the message names the row.

    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"labels must be integers [N], got {labels.dtype} {list(labels.shape)}")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise DataError(f"row {wrong[0]}: the label {labels[wrong[0]]} is not one of 0 to {classes - 1}")
    rows = np.zeros((len(labels), classes), np.float32)
    rows[np.arange(len(labels)), labels] = 1.0
    return rows


def _whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal() and text.isascii()
