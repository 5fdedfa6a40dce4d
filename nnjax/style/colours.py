"""Keeping the colours of the photograph: two ways of Gatys et al. 2016, "Preserving color in neural artistic
style transfer", https://arxiv.org/abs/1606.05897. Pictures are float arrays [H, W, 3] of 0 to 255."""

from __future__ import annotations

import numpy as np

# NTSC: luminance, and two axes of colour.
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = np.linalg.inv(TO_YIQ)


def luminance(picture: np.ndarray) -> np.ndarray:
    """The picture without its colours, [H, W, 3] with three equal channels.

    >>> luminance(np.array([[[255.0, 255.0, 255.0]]])).round().tolist()
    [[[255.0, 255.0, 255.0]]]
    """
    return np.repeat((picture @ TO_YIQ[0])[..., None], 3, axis=2)


def with_luminance_of(picture: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """The colours of `picture` with the luminance of `bright`, of the same size; not clipped."""
    parts = picture @ TO_YIQ.T
    parts[..., 0] = bright @ TO_YIQ[0]
    return parts @ FROM_YIQ.T


def match_luminance(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """A style without colours whose luminance has the mean and deviation of the photograph's."""
    own, wanted = luminance(style), luminance(content)
    spread = wanted.std() / max(own.std(), 1e-6)
    return (own - own.mean()) * spread + wanted.mean()


def match_colours(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """A style whose pixels have the mean and covariance of the photograph's colours.

    x -> S_c^(1/2) S_s^(-1/2) (x - mean_s) + mean_c, with symmetric roots of the covariances.
    """
    pixels, wanted = style.reshape(-1, 3), content.reshape(-1, 3)
    transform = _root(np.cov(wanted.T)) @ _root(np.cov(pixels.T), inverse=True)
    return ((pixels - pixels.mean(0)) @ transform.T + wanted.mean(0)).reshape(style.shape)


def _root(covariance: np.ndarray, inverse: bool = False) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    roots = np.sqrt(np.maximum(values, 1e-3))
    return (vectors * (1 / roots if inverse else roots)) @ vectors.T
