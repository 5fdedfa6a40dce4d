import shutil

import numpy as np
import pytest
from PIL import Image

from nnjax.data import image_files
from nnjax.data.image_files import image_folder, read_image
from nnjax.errors import DamagedError, DataError

GREY = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".pgm"])
def test_pixels_come_as_they_lie(tmp_path, suffix):
    image = read_image(save(tmp_path / f"grey{suffix}", GREY))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, GREY)


def test_colours_come_in_the_order_red_green_blue(tmp_path):
    path = save(tmp_path / "colour.png", np.array([[[255, 0, 10], [0, 128, 0]]], np.uint8))
    np.testing.assert_array_equal(read_image(path), [[[255, 0, 10], [0, 128, 0]]])
    # ITU-R 601: 0.299 R + 0.587 G + 0.114 B
    np.testing.assert_allclose(read_image(path, (1, 2)), [[77.4, 75.1]], atol=1)
    assert read_image(save(tmp_path / "grey.png", GREY), (2, 3, 3))[1, 0].tolist() == [153, 153, 153]


def test_the_range_and_type_of_the_data_set(tmp_path):
    path = save(tmp_path / "grey.png", GREY)
    digits = read_image(path, (2, 3), (0.0, 16.0))
    np.testing.assert_array_equal(digits, [[0, 3, 6], [10, 13, 16]])  # 16 p / 255, rounded
    assert digits.dtype == np.uint8
    floats = read_image(path, (2, 3, 1), (-1.0, 1.0), np.float32)
    np.testing.assert_allclose(floats[..., 0], [[-1, -0.6, -0.2], [0.2, 0.6, 1]], atol=1e-6)
    np.testing.assert_array_equal(read_image(path, invert=True), 255 - GREY)


def test_shrinking_averages(tmp_path):
    checks = np.kron([[0, 1], [1, 0]], np.ones((1, 1))) * 255
    path = save(tmp_path / "checks.png", np.tile(checks, (16, 16)).astype(np.uint8))
    np.testing.assert_allclose(read_image(path, (4, 4)), 127.5, atol=4)  # a nearest pixel would be 0 or 255


def test_transparency_is_white_and_a_photograph_is_turned(tmp_path):
    transparent = np.zeros((1, 2, 4), np.uint8)
    transparent[0, 0, 3] = 255
    path = save(tmp_path / "ink.png", transparent)
    np.testing.assert_array_equal(read_image(path, (1, 2)), [[0, 255]])
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    np.testing.assert_array_equal(
        read_image(save(tmp_path / "turned.png", GREY, exif=exif)), GREY[::-1, ::-1]
    )


def test_sixteen_bits_become_eight(tmp_path):
    path = save(tmp_path / "deep.png", GREY.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(path), GREY)
    with pytest.raises(DataError, match="floats of no known range"):
        read_image(save(tmp_path / "float.tif", GREY.astype(np.float32)))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".webp", ".ppm", ".tif"])
def test_truncated_images_are_refused(tmp_path, suffix):
    rng = np.random.default_rng(0)
    path = save(tmp_path / f"whole{suffix}", rng.integers(0, 256, (24, 24, 3), np.uint8))
    whole = path.read_bytes()
    for length in (0, 1, 10, len(whole) // 4, len(whole) // 2, len(whole) * 9 // 10):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError, match=r"whole.*not a sound image"):
            read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".webp", ".tif"])
def test_flipped_bytes_are_read_or_refused_and_nothing_else(tmp_path, suffix):
    rng = np.random.default_rng(1)
    path = save(tmp_path / f"flipped{suffix}", rng.integers(0, 256, (6, 6, 3), np.uint8))
    whole = path.read_bytes()
    for place in rng.integers(0, len(whole), 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xA5]) + whole[place + 1 :])
        try:
            image = read_image(path, (6, 6))
        except (DamagedError, DataError):
            continue
        assert image.shape == (6, 6)


def test_an_image_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "wide.png", np.zeros((100, 101), np.uint8))
    monkeypatch.setattr(image_files, "MAX_PIXELS", 10_000)
    with pytest.raises(DamagedError, match="101 x 100 pixels; the most is 10,000"):
        read_image(path)


