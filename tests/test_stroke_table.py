import numpy as np
import pytest

from nnjax.data.stroke_table import stroke_table
from nnjax.errors import DataError

TABLE = """drawing,stroke,x,y,label
one,1,0,0,cross
one,1,4,0,cross
one,2,2,-2,cross
one,2,2,3,cross
two,1,7,7,dot
"""


def written(folder, text=TABLE):
    (folder / "t.csv").write_text(text)
    return folder / "t.csv"


def test_two_drawings_by_hand(tmp_path):
    dataset = stroke_table(written(tmp_path))
    assert dataset.classes == ("cross", "dot")
    np.testing.assert_array_equal(dataset.targets, [0, 1])
    np.testing.assert_array_equal(dataset.inputs.lengths, [4, 1])
    np.testing.assert_allclose(dataset.inputs.values[0], [[0, 0, 0], [8, 0, 1], [-4, -4, 0], [0, 10, 1]])
    np.testing.assert_allclose(dataset.inputs.values[1, 0], [0, 0, 1])


def test_columns_may_lie_otherwise_and_labels_be_absent(tmp_path):
    lines = ["x,y,stroke,drawing"] + [
        ",".join(np.array(line.split(","))[[2, 3, 1, 0]]) for line in TABLE.splitlines()[1:]
    ]
    dataset = stroke_table(written(tmp_path, "\n".join(lines)))
    assert dataset.classes == ("drawing",)
    np.testing.assert_allclose(dataset.inputs.values[0, 3], [0, 10, 1])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("stroke,x", "pen,x", "line 1: .*missing stroke"),
        ("one,1,4,0", "one,1,four,0", "line 3: x 'four'"),
        ("one,1,4,0", "one,1,inf,0", "line 3: x 'inf'"),
        ("one,1,4,0,cross", "one,1,4,0", "line 3: 4 cells"),
        ("one,2,2,3,cross", "one,2,2,3,star", "line 5: drawing 'one' has the labels 'cross' and 'star'"),
        ("one,1,4,0,cross", "two,1,4,0,dot", "line 4: drawing 'one' comes back after 'two'"),
        (TABLE.split("\n", 1)[1], "", "no points"),
    ],
)
def test_what_is_wrong_is_named_by_line(tmp_path, old, new, words):
    with pytest.raises(DataError, match=words):
        stroke_table(written(tmp_path, TABLE.replace(old, new, 1)))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"drawing,stroke,x,y\n\xff")
    with pytest.raises(DataError, match="not text in UTF-8"):
        stroke_table(tmp_path / "t.csv")
