import gzip
import os
import struct

import numpy as np
import pytest

from nnjax.data import mnist
from nnjax.data.mnist import SOURCES, mnist_like
from nnjax.errors import ConfigError, DamagedError, DataError

PACKAGE = "/usr/share/datasets/fashion-mnist"


def write_set(folder, counts=(("train", 5, 5), ("t10k", 3, 3))):
    """Four IDX files in the form of MNIST, with 4x4 images."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for part, images, labels in counts:
        pixels = rng.integers(0, 256, (images, 4, 4), np.uint8)
        header = struct.pack(">4I", 0x803, images, 4, 4)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        header = struct.pack(">2I", 0x801, labels)
        values = bytes(range(labels))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(header + values))
    return folder


def test_the_users_own_folder_is_read_part_by_part(nowhere):
    folder = write_set(nowhere / "own")
    train, test = (mnist_like("mnist", part, folder) for part in ("train", "test"))
    np.testing.assert_array_equal(train.targets, [0, 1, 2, 3, 4])
    assert (len(test), test.inputs.shape[1:]) == (3, (4, 4))
    assert (train.inputs.dtype, train.targets.dtype) == (np.uint8, np.int32)
    expected = np.random.default_rng(0).integers(0, 256, (5, 4, 4), np.uint8)
    np.testing.assert_array_equal(train.inputs, expected)


def test_a_set_that_is_not_the_published_one_is_refused_where_the_name_promises_it(nowhere):
    write_set(nowhere / "data" / "mnist")
    digest = SOURCES["mnist"].files["train", "images"].content_sha256
    with pytest.raises(DamagedError, match=f"train-images-idx3-ubyte: .*{digest} was wanted"):
        mnist_like("mnist")


def test_nowhere_to_be_found_names_every_way(nowhere, monkeypatch):
    monkeypatch.setitem(
        SOURCES, "fashion_mnist", SOURCES["fashion_mnist"]._replace(packages={str(nowhere): "apt install it"})
    )
    with pytest.raises(DataError, match=r"(?s)fashion_mnist is not on this machine.*apt install it.*OFFLINE"):
        mnist_like("fashion_mnist")


@pytest.mark.parametrize("counts", [(("train", 5, 4), ("t10k", 3, 3)), (("train", 0, 1), ("t10k", 3, 3))])
def test_as_many_labels_as_images(nowhere, counts):
    with pytest.raises(DataError, match="as many labels"):
        mnist_like("mnist", path=write_set(nowhere / "own", counts))


def test_unknown_parts_and_names_are_refused(nowhere):
    with pytest.raises(
        ConfigError, match="wanted 'train' or 'test' of one of mnist, fashion_mnist; got 'valid'"
    ):
        mnist_like("mnist", "valid")
    with pytest.raises(ConfigError, match="of 'kmnist'"):
        mnist_like("kmnist")


def test_the_digests_are_digests_and_all_different():
    digests = [digest for source in SOURCES.values() for file in source.files.values() for digest in file[2:]]
    assert len(set(digests)) == len(digests) == 16
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
    assert all(len(source.classes) == 10 for source in mnist.SOURCES.values())


@pytest.mark.skipif(not os.path.isdir(PACKAGE), reason="needs the Debian package dataset-fashion-mnist")
def test_fashion_mnist_from_the_package_is_the_published_one(nowhere):
    test = mnist_like("fashion_mnist", "test")
    assert test.inputs.shape == (10_000, 28, 28)
    np.testing.assert_array_equal(np.bincount(test.targets), [1000] * 10)
    assert test.classes[test.targets[0]] == "ankle boot"
    assert (test.inputs.min(), test.inputs.max()) == (0, 255)
