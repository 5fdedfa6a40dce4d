import numpy as np
import pytest

from nnjax.data.padding import pad, unpad
from nnjax.errors import ConfigError, DataError


def test_padding_and_back_is_the_identity_and_the_padding_is_zero():
    rng = np.random.default_rng(0)
    series = [rng.normal(1, 0.1, (length, 3)) for length in (4, 1, 7, 7)]
    padded = pad(series, 9)
    assert padded.values.shape == (4, 9, 3)
    np.testing.assert_array_equal(padded.lengths, [4, 1, 7, 7])
    assert all(not padded.values[row, length:].any() for row, length in enumerate(padded.lengths))
    for one, again in zip(series, unpad(padded), strict=True):
        np.testing.assert_array_equal(one, again)


@pytest.mark.parametrize(
    ("series", "longest", "error", "words"),
    [
        ([], None, DataError, "at least one"),
        ([np.ones(2), np.ones(0)], None, DataError, "row 1: a sequence without steps"),
        ([np.ones((2, 3)), np.ones((2, 4))], None, DataError, r"row 1: .*\[4\], and those of row 0 \[3\]"),
        ([np.ones(2), np.ones(5)], 4, ConfigError, "row 1: a sequence of 5 steps does not fit into 4"),
    ],
)
def test_what_cannot_be_padded_is_refused_by_row(series, longest, error, words):
    with pytest.raises(error, match=words):
        pad(series, longest)
