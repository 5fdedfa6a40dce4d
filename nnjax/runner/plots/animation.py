"""Animated figures, as the bytes of a GIF."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.plots.style import figure_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100
COLOURS = 128  # of the palette that all frames share


@figure_style()
def gif(
    figure: Figure, draw: Callable[[int], object], frames: int, seconds: float = 6.0, hold: float = 2.0
) -> bytes:
    """Draws a figure again and again, and makes a GIF of it that starts over at its end.

    Args:
        figure: Laid out once, with the last frame in it; then nothing moves but what `draw` changes.
        draw: `draw(i)` changes the figure to frame i of 0..frames-1.
        frames: How many (static).
        seconds: How long all frames together are shown.
        hold: How much longer the last one is.

    Raises:
        ConfigError: If there is no frame.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if frames < 1:
        raise ConfigError(f"a gif wants at least one frame, got {frames}")
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    for _ in range(2):  # the second layout knows how large the texts of the first one were
        draw(frames - 1)
        canvas.draw()
    figure.set_layout_engine("none")  # what has been laid out once stays where it is
    frames_drawn = []
    for index in range(frames):
        draw(index)
        canvas.draw()
        frames_drawn.append(np.array(np.asarray(canvas.buffer_rgba())[..., :3]))
    palette = _palette(frames_drawn)
    first, *others = [_paletted(pixels, palette) for pixels in frames_drawn]
    step = round(1000 * seconds / frames)
    durations = [step] * (frames - 1) + [step + round(1000 * hold)]
    file = io.BytesIO()
    first.save(file, format="GIF", save_all=True, append_images=others, duration=durations, loop=0)
    return file.getvalue()


def _palette(frames: list[np.ndarray]) -> np.ndarray:
    """The colours that all frames share, [COLOURS, 3]: those of the first, the middle and the last one."""
    from PIL import Image

    whole = np.concatenate([frames[0], frames[len(frames) // 2], frames[-1]])
    found = Image.fromarray(whole).quantize(COLOURS, dither=Image.Dither.NONE).getpalette() or []
    palette = np.reshape(found, (-1, 3))[:COLOURS]
    palette[palette.sum(axis=1).argmax()] = 255  # paper is white, not nearly white
    return palette


def _paletted(pixels: np.ndarray, palette: np.ndarray) -> Any:
    """A frame [H, W, 3], each pixel in the nearest colour of the palette; Pillow's own choice is rough."""
    from PIL import Image

    colours, places = np.unique(pixels.astype(np.int32) @ (65536, 256, 1), return_inverse=True)
    channels = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
    nearest = ((channels[:, None] - palette[None]) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    image = Image.fromarray(nearest[places].reshape(pixels.shape[:2]))
    image.putpalette(palette.astype(np.uint8).tobytes())
    return image
