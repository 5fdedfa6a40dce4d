"""The geometry of a window that moves over an image: strides, padding, how many places it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnjax.errors import ConfigError

Pair = int | tuple[int, int]  # one number for both directions, or (vertical, horizontal)
Pads = tuple[tuple[int, int], tuple[int, int]]
Padding = str | Sequence[Sequence[int]]  # "VALID", "SAME" or ((above, below), (left, right)), pixels


def pair(name: str, value: Pair) -> tuple[int, int]:
    """`value` as two positive integers, or a ConfigError in its `name`.

    >>> pair("stride", 2), pair("stride", (2, 1))
    ((2, 2), (2, 1))
    """
    numbers: Any = value if isinstance(value, Sequence) else (value, value)
    if len(numbers) != 2 or any(number != int(number) or number < 1 for number in numbers):
        raise ConfigError(f"{name} must be a positive integer or two of them, got {value!r}")
    return int(numbers[0]), int(numbers[1])


def pads(
    layer: str,
    padding: Padding,
    image: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int] = (1, 1),
) -> Pads:
    """The pixels ((above, below), (left, right)) that `padding` means.

    "SAME" gives ceil(H / s) places; of an odd number of pixels the smaller half comes before.

    Args:
        layer: Who asks, for the error.
        padding: "VALID", "SAME" or the pixels themselves.
        image: (H, W).
        window: (kh, kw).
        stride: (vertical, horizontal).
        dilation: (vertical, horizontal).

    >>> pads("conv2d", "SAME", (6, 6), (3, 3), (1, 1)), pads("conv2d", "SAME", (5, 4), (3, 2), (2, 2))
    (((1, 1), (1, 1)), ((1, 1), (0, 0)))
    """
    if padding == "VALID":
        return (0, 0), (0, 0)
    if padding == "SAME":
        found = []
        for size, k, s, d in zip(image, window, stride, dilation, strict=True):
            total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            found.append((total // 2, total - total // 2))
        return found[0], found[1]
    wrong = ConfigError(
        f'{layer} wants padding "VALID", "SAME" or ((above, below), (left, right)) in pixels, got {padding!r}'
    )
    if isinstance(padding, str) or not isinstance(padding, Sequence) or len(padding) != 2:
        raise wrong
    for side in padding:
        if not isinstance(side, Sequence) or len(side) != 2 or any(n != int(n) or n < 0 for n in side):
            raise wrong
    (above, below), (left, right) = padding
    return (int(above), int(below)), (int(left), int(right))


def output_size(
    layer: str,
    image: Sequence[int],
    window: Sequence[int],
    axis: int,
    padding: tuple[int, int],
    stride: int,
    dilation: int = 1,
) -> int:
    """How many places the window has along one axis: floor((H + padding - (k - 1) d - 1) / s) + 1.

    Args:
        layer: Who asks, for the error.
        image: The shape [N, H, W, C].
        window: (kh, kw, ...).
        axis: 0 for the vertical, 1 for the horizontal.
        padding: Pixels before and after.
        stride: Pixels.
        dilation: Pixels.

    Raises:
        ConfigError: If it has none.

    >>> output_size("conv2d", (1, 6, 6, 1), (3, 3), 0, (0, 0), 1)
    4
    """
    reach = (window[axis] - 1) * dilation + 1
    size = image[axis + 1] + sum(padding)
    if reach > size:
        raise ConfigError(
            f"{layer}: the window is {reach} pixels {('high', 'wide')[axis]}, the padded image only {size} "
            f"(x {tuple(image)}, window {tuple(window[:2])}, dilation {dilation}, padding {tuple(padding)})"
        )
    return (size - reach) // stride + 1
