import numpy as np
import pytest

from nnjax.data.ts_files import parse_ts, ts_dataset
from nnjax.errors import DataError

TEXT = """#a remark
@problemName Two
@timeStamps false
@classLabel true yes no
@data
1,2,3:4,5,6:no
-1e-3,0.5:7,8:yes
"""


def test_two_examples_by_hand(tmp_path):
    (tmp_path / "two.ts").write_text(TEXT)
    dataset = ts_dataset(tmp_path / "two.ts")
    np.testing.assert_array_equal(dataset.inputs.values[0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_allclose(dataset.inputs.values[1], [[-1e-3, 7], [0.5, 8], [0, 0]])
    np.testing.assert_array_equal(dataset.inputs.lengths, [3, 2])
    np.testing.assert_array_equal(dataset.targets, [1, 0])
    assert dataset.classes == ("yes", "no")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("7,8:yes", "7,8,9:yes", r"line 7: its channels differ in length: \[2, 3\]"),
        ("7,8:yes", "7,?:yes", "line 7: could not convert string to float"),
        ("7,8:yes", "7,nan:yes", "line 7: a number is not finite"),
        ("-1e-3,0.5:7,8:yes", "1,2:yes", "line 7: 1 channels, and the first has 2"),
        ("-1e-3,0.5:7,8:yes", "3", "line 7: wanted channels and a class"),
        ("@timeStamps false", "@timeStamps true", "line 3: series with times"),
        ("@classLabel true", "@classLabel false", "line 4: wanted a file with class labels"),
        ("#a remark", "a remark", "line 1: 'a' is neither"),
        ("@data", "#data", "line 6: '1,2,3:4,5,6:no' is neither"),
    ],
)
def test_what_is_wrong_is_named_by_line(old, new, words):
    text = TEXT.replace(old, new)
    with pytest.raises(DataError, match=words):
        parse_ts("f.ts", text.encode())


def test_a_file_without_examples_is_refused(tmp_path):
    (tmp_path / "none.ts").write_bytes(b"\x00\xff" * 10)
    with pytest.raises(DataError, match=r"none\.ts"):
        ts_dataset(tmp_path / "none.ts")
