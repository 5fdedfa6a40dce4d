import numpy as np
import pytest

from nnjax.data.labels import encode, one_hot
from nnjax.errors import DataError


def test_labels_point_at_their_names():
    names = ["pear", "apple", "pear", "fig"]
    labels, classes = encode(names)
    assert [classes[label] for label in labels] == names
    assert classes == ("apple", "fig", "pear")
    assert labels.dtype == np.int32


def test_whole_numbers_sort_as_numbers_and_mixtures_as_text():
    assert encode([10, 9, -1])[1] == ("-1", "9", "10")
    assert encode(["10", "9", "b"])[1] == ("10", "9", "b")


def test_given_classes_keep_their_order_and_strangers_are_named():
    np.testing.assert_array_equal(encode(["a", "b"], ("b", "a"))[0], [1, 0])
    with pytest.raises(DataError, match="row 1: 'c' is not one of the 2 classes"):
        encode(["a", "c"], ("b", "a"))


def test_one_hot_is_rows_of_the_identity():
    labels = np.array([3, 0, 3, 1], np.uint8)
    np.testing.assert_array_equal(one_hot(labels, 4), np.eye(4)[labels])
    assert one_hot(labels, 5).shape == (4, 5)
    assert one_hot(labels, 4).dtype == np.float32


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, -1], "row 2: the label -1 is not one of 0 to 2"),
        ([0, 3], "row 1: the label 3"),
        ([0.0, 1.0], "must be integers"),
        ([[0], [1]], r"got int64 \[2, 1\]"),
    ],
)
def test_labels_out_of_range_are_refused_by_row(labels, words):
    with pytest.raises(DataError, match=words):
        one_hot(np.array(labels), 3)
