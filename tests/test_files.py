import numpy as np
import pytest
from PIL import Image

from nnjax.data import files
from nnjax.errors import DataError


@pytest.mark.parametrize("name", ["mine.npz", "mine.CSV", "folder/", "./digits", "/nowhere/at/all"])
def test_paths_look_like_paths_whether_they_are_there_or_not(name):
    assert files.is_path(name)


def test_a_bare_word_is_a_path_only_if_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not files.is_path("pictures")
    (tmp_path / "pictures").mkdir()
    assert files.is_path("pictures")
    assert files.is_path(tmp_path)


def test_each_kind_of_file_has_its_reader(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(2), y=[0, 1])
    (tmp_path / "b.csv").write_text("1,2,0\n3,4,1\n")
    (tmp_path / "c" / "cat").mkdir(parents=True)
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(tmp_path / "c" / "cat" / "1.png")
    read = {name: files.reader(tmp_path / name)() for name in ("a.npz", "b.csv", "c")}
    np.testing.assert_array_equal(read["a.npz"].inputs, np.eye(2))
    np.testing.assert_array_equal(read["b.csv"].inputs, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(read["c"].inputs, np.full((1, 2, 2), 7))
    assert not any(files.own_parts(tmp_path / name) for name in read)


def test_what_has_no_reader(tmp_path):
    with pytest.raises(DataError, match=r"a.npz: no such file or folder"):
        files.reader(tmp_path / "a.npz")
    (tmp_path / "a.pickle").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(
        DataError, match=r"a.pickle: wanted a folder of images or WAV files, or a file ending in .npz, .csv"
    ):
        files.reader(tmp_path / "a.pickle")
