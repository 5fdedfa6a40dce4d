"""Keeping a photograph's colours: luminance exchanged, colours matched."""

from __future__ import annotations

import numpy as np
import pytest

from nnjax.style.colours import luminance, match_colours, match_luminance, with_luminance_of

GENERATOR = np.random.default_rng(0)
PHOTO, STYLE = (GENERATOR.uniform(0, 255, (6, 5, 3)) for _ in range(2))


def test_luminance_is_that_of_television() -> None:
    assert luminance(np.array([[[255.0, 0, 0]]]))[0, 0, 0] == pytest.approx(0.299 * 255)
    assert luminance(np.full((1, 1, 3), 77.0))[0, 0].tolist() == pytest.approx([77] * 3)


def test_exchanging_the_luminance_keeps_the_colours() -> None:
    painted = with_luminance_of(PHOTO, STYLE)
    np.testing.assert_allclose(luminance(painted), luminance(STYLE), atol=1e-9)
    np.testing.assert_allclose(painted - luminance(painted), PHOTO - luminance(PHOTO), atol=1e-6)
    np.testing.assert_allclose(with_luminance_of(PHOTO, PHOTO), PHOTO, atol=1e-9)


def test_a_matched_style_has_the_photographs_statistics() -> None:
    matched = match_colours(STYLE, 0.3 * PHOTO + 40).reshape(-1, 3)
    wanted = (0.3 * PHOTO + 40).reshape(-1, 3)
    np.testing.assert_allclose(matched.mean(0), wanted.mean(0), rtol=1e-9)
    np.testing.assert_allclose(np.cov(matched.T), np.cov(wanted.T), rtol=1e-6)
    gray = match_luminance(STYLE, PHOTO)
    assert gray.mean() == pytest.approx(luminance(PHOTO).mean())
    assert gray.std() == pytest.approx(luminance(PHOTO).std())


def test_a_style_of_one_colour_is_no_division_by_zero() -> None:
    assert np.isfinite(match_colours(np.full((4, 4, 3), 9.0), PHOTO)).all()
    assert np.isfinite(match_luminance(np.full((4, 4, 3), 9.0), PHOTO)).all()
