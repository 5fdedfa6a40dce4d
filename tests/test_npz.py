import io
import zipfile

import numpy as np
import pytest

from nnjax.data.npz import has_test_part, npz_dataset, npz_inputs, read_npz
from nnjax.errors import DamagedError, DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([0, 2, 1, 2])


def npy(array, **options) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), **options)
    return stream.getvalue()


def archive(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saves_is_read(tmp_path, save):
    path = tmp_path / "set.npz"
    wanted = {
        "fortran": np.asfortranarray(np.eye(3)),
        "scalar": np.array(7),
        "none": np.zeros((0, 2)),
        "text": np.array(["a"]),
    }
    save(path, **wanted)
    read = read_npz(path)
    assert read.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize(
    ("inputs", "targets"), [("inputs", "targets"), ("x", "y"), ("X", "y"), ("images", "labels")]
)
def test_the_usual_names_are_known(tmp_path, inputs, targets):
    np.savez(tmp_path / "mine.npz", **{inputs: IMAGES, targets: LABELS})
    dataset = npz_dataset(tmp_path / "mine.npz")
    np.testing.assert_array_equal(dataset.inputs, IMAGES)
    np.testing.assert_array_equal(dataset.targets, LABELS)
    assert dataset.inputs.dtype == np.uint8
    assert dataset.targets.dtype == np.int32
    assert (dataset.name, dataset.classes, dataset.value_range) == ("mine", ("0", "1", "2"), (0.0, 255.0))


@pytest.mark.parametrize("form", ["{}_{}", "{1}_{0}"])
def test_a_test_part_has_the_classes_of_the_whole_file(tmp_path, form):
    path = tmp_path / "parts.npz"
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:1] + 1, "y_test": LABELS[:1]}
    np.savez(path, **{form.format(*name.split("_")): array for name, array in arrays.items()})
    assert has_test_part(path)
    train, test = npz_dataset(path), npz_dataset(path, part="test")
    np.testing.assert_array_equal(test.inputs, IMAGES[:1] + 1)
    assert train.classes == test.classes == ("0", "1", "2")


def test_text_labels_are_numbered_alike_in_both_parts(tmp_path):
    path = tmp_path / "text.npz"
    np.savez(path, x_train=np.eye(3), y_train=["b", "a", "c"], x_test=np.eye(3)[:1], y_test=np.array([b"c"]))
    np.testing.assert_array_equal(npz_dataset(path).targets, [1, 0, 2])
    np.testing.assert_array_equal(npz_dataset(path, part="test").targets, [2])


def test_what_the_file_says_of_classes_and_range_is_taken(tmp_path):
    np.savez(tmp_path / "said.npz", x=IMAGES, y=LABELS, classes=["ant", "bee", "cat"], value_range=[0, 23])
    dataset = npz_dataset(tmp_path / "said.npz")
    assert (dataset.classes, dataset.value_range) == (("ant", "bee", "cat"), (0.0, 23.0))
    assert not has_test_part(tmp_path / "said.npz")


def test_float_targets_are_columns_and_columns_of_labels_are_labels(tmp_path):
    np.savez(tmp_path / "floats.npz", x=np.eye(4), y=np.array([0.5, 1.5, 2.5, 1e300]))
    dataset = npz_dataset(tmp_path / "floats.npz")
    np.testing.assert_array_equal(dataset.targets[:, 0], np.float32([0.5, 1.5, 2.5, np.inf]))
    assert dataset.classes == ()
    assert dataset.inputs.dtype == np.float32
    np.savez(tmp_path / "column.npz", x=np.eye(4), y=LABELS[:, None].astype(np.uint8))
    np.testing.assert_array_equal(npz_dataset(tmp_path / "column.npz").targets, LABELS)


def test_labels_that_do_not_fit_are_left_for_the_checks(tmp_path):
    np.savez(tmp_path / "large.npz", x=np.eye(2), y=np.array([0, 2**40]))
    assert npz_dataset(tmp_path / "large.npz").targets[1] == 2**40


def test_unknown_names_can_be_given_and_are_listed_if_not(tmp_path):
    path = tmp_path / "odd.npz"
    np.savez(path, faces=IMAGES, moods=LABELS)
    np.testing.assert_array_equal(npz_dataset(path, inputs="faces", targets="moods").targets, LABELS)
    with pytest.raises(DataError, match="wanted inputs and targets; the arrays are faces, moods"):
        npz_dataset(path)
    with pytest.raises(DataError, match="wanted faces and mood; the arrays are faces, moods"):
        npz_dataset(path, inputs="faces", targets="mood")
    with pytest.raises(DataError, match="wanted a test part"):
        npz_dataset(path, part="test")


def test_inputs_alone(tmp_path):
    np.savez(tmp_path / "one.npz", anything=IMAGES)
    np.testing.assert_array_equal(npz_inputs(tmp_path / "one.npz"), IMAGES)
    np.savez(tmp_path / "two.npz", x=IMAGES, other=LABELS)
    np.testing.assert_array_equal(npz_inputs(tmp_path / "two.npz"), IMAGES)
    np.savez(tmp_path / "three.npz", a=IMAGES, b=LABELS)
    with pytest.raises(DataError, match="one called inputs; got a, b"):
        npz_inputs(tmp_path / "three.npz")


def test_pickles_are_refused_and_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    np.savez(tmp_path / "trap.npz", x=np.array([Trap()], object), y=[0])
    assert not (tmp_path / "sprung").exists()
    with pytest.raises(DataError, match=r"trap.npz: array 'x' holds Python objects"):
        npz_dataset(tmp_path / "trap.npz")
    assert not (tmp_path / "sprung").exists()


def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    path = archive(tmp_path / "bomb.npz", [("x.npy", npy(np.zeros(50_000_000, np.uint8)))])
    assert path.stat().st_size < 60_000
    with pytest.raises(DamagedError, match="decompression bomb"):
        read_npz(path)


def test_a_header_that_claims_more_than_there_is_is_refused(tmp_path):
    small = npy(np.zeros(10, np.uint8))
    for claim in (b"(99,)", b"(-1,)", b"(1e9)"):
        content = small.replace(b"(10,)", claim)
        assert content != small
        path = archive(tmp_path / "claim.npz", [("x.npy", content)])
        with pytest.raises(DamagedError, match=r"claim.npz: array 'x'"):
            read_npz(path)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")  # the archive is meant to be wrong
def test_two_arrays_of_a_name_and_other_members_are_refused(tmp_path):
    twice = archive(tmp_path / "twice.npz", [("x.npy", npy(LABELS)), ("x.npy", npy(LABELS))])
    with pytest.raises(DamagedError, match="two arrays of the same name"):
        read_npz(twice)
    climbing = archive(tmp_path / "climbing.npz", [("../../x.txt", b"out")])
    with pytest.raises(DamagedError, match=r"'../../x.txt' in it is not an array"):
        read_npz(climbing)


def test_every_truncation_and_every_flipped_byte_is_refused_or_harmless(tmp_path):
    path = tmp_path / "whole.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).integers(0, 256, (3, 20)).astype(np.uint8))
    whole, wanted = path.read_bytes(), read_npz(path)["x"]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError, match="whole"):
            read_npz(path)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read = list(read_npz(path).values())
        except (DamagedError, DataError):
            continue
        assert all(np.array_equal(array, wanted) for array in read)


def test_missing(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_npz(tmp_path / "none.npz")
