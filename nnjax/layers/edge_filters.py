"""The edge filters that people drew before networks learned theirs, 3 by 3, for `conv2d`.

Each is a difference in one direction times a smoothing in the other. Written as here, a vertical edge
from dark to light gives a positive number, one from light to dark a negative one.

Sources: Prewitt 1970, "Object enhancement and extraction"; Sobel and Feldman 1968, "A 3x3 isotropic gradient
operator for image processing"; Scharr 2000, https://doi.org/10.11588/heidok.00000962
"""

from __future__ import annotations

import numpy as np

from nnjax.errors import ConfigError

SMOOTHING = {"prewitt": (1, 1, 1), "sobel": (1, 2, 1), "scharr": (3, 10, 3)}
DIFFERENCE = (-1, 0, 1)


def edge_filter(kind: str, horizontal: bool = False) -> np.ndarray:
    """The filter that answers to vertical edges, or to horizontal ones.

    Args:
        kind: "prewitt", "sobel" or "scharr" (static).
        horizontal: Whether to look from top to bottom instead of from left to right (static).

    Returns:
        Float32 [3, 3, 1, 1], for one channel.

    Raises:
        ConfigError: If there is no such filter.

    >>> edge_filter("sobel")[:, :, 0, 0].astype(int).tolist()
    [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    """
    if kind not in SMOOTHING:
        raise ConfigError(f"kind wants one of {', '.join(SMOOTHING)}, got {kind!r}")
    vertical = np.outer(SMOOTHING[kind], DIFFERENCE).astype(np.float32)
    return (vertical.T if horizontal else vertical)[:, :, None, None]
