"""What outputs say, against SciPy's softmax and the sigmoid by hand."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from nnjax.runner.answers import answers


def test_logits_of_k_classes_go_through_the_softmax() -> None:
    logits = np.array([[1.0, -2.0, 0.5], [800.0, 0.0, 801.0]], np.float32)
    said = answers(logits, 3)
    assert said is not None
    np.testing.assert_allclose(said.probabilities, softmax(logits.astype(np.float64), axis=1), rtol=1e-12)
    assert said.labels.tolist() == [0, 2]


def test_one_logit_is_the_second_of_two_classes() -> None:
    for shape in ((2,), (2, 1)):
        said = answers(np.array([np.log(3.0), -1000.0]).reshape(shape))
        assert said is not None
        np.testing.assert_allclose(said.probabilities, [[0.25, 0.75], [1.0, 0.0]], atol=1e-12)
        assert said.labels.tolist() == [1, 0]


def test_outputs_that_are_no_classes_have_no_answers() -> None:
    assert answers(np.zeros((2, 4)), classes=3) is None
    assert answers(np.zeros((2, 4, 4))) is None
