"""Checks of sequences: lengths by row, and padding that may hold anything."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from nnjax.data.checks import check_dataset, check_splits
from nnjax.data.sequence_checks import without_padding
from nnjax.errors import DataError
from nnjax.types import Dataset, Sequences, Splits


def some(lengths=(3, 1), steps=3, dtype=np.int32, targets=None) -> Dataset:
    values = np.ones((2, steps, 2), np.float32)
    targets = np.array([0, 1]) if targets is None else targets
    return Dataset(Sequences(values, np.array(lengths, dtype)), targets, "tones")


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (
            (3, 0),
            r"^tones \(train\), row 1: inputs/lengths\[1\] is 0; wanted 1 to 3, the steps that there are$",
        ),
        ((4, 1), r"row 0: inputs/lengths\[0\] is 4; wanted 1 to 3"),
        ((-1, 1), r"row 0: inputs/lengths\[0\] is -1"),
    ],
)
def test_a_length_is_from_one_to_the_steps_there_are(lengths, message):
    with pytest.raises(DataError, match=message):
        check_splits(Splits(some(lengths)))


def test_lengths_are_integers_one_a_sequence():
    with pytest.raises(DataError, match=r"integer lengths \[N\], got \[2, 3, 2\] with float32 \[2\]"):
        check_dataset(some(dtype=np.float32))
    with pytest.raises(DataError, match=r"got \[2, 3, 2\] with int32 \[3\]"):
        check_dataset(some((1, 1, 1)))
    with pytest.raises(DataError, match="inputs/lengths must be an array, got list"):
        check_dataset(Dataset(Sequences(np.ones((2, 3, 2)), [1, 2]), np.array([0, 1])))


def test_padding_may_hold_anything_and_true_steps_may_not():
    data = some()
    data.inputs.values[1, 1:] = np.nan
    check_dataset(data)
    data.inputs.values[0, 2, 1] = np.nan
    with pytest.raises(DataError, match=r"row 0: inputs/values\[0, 2, 1\] is nan"):
        check_dataset(data)


def test_labels_of_steps():
    labels = np.array([[0, 1, 2], [1, -100, -100]])
    data = some(targets=Sequences(labels, np.array([3, 1])))
    check_dataset(data)
    with pytest.raises(DataError, match=r"targets/values\[0, 2\] is 2; the last of the 2 classes is 1"):
        check_dataset(dataclasses.replace(data, classes=("low", "high")))
    labels[1, 0] = -1
    with pytest.raises(DataError, match=r"row 1: targets/values\[1, 0\] is -1; labels start at 0"):
        check_dataset(data)


def test_parts_may_differ_in_steps_but_not_in_channels():
    check_splits(Splits(some(), some(steps=7)))
    wide = Dataset(Sequences(np.ones((2, 3, 5), np.float32), np.array([3, 1], np.int32)), np.array([0, 1]))
    with pytest.raises(
        DataError, match=r"inputs/values are float32 \[3, 5\], and those of train are .*\[3, 2\]"
    ):
        check_splits(Splits(some(), wide))


def test_what_has_no_padding_is_not_copied():
    data = some((3, 3))
    assert without_padding("", data).inputs.values is data.inputs.values
