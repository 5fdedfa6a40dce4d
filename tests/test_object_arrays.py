import contextlib
import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from nnjax.data import object_arrays
from nnjax.data.object_arrays import read_object_arrays
from nnjax.errors import DamagedError

RNG = np.random.default_rng(0)
ARRAYS = [
    RNG.normal(size=(3, 4)).astype(np.float16),
    np.asfortranarray(RNG.normal(size=(2, 5))),
    np.arange(6, dtype=">i4").reshape(2, 3),
    np.array([np.nan, 1.0], np.float32),
]


def objects(arrays):
    filled = np.empty(len(arrays), object)
    filled[:] = arrays
    return filled


def written(path, arrays, program=None):
    """A .npz file of an array of objects, as numpy writes it, or with another pickle in it."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, objects(arrays), allow_pickle=True)
    content = stream.getvalue()
    if program is not None:
        content = content[: 10 + int.from_bytes(content[8:10], "little")] + program
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.npy", content)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_gives_what_unpickling_would(tmp_path, protocol):
    program = pickle.dumps(objects(ARRAYS), protocol)
    read = read_object_arrays(written(tmp_path / "a.npz", ARRAYS, program))["train"]
    for one, again in zip(ARRAYS, read, strict=True):
        np.testing.assert_array_equal(one, again)
        assert again.dtype == one.dtype.newbyteorder("=")


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_hostile_file_runs_nothing(tmp_path, protocol):
    ran = tmp_path / "ran"
    program = pickle.dumps(objects([ARRAYS[0], Hostile(ran)]), protocol)
    with pytest.raises(DamagedError, match=r"a\.npz: 'train\.npy' in it is not a list of arrays of numbers"):
        read_object_arrays(written(tmp_path / "a.npz", ARRAYS, program))
    assert not ran.exists()


@pytest.mark.parametrize(
    "value",
    [
        objects([{"a": 1}]),
        objects(["text"]),
        objects([ARRAYS[0], None]),
        objects([np.array(["text"])]),
        objects([objects(ARRAYS)]),
        np.array([[objects, 1]], dtype=object)[:, 1:],
        [1, 2],
        ARRAYS[0],
    ],
    ids=["dict", "str", "none", "strings", "nested", "matrix", "list", "plain"],
)
def test_anything_but_lists_of_arrays_is_refused(tmp_path, value):
    with pytest.raises(DamagedError, match=r"not a list of arrays"):
        read_object_arrays(written(tmp_path / "a.npz", ARRAYS, pickle.dumps(value, 2)))


def test_every_truncation_and_many_flips_are_refused_or_read_but_never_worse(tmp_path):
    program = pickle.dumps(objects(ARRAYS), 2)
    for length in range(0, len(program), 7):
        with pytest.raises(DamagedError, match="train"):
            read_object_arrays(written(tmp_path / "a.npz", ARRAYS, program[:length]))
    for _ in range(300):
        flipped = bytearray(program)
        flipped[RNG.integers(len(program))] ^= 1 << RNG.integers(8)
        with contextlib.suppress(DamagedError):
            read_object_arrays(written(tmp_path / "a.npz", ARRAYS, bytes(flipped)))


def test_one_array_named_many_times_does_not_fill_the_memory(tmp_path):
    large = np.zeros(2**20, np.float64)
    with pytest.raises(DamagedError, match="bytes of arrays"):
        read_object_arrays(
            written(tmp_path / "a.npz", [large] * 100, pickle.dumps(objects([large] * 100), 3))
        )


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    with pytest.raises(DamagedError, match=r"a\.npz: not a sound \.npz file"):
        read_object_arrays(tmp_path / "a.npz")


def test_a_program_that_is_too_long_is_refused(tmp_path, monkeypatch):
    arrays = np.empty(2, object)
    arrays[:] = [np.ones(2), np.ones(3)]
    np.savez(tmp_path / "a.npz", train=arrays)
    monkeypatch.setattr(object_arrays, "MAX_INSTRUCTIONS", 10)
    with pytest.raises(DamagedError, match="too many instructions"):
        read_object_arrays(tmp_path / "a.npz")