def test_a_program_in_postscript_is_not_an_image(tmp_path):
    path = tmp_path / "page.png"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    with pytest.raises(DamagedError, match=r"page.png: not a sound image \(UnidentifiedImageError"):
        read_image(path)


@pytest.mark.parametrize("shape", [(64,), (8, 8, 2), (0, 8), (1, 8, 8, 3)])
def test_shapes_that_no_image_has(tmp_path, shape):
    with pytest.raises(DataError, match="an image has the shape"):
        read_image(save(tmp_path / "grey.png", GREY), shape)


def test_a_folder_by_class(tmp_path):
    for name, level in (("b/2.png", 3), ("b/10.png", 2), ("a/x.jpg", 1)):
        save(tmp_path / "set" / name, np.full((4, 5), 40 * level, np.uint8))
    (tmp_path / "set" / "README.txt").write_text("beside the classes, anything may lie")
    (tmp_path / "set" / "a" / ".DS_Store").write_text("")
    (tmp_path / "set" / ".hidden").mkdir()
    dataset = image_folder(tmp_path / "set")
    assert (dataset.name, dataset.classes, dataset.value_range) == ("set", ("a", "b"), (0.0, 255.0))
    np.testing.assert_array_equal(dataset.inputs[:, 0, 0], [40, 80, 120])
    np.testing.assert_array_equal(dataset.targets, [0, 1, 1])
    assert (dataset.inputs.shape, dataset.inputs.dtype) == ((3, 4, 5), np.uint8)


def test_a_divided_folder_has_the_same_classes_in_both_parts(tmp_path):
    for name in ("train/b/1.png", "train/c/1.png", "test/c/1.png", "train/a/1.png"):
        save(tmp_path / name, GREY)
    test = image_folder(tmp_path, "test")
    assert test.classes == image_folder(tmp_path).classes == ("a", "b", "c")
    np.testing.assert_array_equal(test.targets, [2])


def test_images_of_other_shapes_are_named_or_resized(tmp_path):
    save(tmp_path / "a" / "1.png", GREY)
    odd = save(tmp_path / "b" / "2.png", GREY.T)
    with pytest.raises(
        DataError, match=r"2.png: its shape is \[3, 2\], and that of 1.png is \[2, 3\]; give shape="
    ):
        image_folder(tmp_path)
    assert image_folder(tmp_path, shape=(2, 2)).inputs.shape == (2, 2, 2)
    save(odd, np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(DataError, match=r"its shape is \[2, 3, 3\]"):
        image_folder(tmp_path)


def test_folders_that_are_no_data_set(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        image_folder(tmp_path / "typo")
    save(tmp_path / "loose.png", GREY)
    with pytest.raises(DataError, match="wanted one subfolder of images for each class"):
        image_folder(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="a: no images of this class"):
        image_folder(tmp_path)
    shutil.copy(tmp_path / "loose.png", tmp_path / "a" / "notes.docx")
    with pytest.raises(DataError, match=r"notes.docx: not an image; the suffixes read are .png"):
        image_folder(tmp_path)


def test_a_truncated_image_in_a_folder_is_named(tmp_path):
    path = save(tmp_path / "a" / "broken.png", GREY)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DamagedError, match=r"a/broken.png: not a sound image"):
        image_folder(tmp_path)


def test_a_folder_of_more_than_one_group_is_read_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "AT_ONCE", 3)
    for i in range(8):
        save(tmp_path / "a" / f"{i}.png", np.full((2, 2), 20 * i, np.uint8))
    assert image_folder(tmp_path).inputs[:, 0, 0].tolist() == [20 * i for i in range(8)]


def test_a_folder_that_is_too_large_says_what_would_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_BYTES", 150)
    for i in range(3):
        save(tmp_path / "a" / f"{i}.png", np.zeros((10, 10), np.uint8))
    wanted = r"3 images of .* are 300 bytes.* 150; 1 such images would fit, or all of them with a height of 7"
    with pytest.raises(DataError, match=wanted):
        image_folder(tmp_path)
