import dataclasses
import time

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from nnjax.data.checks import check_dataset, check_splits
from nnjax.data.datasets import LOADERS, load, load_splits
from nnjax.data.scaling import standardise
from nnjax.errors import DataError
from nnjax.types import Dataset, Splits
from tests.test_datasets import FROM_FILES

TABLE = np.arange(12, dtype=np.float32).reshape(4, 3)
LABELS = np.array([0, 1, 2, 1], np.int32)
GOOD = Dataset(TABLE, LABELS, "good", ("a", "b", "c"))


def changed(array, place, value, dtype=None):
    array = np.array(array, dtype)
    array[place] = value
    return array


@pytest.mark.parametrize("name", [name for name in LOADERS if name not in (*FROM_FILES, "and", "or", "xor")])
def test_every_set_passes_split_and_standardised(name):
    splits = load_splits(name)
    check_splits(splits)
    if not splits.train.inputs.dtype == splits.train.targets.dtype == np.uint8:  # the symbols of a text
        check_splits(standardise(splits))


def test_gates_and_other_good_data_pass():
    check_splits(Splits(load("xor")))
    for good in (
        GOOD,
        dataclasses.replace(GOOD, weights=np.array([0.0, 1, 2, 3])),
        dataclasses.replace(GOOD, targets=np.eye(4)[:, :3]),
        Dataset(TABLE > 3, LABELS),
        Dataset(TABLE.astype(ml_dtypes.bfloat16), TABLE.astype(np.float16)),
        Dataset(jnp.asarray(TABLE), jnp.asarray(LABELS)),
        Dataset({"values": TABLE, "lengths": np.array([1, 2, 3, 3])}, LABELS),
        Dataset(TABLE, np.array([0, 2**31 - 1, 5, 5])),
    ):
        check_dataset(good)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": changed(TABLE, (2, 1), np.nan)}, r"row 2: inputs\[2, 1\] is nan; wanted finite numbers"),
        ({"inputs": changed(TABLE, (3, 0), -np.inf)}, r"row 3: inputs\[3, 0\] is -inf"),
        ({"inputs": changed(TABLE, (1, 2), np.nan, ml_dtypes.bfloat16)}, r"row 1: inputs\[1, 2\] is nan"),
        (
            {"inputs": changed(TABLE, (1, 2), 1e39, np.float64)},
            r"row 1: inputs\[1, 2\] is 1e\+39; too large for float32",
        ),
        (
            {"inputs": changed(TABLE, (0, 1), 2**40, np.int64)},
            r"row 0: inputs\[0, 1\] is 1099511627776; too large for int32",
        ),
        ({"inputs": changed(TABLE, (3, 1), 2j, complex)}, "row 3: inputs are complex"),
        ({"inputs": TABLE.astype(str)}, "row 0: inputs have the type <U32"),
        ({"inputs": TABLE.tolist()}, "inputs/0/0 must be arrays, got float"),
        ({"inputs": np.zeros((4, 0))}, r"row 0: inputs are empty, of shape \[4, 0\]"),
        ({"inputs": TABLE[:3]}, "number of examples: inputs has 3, targets has 4"),
        ({"inputs": np.float32(3)}, "inputs must be arrays, got float32"),
        ({"inputs": np.array(3)}, r"inputs must be an array \[N, ...\], got a single number"),
        ({"inputs": None}, "no inputs"),
        ({"targets": None}, "no targets"),
        ({"targets": changed(LABELS, 3, -1)}, r"row 3: targets\[3\] is -1; labels start at 0"),
        ({"targets": changed(LABELS, 2, 3)}, r"row 2: targets\[2\] is 3; the last of the 3 classes is 2"),
        (
            {"targets": changed(LABELS, 1, 0.5, np.float32)},
            r"row 1: targets\[1\] is 0.5; labels are whole numbers",
        ),
        (
            {"targets": LABELS.astype(np.float32)},
            r"labels have the type float32; wanted targets.astype\('int32'\)",
        ),
        ({"targets": LABELS > 0}, "targets are booleans"),
        ({"targets": np.array(["a", "b", "c", "a"])}, "row 0: targets have the type <U1"),
        ({"targets": np.eye(4)}, "targets have 4 columns, and there are 3 classes"),
        ({"targets": changed(np.eye(4)[:, :3], (2, 0), np.nan)}, r"row 2: targets\[2, 0\] is nan"),
        ({"targets": LABELS / 2, "classes": ()}, r"must be \[N, M\], got \[4\]; use targets\[:, None\]"),
        ({"weights": np.array([1.0, -2, 1, 1])}, r"row 1: weights\[1\] is -2.0; a weight is not negative"),
        ({"weights": np.zeros(4)}, "all weights are 0"),
        ({"weights": np.ones((4, 1))}, r"weights must be \[N\], got \[4, 1\]"),
        ({"weights": np.ones(3)}, "weights has 3"),
        ({"weights": np.array([1, 1, np.nan, 1])}, r"row 2: weights\[2\] is nan"),
        ({"value_range": (0.0, 10.0)}, r"row 3: inputs\[3, 2\] is 11.0; the set's value range is 0 to 10"),
    ],
)
def test_bad_data_is_refused_by_row(changes, words):
    with pytest.raises(DataError, match=rf"^good \(valid\).*{words}") as caught:
        check_dataset(dataclasses.replace(GOOD, **changes), part="valid")
    assert caught.value.exit_code == 3


