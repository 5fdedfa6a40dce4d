import numpy as np
import pytest
import sklearn.datasets

from nnjax.data import bundled


def test_digits_are_small_whole_numbers_and_scikit_learns():
    digits = bundled.digits()
    oracle = sklearn.datasets.load_digits()
    assert digits.inputs.dtype == np.uint8
    np.testing.assert_array_equal(digits.inputs.reshape(1797, 64), oracle.data)
    np.testing.assert_array_equal(digits.targets, oracle.target)
    assert (digits.inputs.min(), digits.inputs.max()) == digits.value_range == (0, 16)
    assert digits.classes == tuple("0123456789")


@pytest.mark.parametrize(
    ("load", "examples", "features", "counts"),
    [
        (bundled.iris, 150, 4, [50, 50, 50]),
        (bundled.wine, 178, 13, [59, 71, 48]),
        (bundled.breast_cancer, 569, 30, [212, 357]),
    ],
)
def test_the_classified_tables_have_the_published_sizes(load, examples, features, counts):
    dataset = load()
    assert dataset.inputs.shape == (examples, features)
    np.testing.assert_array_equal(np.bincount(dataset.targets), counts)
    assert len(dataset.classes) == len(counts)
    assert (dataset.inputs.dtype, dataset.targets.dtype) == (np.float32, np.int32)


def test_the_first_iris_is_fishers():
    iris = bundled.iris()
    np.testing.assert_allclose(iris.inputs[0], [5.1, 3.5, 1.4, 0.2], rtol=1e-6)
    assert iris.classes[iris.targets[0]] == "setosa"


def test_the_regressions_have_columns_of_targets():
    diabetes, linnerud = bundled.diabetes(), bundled.linnerud()
    assert diabetes.targets.shape == (442, 1)
    assert diabetes.targets[0, 0] == 151.0
    np.testing.assert_array_equal(linnerud.targets[0], [191.0, 36.0, 50.0])
    assert diabetes.classes == linnerud.classes == ()
