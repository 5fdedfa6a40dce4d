import numpy as np
import pytest
from scipy.io import savemat

from nnjax import load_splits
from nnjax.data import piano_rolls
from nnjax.data.checks import check_splits
from nnjax.data.piano_rolls import mat_piano_rolls, next_frames, piano_roll
from nnjax.errors import ConfigError, DamagedError, DataError

RNG = np.random.default_rng(0)
ROLLS = {
    name: [(RNG.random((length, 88)) < 0.05).astype(np.uint8) for length in lengths]
    for name, lengths in {"traindata": (5, 2, 9), "validdata": (3,), "testdata": (12, 4)}.items()
}


def cells(rolls):
    filled = np.empty((1, len(rolls)), object)
    filled[0, :] = rolls
    return filled


def write(path, rolls=ROLLS, **options):
    savemat(path, {name: cells(values) for name, values in rolls.items()}, **options)
    return path


def test_the_keys_of_a_roll_by_hand():
    roll = piano_roll(np.array([[21.0, 108.0], [np.nan, 60.0], [0.0, np.nan]], np.float16))
    assert [np.flatnonzero(frame).tolist() for frame in roll] == [[0, 87], [39], []]
    with pytest.raises(DataError, match="frame 1: pitch 20 is not"):
        piano_roll(np.array([[60], [20]]))


@pytest.mark.parametrize("compressed", [True, False])
def test_a_matlab_file_gives_its_parts_frame_by_frame(tmp_path, compressed):
    path = write(tmp_path / "music.mat", do_compression=compressed)
    parts = load_splits(path)
    check_splits(parts)
    for name, part in zip(("traindata", "validdata", "testdata"), parts, strict=False):
        assert part.inputs.values.shape == (len(ROLLS[name]), 11, 88)
        for row, roll in enumerate(ROLLS[name]):
            steps = part.inputs.lengths[row]
            assert steps == part.targets.lengths[row] == len(roll) - 1
            np.testing.assert_array_equal(part.inputs.values[row, :steps], roll[:-1])
            np.testing.assert_array_equal(part.targets.values[row, :steps], roll[1:])
            assert not part.targets.values[row, steps:].any()


def test_numbers_of_doubles_are_read_too(tmp_path):
    doubles = {name: [roll.astype(float) for roll in rolls] for name, rolls in ROLLS.items()}
    assert mat_piano_rolls(write(tmp_path / "music.mat", doubles)).inputs.values.dtype == np.uint8


@pytest.mark.parametrize(
    ("name", "rolls", "words"),
    [
        ("testdata", [np.zeros((3, 87))], r"music.mat, testdata, piece 1: wanted numbers \[T, 88\]"),
        ("testdata", [np.zeros((3, 88)), np.full((3, 88), 60)], "testdata, piece 2: wanted zeros and ones"),
        ("testdata", [np.array(["text"])], "testdata, piece 1: wanted numbers"),
        ("other", [np.zeros((3, 88))], "missing testdata"),
    ],
)
def test_what_is_no_roll_is_named(tmp_path, name, rolls, words):
    changed = {key: value for key, value in ROLLS.items() if key != "testdata"} | {name: rolls}
    with pytest.raises(DataError, match=words):
        mat_piano_rolls(write(tmp_path / "music.mat", changed))


def test_damaged_files_and_bombs_are_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "music.mat", do_compression=True)
    whole = path.read_bytes()
    for length in (0, 60, 200, len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:length])
        with pytest.raises((DamagedError, DataError), match=r"music\.mat"):
            mat_piano_rolls(path)
    monkeypatch.setattr(piano_rolls, "MAX_BYTES", 2**22)
    savemat(path, {"bomb": np.zeros(2**20)}, do_compression=True)
    with pytest.raises(DamagedError, match="unpacks to more than"):
        mat_piano_rolls(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises((DamagedError, DataError), match=r"7\.3|not a sound"):
        mat_piano_rolls(path)


def test_other_parts_and_single_frames_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="got 'dev'"):
        mat_piano_rolls(write(tmp_path / "music.mat"), "dev")
    with pytest.raises(DataError, match="row 1: a roll of 1 frames"):
        next_frames([np.zeros((2, 88)), np.zeros((1, 88))])
