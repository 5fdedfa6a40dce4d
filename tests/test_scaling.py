import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from nnjax.data.scaling import BLOCK_ROWS, standardise
from nnjax.errors import ConfigError, DataError
from nnjax.types import Dataset, Sequences, Splits


def splits(*arrays) -> Splits:
    return Splits(*(Dataset(array, np.zeros(len(array), int), value_range=(0, 255)) for array in arrays))


def test_a_table_agrees_with_scikit_learn_on_every_part():
    rng = np.random.default_rng(0)
    train, valid, test = (rng.normal(50, [1, 10, 0.1], (n, 3)) for n in (BLOCK_ROWS + 7, 5, 6))
    scaled = standardise(splits(train, valid, test))
    oracle = StandardScaler().fit(train)
    for part, raw in zip(scaled[:3], (train, valid, test), strict=True):
        np.testing.assert_allclose(
            part.inputs, oracle.transform(raw), atol=1e-3
        )  # the raw float32 has 50 +- 4e-6
        assert part.inputs.dtype == np.float32
        assert part.value_range is None
    np.testing.assert_allclose(scaled.scaler.mean, oracle.mean_, rtol=1e-6)
    np.testing.assert_allclose(scaled.scaler.std, oracle.scale_, rtol=1e-6)


def test_the_statistics_do_not_see_the_other_parts():
    train = np.random.default_rng(0).normal(size=(20, 2))
    plain, moved = standardise(splits(train, train + 9)), standardise(splits(train, train - 1e6, train * 5))
    np.testing.assert_array_equal(plain.scaler.mean, moved.scaler.mean)
    np.testing.assert_array_equal(plain.train.inputs, moved.train.inputs)


@pytest.mark.parametrize(("shape", "axes"), [((30, 4, 5), (0, 1, 2)), ((30, 4, 5, 3), (0, 1, 2))])
def test_images_are_scaled_as_a_whole_or_by_channel(shape, axes):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    scaler = standardise(splits(images)).scaler
    np.testing.assert_allclose(scaler.mean, images.astype(float).mean(axis=axes), rtol=1e-6)
    np.testing.assert_allclose(scaler.std, images.astype(float).std(axis=axes), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_what_does_not_vary_is_centred_and_not_blown_up(dtype):
    train = np.full((7, 2), 0.1 if dtype != np.uint8 else 3, dtype)
    train[:, 1] = np.arange(7)
    scaled = standardise(splits(train, train + dtype(1)))
    assert scaled.scaler.std[0] == 1.0
    np.testing.assert_allclose(scaled.train.inputs[:, 0], 0.0, atol=1e-7)
    np.testing.assert_allclose(scaled.valid.inputs[:, 0], 1.0, atol=1e-6)


def test_small_and_large_scales_keep_their_variation():
    column = np.array([[1.0], [3.0]])
    for scale in (1e-20, 1.0, 1e20):
        np.testing.assert_allclose(standardise(splits(column * scale)).train.inputs, [[-1], [1]], rtol=1e-6)


def test_the_scaler_is_ready_for_new_inputs():
    scaled = standardise(splits(np.array([[0, 10], [4, 30]], np.uint8)))
    np.testing.assert_allclose(scaled.scaler([[2, 20], [6, 40]]), [[0, 0], [2, 2]])
    assert scaled.valid is None
    assert scaled.test is None


def test_twice_is_a_mistake():
    once = standardise(splits(np.eye(3)))
    with pytest.raises(ConfigError, match="standardised already"):
        standardise(once)


def test_inputs_that_are_not_one_array_or_none():
    with pytest.raises(DataError, match="got dict"):
        standardise(Splits(Dataset({"a": np.eye(2)}, np.zeros(2, int))))
    with pytest.raises(DataError, match=r"got \(0, 3\)"):
        standardise(splits(np.zeros((0, 3))))


def test_sequences_are_standardised_by_channel_over_their_true_lengths():
    rng = np.random.default_rng(0)
    lengths = np.array([3, 5, 1, 4])
    values = rng.normal([2.0, -50.0], [1.0, 30.0], (4, 5, 2)).astype(np.float32)
    real = np.arange(5) < lengths[:, None]
    values[~real] = 1e6
    part = Dataset(Sequences(values, lengths), np.zeros(4, np.int32))
    scaled = standardise(Splits(part, test=part))
    for inputs in (scaled.train.inputs, scaled.test.inputs, scaled.scaler(part.inputs)):
        np.testing.assert_array_equal(inputs.lengths, lengths)
        np.testing.assert_allclose(inputs.values[real].mean(0), 0, atol=1e-6)
        np.testing.assert_allclose(inputs.values[real].std(0), 1, rtol=1e-6)
