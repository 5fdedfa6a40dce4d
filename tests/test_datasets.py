import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image

from nnjax.data.datasets import LOADERS, load, load_splits, names
from nnjax.errors import ConfigError, DataError

PACKAGE = "/usr/share/datasets/fashion-mnist"


FROM_FILES = (
    "mnist",
    "fashion_mnist",
    "japanese_vowels",
    "tiny_shakespeare",
    "jsb_chorales",
    "jsb_soprano",
    "kanji",
)


@pytest.mark.parametrize("name", [name for name in LOADERS if name not in FROM_FILES])
def test_every_name_loads_a_set_of_that_name(name):
    dataset = load(name)
    assert dataset.name == name
    lengths = {len(leaf) for leaf in jax.tree.leaves((dataset.inputs, dataset.targets))}
    assert lengths == {len(dataset)}
    assert len(dataset) > 0
    assert name in names()


def test_names_may_be_written_otherwise():
    np.testing.assert_array_equal(load("XOR-cloud").inputs, load("xor_cloud").inputs)


def test_the_seed_and_the_options_reach_the_generator():
    first, other = (
        load("spiral", samples=30, noise=0.2, seed=1),
        load("spiral", samples=30, noise=0.2, seed=2),
    )
    assert len(first) == 30
    assert not np.array_equal(first.inputs, other.inputs)
    np.testing.assert_array_equal(load("iris", seed=1).inputs, load("iris", seed=2).inputs)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("mnoons", {}, "no data set is called 'mnoons', did you mean 'moons'?; the names are and, or, xor"),
        ("zzz", {}, "no data set is called 'zzz'; the names are"),
        (
            "moons",
            {"sample": 3},
            "moons has no option 'sample', did you mean 'samples'?; it takes noise, samples",
        ),
        ("iris", {"path": "x"}, "iris has no option 'path'; it takes no options"),
        ("mnist", {"part": "valid"}, "wanted 'train' or 'test'"),
    ],
)
def test_unknown_names_and_options_have_a_suggestion(name, options, words):
    with pytest.raises(ConfigError) as caught:
        load(name, **options)
    assert words in str(caught.value)


def test_a_path_that_is_not_there_is_a_data_error():
    with pytest.raises(DataError, match=r"mine.npz: no such file"):
        load("mine.npz")


def test_the_users_files_load_with_their_options(tmp_path):
    (tmp_path / "t.csv").write_text("kind,a\nx,1\ny,2\n")
    assert load(str(tmp_path / "t.csv"), label="kind").classes == ("x", "y")
    with pytest.raises(ConfigError, match=r"has no option 'lable', did you mean 'label'"):
        load(tmp_path / "t.csv", lable="kind")
    (tmp_path / "c" / "cat").mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "c" / "cat" / "1.png")
    assert load(f"{tmp_path}/c/", shape=(2, 2)).inputs.shape == (1, 2, 2)


def test_an_official_test_part_is_kept_or_left_out(tmp_path):
    path = tmp_path / "own.npz"
    train, test = np.arange(20.0)[:, None], np.arange(100.0, 104)[:, None]
    np.savez(path, x_train=train, y_train=np.arange(20) % 2, x_test=test, y_test=np.arange(4) % 2)
    parts = load_splits(str(path), valid=0.2)
    np.testing.assert_array_equal(parts.test.inputs, test)
    assert (len(parts.train), len(parts.valid)) == (16, 4)
    drawn = load_splits(str(path), valid=0.2, test=0.25)
    assert (len(drawn.train), len(drawn.valid), len(drawn.test)) == (11, 4, 5)
    assert drawn.test.inputs.max() < 20


def test_an_official_validation_part_is_kept_or_left_out():
    own = load_splits("python_reference", length=50)
    np.testing.assert_array_equal(own.valid.inputs, load("python_reference", part="valid", length=50).inputs)
    assert own.test is None
    drawn = load_splits("python_reference", valid=10, test=20, length=50)
    assert (len(drawn.valid), len(drawn.test), len(drawn.train)) == (10, 20, len(own.train) - 30)


def test_splits_of_a_set_without_a_test_part_are_those_of_split():
    first, again, other = (
        load_splits("iris", seed=1),
        load_splits("iris", seed=1),
        load_splits("iris", seed=2),
    )
    np.testing.assert_array_equal(first.test.inputs, again.test.inputs)
    assert not np.array_equal(first.test.inputs, other.test.inputs)
    assert [len(part) for part in first[:3]] == [105, 15, 30]


@pytest.mark.skipif(not os.path.isdir(PACKAGE), reason="needs the Debian package dataset-fashion-mnist")
def test_fashion_mnist_in_its_parts():
    parts = load_splits("fashion-mnist", valid=5000)
    assert [len(part) for part in parts[:3]] == [55_000, 5_000, 10_000]
    np.testing.assert_array_equal(np.bincount(parts.valid.targets), [500] * 10)


def test_loading_imports_no_image_library_and_no_scikit_learn_until_needed():
    code = (
        "import sys; from nnjax.data.datasets import load; load('moons'); "
        "print([name for name in ('sklearn', 'PIL', 'pooch', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
