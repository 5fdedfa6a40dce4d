import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnjax.data.splits import hold_out, k_folds, shared_examples, split
from nnjax.errors import ConfigError
from nnjax.types import Dataset

quick = settings(max_examples=80, deadline=None)
labels = st.lists(st.integers(0, 4), min_size=4, max_size=60).map(np.array)


def numbered(targets) -> Dataset:
    """A data set whose inputs are the numbers of its rows, so that a row can be followed."""
    targets = np.asarray(targets)
    return Dataset(np.arange(len(targets))[:, None], targets, "numbered")


def rows(part) -> list[int]:
    return [] if part is None else part.inputs[:, 0].tolist()


@quick
@given(
    targets=labels,
    valid=st.floats(0, 0.4),
    test=st.floats(0, 0.4),
    seed=st.integers(0, 99),
    stratify=st.booleans(),
)
def test_the_parts_are_the_whole_and_share_nothing(targets, valid, test, seed, stratify):
    parts = split(numbered(targets), valid, test, seed, stratify)
    together = rows(parts.train) + rows(parts.valid) + rows(parts.test)
    assert sorted(together) == list(range(len(targets)))
    assert len(rows(parts.test)) == int(test * len(targets) + 0.5)
    assert len(rows(parts.valid)) == int(valid * len(targets) + 0.5)
    for part in parts[:3]:
        np.testing.assert_array_equal(part.targets if part else [], targets[rows(part)])


@quick
@given(targets=labels, test=st.integers(1, 3), valid=st.integers(0, 3), seed=st.integers(0, 99))
def test_each_class_has_its_share(targets, test, valid, seed):
    if test + valid >= len(targets):
        return
    parts = split(numbered(targets), valid, test, seed)
    drawn = np.bincount(parts.test.targets, minlength=5)
    assert np.all(np.abs(drawn - np.bincount(targets, minlength=5) * test / len(targets)) < 1)
    left = np.bincount(np.delete(targets, rows(parts.test)), minlength=5)
    if valid:
        drawn = np.bincount(parts.valid.targets, minlength=5)
        assert np.all(np.abs(drawn - left * valid / left.sum()) < 1)


def test_digits_by_hand():
    # Ten classes of 100: 20% of each is exactly 20, and 10% of what is left, 800 rows in all, exactly 10.
    parts = split(numbered(np.arange(1000) % 10), 0.1, 0.2)
    np.testing.assert_array_equal(np.bincount(parts.train.targets), [70] * 10)
    np.testing.assert_array_equal(np.bincount(parts.valid.targets), [10] * 10)
    np.testing.assert_array_equal(np.bincount(parts.test.targets), [20] * 10)


def test_the_test_part_depends_on_the_seed_and_not_on_the_validation_part():
    dataset = numbered(np.arange(200) % 3)
    tests = [
        rows(split(dataset, valid, 0.25, seed).test) for valid, seed in ((0, 5), (0.1, 5), (40, 5), (0.1, 6))
    ]
    assert tests[0] == tests[1] == tests[2] != tests[3]


def test_every_row_is_as_likely_to_be_tested():
    counts = np.zeros(20)
    for seed in range(500):
        counts[rows(split(numbered(np.arange(20) % 2), 0, 5, seed).test)] += 1
    # Each row is drawn with probability 1/4: chi-square over 20 rows, whose mean here is about 19 x 3/4.
    assert ((counts - 125) ** 2 / 125).sum() < 35


def test_counts_fractions_and_parts_that_are_absent():
    dataset = numbered(np.zeros(10, int))
    assert [len(rows(part)) for part in split(dataset, 3, 0.2)[:3]] == [5, 3, 2]
    parts = split(dataset, 0, 0)
    assert (parts.valid, parts.test, parts.scaler) == (None, None, None)
    assert rows(parts.train) == list(range(10))


def test_regression_targets_are_drawn_plainly_and_weights_go_along():
    dataset = Dataset(np.arange(10)[:, None], np.arange(10.0)[:, None], weights=np.arange(10.0))
    parts = split(dataset, 0.2, 0.3)
    for part in parts[:3]:
        np.testing.assert_array_equal(part.inputs, part.targets)
        np.testing.assert_array_equal(part.inputs[:, 0], part.weights)


@pytest.mark.parametrize(
    ("valid", "test", "words"),
    [
        (5, 5, "10 examples are not enough for 5 of validation, 5 of test"),
        (-0.1, 0.2, "valid must be a fraction from 0 to 1 or a whole number of examples, got -0.1"),
        (0.1, 2.5, "test must be a fraction from 0 to 1 or a whole number of examples, got 2.5"),
        (float("nan"), 0.1, "valid must be .* got nan"),
        (0.1, float("inf"), "test must be .* got inf"),
    ],
)
def test_wrong_sizes_are_refused(valid, test, words):
    with pytest.raises(ConfigError, match=words):
        split(numbered(np.zeros(10, int)), valid, test)


def test_hold_out_keeps_the_test_part_that_came():
    own = numbered([0, 1])
    parts = hold_out(numbered(np.arange(20) % 2), 0.2, test=own)
    assert parts.test is own
    assert (len(parts.train), len(parts.valid)) == (16, 4)


@quick
@given(targets=labels, folds=st.integers(2, 4), seed=st.integers(0, 99))
def test_folds_are_a_partition_with_equal_shares(targets, folds, seed):
    parts = k_folds(numbered(targets), folds, seed)
    assert sorted(np.concatenate([valid for _, valid in parts])) == list(range(len(targets)))
    for train, valid in parts:
        assert sorted([*train, *valid]) == list(range(len(targets)))
    sizes = [len(valid) for _, valid in parts]
    assert max(sizes) - min(sizes) <= 1
    of_class = np.array([np.bincount(targets[valid], minlength=5) for _, valid in parts])
    assert np.all(of_class.max(axis=0) - of_class.min(axis=0) <= 1)


def test_folds_depend_on_the_seed_only():
    dataset = numbered(np.arange(30) % 3)
    first, again, other = (k_folds(dataset, 5, seed)[0][1].tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("folds", [1, 5])
def test_the_number_of_folds(folds):
    with pytest.raises(ConfigError, match=f"from 2 to the number of examples, 4; got {folds}"):
        k_folds(numbered(np.zeros(4, int)), folds)


def test_shared_examples_agree_with_a_loop():
    rng = np.random.default_rng(0)
    part, other = (Dataset(rng.integers(0, 2, (50, 2, 3)), np.zeros(50, int)) for _ in range(2))
    slow = sum(any(np.array_equal(a, b) for b in other.inputs) for a in part.inputs)
    assert 0 < shared_examples(part, other) == slow < 50
    both = Dataset({"a": part.inputs, "b": np.arange(50)}, part.targets)
    assert shared_examples(both, both) == 50
    moved = Dataset({"a": part.inputs, "b": np.arange(50) + 25}, part.targets)
    assert shared_examples(both, moved) < 25
