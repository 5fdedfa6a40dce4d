"""What a channel looks for: the places of real images where it answers most, and the pixels it sees there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.types import Net, Params

BATCH = 250  # images at once


class Field(NamedTuple):
    """The square of pixels that one place of a layer sees.

    Attributes:
        side: Pixels.
        stride: Pixels between the squares of neighbours.
        first: Where the first begins; below 0 where padding is seen.
    """

    side: int
    stride: int
    first: int


class Places(NamedTuple):
    """Where each channel of a layer answers most, at most once in an image.

    Attributes:
        image: Integers [C, P], rows of the images; the strongest first.
        row: Integers [C, P], in the layer's maps.
        column: Integers [C, P].
        strength: Float array [C, P], the answers there.
    """

    image: np.ndarray
    row: np.ndarray
    column: np.ndarray
    strength: np.ndarray


def field(steps: Sequence[tuple[int, int, int]]) -> Field:
    """side = 1 + sum over l of (window_l - 1) stride_1 ... stride_(l-1), for steps one after the other.

    Args:
        steps: (window, stride, padding) in pixels of each convolution and pooling up to the layer.

    >>> field([(3, 1, 1), (2, 2, 0), (3, 1, 1)])  # convolution, pooling, convolution
    Field(side=8, stride=2, first=-3)
    """
    side, jump, first = 1, 1, 0
    for window, stride, padding in steps:
        side, first, jump = side + (window - 1) * jump, first - padding * jump, jump * stride
    return Field(side, jump, first)


def strongest(watched: Net, params: Params, images: Any, layer: str, count: int = 9) -> Places:
    """Searches the images for the places where each channel of a layer answers most.

    Args:
        watched: A Net from images to what every layer gives by its name.
        params: Its parameters.
        images: Array [N, H, W, C].
        layer: A layer that gives [N, h, w, C] (static).
        count: P, how many of each channel, from 1 to N.

    Raises:
        ConfigError: If there is no such layer, or count is out of range.
    """
    images = np.asarray(images)
    if not 1 <= count <= len(images):
        raise ConfigError(f"count wants from 1 to the {len(images)} images there are, got {count}")
    shapes = jax.eval_shape(watched.apply, params, jax.ShapeDtypeStruct((1, *images.shape[1:]), images.dtype))
    maps = [name for name, leaf in shapes.items() if len(leaf.shape) == 4]
    if layer not in maps:
        raise ConfigError(f"layer wants one of {', '.join(maps)}, got {layer!r}")

    @jax.jit
    def peaks(params: Params, batch: Any) -> tuple[Any, Any]:
        flat = watched.apply(params, batch)[layer].reshape(len(batch), -1, shapes[layer].shape[3])
        return jnp.max(flat, axis=1), jnp.argmax(flat, axis=1)

    found = [peaks(params, images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    values, places = (
        np.concatenate([np.asarray(part) for part in parts]).T for parts in zip(*found, strict=True)
    )
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    strength, place = np.take_along_axis(values, order, 1), np.take_along_axis(places, order, 1)
    return Places(order, *np.divmod(place, shapes[layer].shape[2]), strength)


def patches(images: Any, places: Places, seen: Field, outside: float = 0.0) -> np.ndarray:
    """The pixels seen at each of the places, [C, P, side, side, channels], `outside` beyond the edges.

    Args:
        images: Array [N, H, W, channels], those that were searched.
        places: Of a layer.
        seen: What one place of the layer sees.
        outside: The value where padding is seen.
    """
    images = np.asarray(images)
    edge = seen.side + abs(seen.first)
    around = ((edge, edge), (edge, edge), (0, 0))
    found = np.empty((*places.image.shape, seen.side, seen.side, images.shape[3]), images.dtype)
    for at in np.ndindex(*places.image.shape):
        top, left = (edge + seen.first + int(part[at]) * seen.stride for part in (places.row, places.column))
        padded = np.pad(images[places.image[at]], around, constant_values=outside)
        found[at] = padded[top : top + seen.side, left : left + seen.side]
    return found
