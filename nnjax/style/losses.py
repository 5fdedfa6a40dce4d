"""The losses of style transfer: what is shown, in which manner, and how smooth it is.

Features of a layer are F [1, H, W, C]: N = C filters, each with M = H W answers, as the paper names them.
Source: Gatys, Ecker and Bethge 2016, "Image style transfer using convolutional neural networks",
https://doi.org/10.1109/CVPR.2016.265
"""

from __future__ import annotations

import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.types import Array


def content_loss(features: Array, target: Array) -> Array:
    """L = 1/2 sum (F - P)^2 (equation 1): the same answers at the same places.

    Args:
        features: F [1, H, W, C], of the picture.
        target: P, of the photograph, of the same shape.

    Returns:
        Float scalar.

    >>> float(content_loss(jnp.ones((1, 2, 2, 3)), jnp.zeros((1, 2, 2, 3))))
    6.0
    """
    _same(features, target, "content_loss")
    return 0.5 * jnp.sum(jnp.square(features - target))


def gram(features: Array, mask: Array | None = None) -> Array:
    """G_ij = sum_k F_ik F_jk (equation 3): which filters answer together, wherever that is.

    Args:
        features: F [1, H, W, C].
        mask: Float array [H, W] in 0 to 1: how much each place counts, which multiplies F; None counts all.

    Returns:
        Float array [C, C].

    >>> gram(jnp.array([1.0, 2.0]).reshape(1, 1, 1, 2)).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    if features.ndim != 4 or features.shape[0] != 1:
        raise ConfigError(f"gram wants features [1, H, W, C], got {features.shape}")
    if mask is not None:
        features = features * mask[None, :, :, None]
    rows = features.reshape(-1, features.shape[-1])
    return rows.T @ rows


def style_loss(features: Array, target: Array, places: Array | float, mask: Array | None = None) -> Array:
    """E = sum (G / M - A / M')^2 / (4 N^2) (equation 4, with the style's own number of places M').

    The paper takes pictures of one size, where M = M'; dividing each Gram matrix by its own number of places
    compares pictures of any sizes.

    Args:
        features: F [1, H, W, C], of the picture.
        target: A / M' [C, C], of the style.
        places: M, how many places of the picture count.
        mask: As in `gram`.

    Returns:
        Float scalar.

    >>> float(style_loss(jnp.ones((1, 2, 2, 3)), jnp.zeros((3, 3)), 4))
    0.25
    """
    own = gram(features, mask) / places
    if own.shape != target.shape:
        raise ConfigError(
            f"style_loss wants a target {own.shape}, one number for two filters, got {target.shape}"
        )
    return jnp.sum(jnp.square(own - target)) / (4 * features.shape[-1] ** 2)


def total_variation(picture: Array) -> Array:
    """sum (x[i + 1, j] - x[i, j])^2 + (x[i, j + 1] - x[i, j])^2: how much neighbours differ.

    Args:
        picture: [1, H, W, C].

    >>> float(total_variation(jnp.array([0.0, 3.0]).reshape(1, 1, 2, 1)))
    9.0
    """
    down, right = picture[:, 1:] - picture[:, :-1], picture[:, :, 1:] - picture[:, :, :-1]
    return jnp.sum(jnp.square(down)) + jnp.sum(jnp.square(right))


def _same(features: Array, target: Array, name: str) -> None:
    if features.shape != target.shape:
        raise ConfigError(
            f"{name} wants features and target of one shape, got {features.shape} and {target.shape}"
        )
