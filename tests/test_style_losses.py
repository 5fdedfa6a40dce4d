"""The losses of style transfer: numbers by hand, and sums in NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from nnjax.errors import ConfigError
from nnjax.style.losses import content_loss, gram, style_loss, total_variation

FEATURES = np.random.default_rng(0).normal(size=(1, 3, 4, 5)).astype(np.float32)


def test_the_gram_matrix_is_a_sum_over_places() -> None:
    total = np.zeros((5, 5))
    for i in range(3):
        for j in range(4):
            total += np.outer(FEATURES[0, i, j], FEATURES[0, i, j])
    np.testing.assert_allclose(gram(FEATURES), total, rtol=1e-5)


def test_it_forgets_where_things_are_and_content_does_not() -> None:
    turned = FEATURES[:, ::-1, ::-1]
    np.testing.assert_allclose(gram(FEATURES), gram(turned), rtol=1e-5)
    assert float(content_loss(FEATURES, turned)) > 1


def test_losses_are_the_papers() -> None:
    other = np.random.default_rng(1).normal(size=FEATURES.shape).astype(np.float32)
    assert float(content_loss(FEATURES, other)) == pytest.approx(
        0.5 * ((FEATURES - other) ** 2).sum(), rel=1e-5
    )
    # Equation 4 with N = 5 and M = 12, of pictures of one size.
    paper = ((np.asarray(gram(FEATURES)) - np.asarray(gram(other))) ** 2).sum() / (4 * 5**2 * 12**2)
    assert float(style_loss(FEATURES, gram(other) / 12, 12)) == pytest.approx(paper, rel=1e-5)


def test_a_mask_leaves_out_what_it_covers() -> None:
    mask = np.zeros((3, 4), np.float32)
    mask[:2, 1:] = 1
    np.testing.assert_allclose(gram(FEATURES, mask), gram(FEATURES[:, :2, 1:]), rtol=1e-5)
    slope = jax.grad(lambda x: style_loss(x, jnp.zeros((5, 5)), 6, mask))(jnp.asarray(FEATURES))
    assert not np.asarray(slope)[0, 2].any()
    assert np.asarray(slope)[0, 0, 1].any()


def test_total_variation_counts_each_pair_of_neighbours_once() -> None:
    picture = np.array([[0, 1], [3, 7]], np.float32)[None, :, :, None]
    assert float(total_variation(picture)) == 3**2 + 6**2 + 1**2 + 4**2


def test_gradients_are_those_of_differences() -> None:
    target = np.asarray(gram(FEATURES)) / 20
    check_grads(lambda x: style_loss(x, target, 12.0), (FEATURES,), order=1, modes=["rev"], rtol=0.02)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="one shape"):
        content_loss(FEATURES, FEATURES[:, :2])
    with pytest.raises(ConfigError, match=r"gram wants features \[1, H, W, C\]"):
        gram(FEATURES[0])
    with pytest.raises(ConfigError, match=r"target \(5, 5\)"):
        style_loss(FEATURES, np.zeros((4, 4)), 12)
