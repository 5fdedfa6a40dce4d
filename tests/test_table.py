import numpy as np
import pytest

from nnjax.data import table as table_module
from nnjax.data.table import BLOCK_ROWS, csv_dataset
from nnjax.errors import ConfigError, DataError


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return write


def test_a_table_worked_by_hand(write):
    path = write('length,width,species\n1.5, 2,rose\n\n-3e1,0.25,"lily, white"\n4,5,rose\n')
    dataset = csv_dataset(path)
    np.testing.assert_array_equal(dataset.inputs, np.float32([[1.5, 2], [-30, 0.25], [4, 5]]))
    np.testing.assert_array_equal(dataset.targets, [1, 0, 1])
    assert dataset.classes == ("lily, white", "rose")
    assert (dataset.inputs.dtype, dataset.targets.dtype, dataset.name) == (np.float32, np.int32, "table")


@pytest.mark.parametrize("label", ["kind", 0, -3])
def test_the_label_column_by_name_and_by_number(write, label):
    dataset = csv_dataset(write("kind,a,b\nx,1,2\ny,3,4\n"), label=label)
    np.testing.assert_array_equal(dataset.inputs, [[1, 2], [3, 4]])
    assert dataset.classes == ("x", "y")


def test_without_a_header_the_first_row_is_an_example(write):
    dataset = csv_dataset(write("1,2,x\n3,4,y\n"))
    assert len(dataset) == 2
    np.testing.assert_array_equal(dataset.inputs[0], [1, 2])


@pytest.mark.parametrize(("delimiter", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.tsv")])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_delimiters_and_line_ends(write, delimiter, name, ending):
    rows = [["a", "b", "label"], ["1", "2", "0"], ["3", "4", "1"]]
    dataset = csv_dataset(write(ending.join(delimiter.join(row) for row in rows), name))
    np.testing.assert_array_equal(dataset.inputs, [[1, 2], [3, 4]])


def test_a_byte_order_mark_is_no_part_of_the_first_name(write):
    assert len(csv_dataset(write("a,b\n1,0\n", encoding="utf-8-sig"), label="a")) == 1


def test_number_labels_sort_as_numbers_and_keep_their_names(write):
    dataset = csv_dataset(write("".join(f"0,{label}\n" for label in (10, 9, 2.0, 2))))
    assert dataset.classes == ("2", "9", "10")
    np.testing.assert_array_equal(dataset.targets, [2, 1, 0, 0])


def test_regression_takes_the_column_as_a_quantity(write):
    path = write("1,0.5\n2,-7\n")
    dataset = csv_dataset(path, regression=True)
    np.testing.assert_array_equal(dataset.targets, np.float32([[0.5], [-7]]))
    assert dataset.classes == ()
    with pytest.raises(DataError, match=r"line 1, column '1': '0.5' is no class.*regression=True"):
        csv_dataset(path)


@pytest.mark.parametrize("regression", [False, True])
@pytest.mark.parametrize("header", ["", "y,a,b\n"])
def test_the_quick_way_and_the_slow_way_agree(write, monkeypatch, header, regression):
    path = write(header + "10,1,2.5\n9.0,-3e-2,4\n\n2, 5,6\n10,7,8\n")
    quick, slow = (
        (monkeypatch.setattr(table_module, "LARGE_BYTES", large), csv_dataset(path, 0, regression, (1,)))[1]
        for large in (0, 2**40)
    )
    np.testing.assert_array_equal(quick.inputs, slow.inputs)
    np.testing.assert_array_equal(quick.targets, slow.targets)
    assert quick.targets.dtype == slow.targets.dtype
    assert quick.classes == slow.classes == (() if regression else ("2", "9", "10"))


def test_columns_can_be_dropped(write):
    dataset = csv_dataset(write("id,a,b,y\nno1,1,2,0\nno2,3,4,1\n"), drop=("id", 2))
    np.testing.assert_array_equal(dataset.inputs, [[1], [3]])


@pytest.mark.parametrize("large", [0, 2**40])
def test_many_rows_agree_with_numpy(write, monkeypatch, large):
    monkeypatch.setattr(table_module, "LARGE_BYTES", large)
    rng = np.random.default_rng(0)
    table = np.concatenate(
        [rng.normal(size=(2 * BLOCK_ROWS + 5, 3)), rng.integers(0, 4, (2 * BLOCK_ROWS + 5, 1))], axis=1
    )
    path = write("\n".join(",".join(map(repr, row)) for row in table.tolist()))
    oracle = np.loadtxt(path, delimiter=",")
    dataset = csv_dataset(path)
    np.testing.assert_array_equal(dataset.inputs, oracle[:, :3].astype(np.float32))
    np.testing.assert_array_equal(dataset.targets, oracle[:, 3])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,y\n1,2,0\n1,x,0\n", "line 3, column 'b': 'x' is not a finite number"),
        ("a,b,y\n1,2,0\n1,,0\n", "line 3, column 'b': '' is not a finite number"),
        ("1,2,0\n\n\nnan,2,0\n", "line 4, column '0': 'nan' is not a finite number"),
        ("1,2,0\n1,-inf,0\n", "line 2, column '1': '-inf' is not"),
        ("1,2,0\n1,1e39,0\n", "line 2, column '1': '1e39' is not"),
        ("1,2,0\n1,2\n", "line 2: 2 cells, and the first row has 3"),
        ("1,2,0\n1,2,0,4\n", "line 2: 4 cells"),
        ("a,y\n1,\n", "line 2, column 'y': no label"),
        ("a,y\n1,nan\n", "line 2, column 'y': the label is 'nan'"),
        ("a,y\n", "no examples"),
        ("", "at least one column of inputs"),
        ("1\n2\n", "at least one column of inputs"),
        (b"1,\xff\xfe\n", r"not text in UTF-8 \(byte 2\)"),
        (b"1,0\n1,\x000\n", "line 2, column '1': .* is no name of a class"),
        ('a,y\n1,"' + "z" * 200_000 + '"\n', "not a CSV file .*field"),
    ],
)
@pytest.mark.parametrize("large", [0, 2**40])
def test_bad_tables_are_refused_by_line(write, monkeypatch, text, words, large):
    monkeypatch.setattr(table_module, "LARGE_BYTES", large)
    with pytest.raises(DataError, match=words):
        csv_dataset(write(text))


def test_the_line_is_named_beyond_the_first_block(write):
    rows = ["1,0"] * (BLOCK_ROWS + 7)
    rows[BLOCK_ROWS + 3] = "?,0"
    with pytest.raises(DataError, match=f"line {BLOCK_ROWS + 4}, column '0': '\\?'"):
        csv_dataset(write("\n".join(rows)))


@pytest.mark.parametrize("options", [{"label": "z"}, {"label": 2}, {"drop": ("z",)}])
def test_unknown_columns_are_refused_with_those_there_are(write, options):
    with pytest.raises(ConfigError, match=r"no column ('z'|2); the first row is a, y"):
        csv_dataset(write("a,y\n1,0\n"), **options)


def test_no_input_left(write):
    with pytest.raises(ConfigError, match="no column is left"):
        csv_dataset(write("a,y\n1,0\n"), drop=("a",))