def test_no_examples():
    with pytest.raises(DataError, match="good: no examples"):
        check_dataset(GOOD.take(slice(0)))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [np.zeros(3), np.zeros(3), np.zeros(2)],
            r"row 2: inputs are Python objects.*shape is \[2\], and .* \[3\]",
        ),
        ([np.zeros(3), np.array(["a"])], r"row 1: .*it is array\(\['a'\]"),
        ([1.0, None], "row 1: .*it is None"),
        ([[1], [[1], [1, 2]]], "row 1: .*its own rows differ in length"),
        ([1, 2], "row 0: .*convert the array"),
    ],
)
def test_object_arrays_are_refused_at_the_row_that_is_odd(rows, words):
    array = np.empty(len(rows), object)
    array[:] = rows
    with pytest.raises(DataError, match=words):
        check_dataset(Dataset(array, np.zeros(len(rows), int)))


def test_the_row_is_named_beyond_the_first_block():
    inputs = np.zeros((2**16, 600), np.float32)
    inputs[50_001, 599] = np.nan
    with pytest.raises(DataError, match=r"row 50001: inputs\[50001, 599\] is nan"):
        check_dataset(Dataset(inputs, np.zeros(2**16, np.int32)))


def test_a_class_without_training_examples():
    train, test = GOOD.take(LABELS < 2), GOOD.take(LABELS == 2)
    with pytest.raises(
        DataError, match=r"good \(train\): no example of class 2 \(c\); test has one in row 0"
    ):
        check_splits(Splits(train, test=test))
    unnamed = [dataclasses.replace(part, classes=()) for part in (train, test)]
    check_splits(Splits(unnamed[0]))
    with pytest.raises(DataError, match="no example of class 2; test has one in row 0"):
        check_splits(Splits(unnamed[0], test=unnamed[1]))
    with pytest.raises(DataError, match="no example of class 0"):
        check_splits(Splits(Dataset(TABLE, LABELS + 1)))  # labels that start at 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": TABLE[:, :2]}, r"row 0: inputs are float32 \[2\], and those of train are float32 \[3\]"),
        ({"inputs": TABLE.astype(np.uint8)}, r"inputs are uint8 \[3\], and those of train are float32 \[3\]"),
        ({"inputs": {"a": TABLE}}, "it has inputs/a, targets, and train has inputs, targets"),
        ({"targets": np.eye(4, 3)}, r"targets are float64 \[3\], and those of train are int32 \[\]"),
        ({"classes": ("a", "b", "d")}, r"its classes are \('a', 'b', 'd'\), and those of train"),
    ],
)
def test_parts_fit_together(changes, words):
    with pytest.raises(DataError, match=rf"^good \(test\).*{words}"):
        check_splits(Splits(GOOD, test=dataclasses.replace(GOOD, **changes)))


def test_bad_rows_are_named_in_their_part():
    bad = dataclasses.replace(GOOD, inputs=changed(TABLE, (1, 0), np.nan))
    with pytest.raises(DataError, match=r"good \(valid\), row 1"):
        check_splits(Splits(GOOD, valid=bad))


def test_sixty_thousand_images_take_no_time():
    images = np.zeros((60_000, 28, 28), np.float32)
    dataset = Dataset(images, np.arange(60_000, dtype=np.int32) % 10, value_range=(0.0, 1.0))
    start = time.perf_counter()
    check_splits(Splits(dataset))
    assert time.perf_counter() - start < 2.0  # a loop over rows in Python would take a minute
