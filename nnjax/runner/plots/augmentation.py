"""What each transformation of `nnjax.layers.augmentation` does to an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from nnjax.errors import DataError
from nnjax.layers.augmentation import Transform, transformed, unchanged
from nnjax.runner.plots.style import FAINT, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 0.82  # inches
NAMES = 1.0  # inches for the names of the rows
LINE = 0.17  # inches of text above an image


class Cell(NamedTuple):
    """One cell: its text, and which entries of the transform of one image are changed to what."""

    text: str
    change: Mapping[str, Any]


def rows_of(size: tuple[int, int]) -> dict[str, list[Cell]]:
    """The rows of the sheet: a transformation in four strengths, for images of size (H, W)."""
    height, width = size
    signed = (-1.0, -0.5, 0.5, 1.0)

    def each(values: Sequence[float], text: str, change: Callable[[float], Mapping[str, Any]]) -> list[Cell]:
        return [Cell(text.format(value).replace("-", "−"), change(value)) for value in values]

    side = lambda part: max(1, round(part * min(size)))
    corners = {"↖": (-1, -1), "↗": (-1, 1), "↙": (1, -1), "↘": (1, 1)}
    crop = lambda down, right: {"shift": (down * side(0.2), right * side(0.2))}
    square = lambda side: {"square": (round(0.3 * height), round(0.35 * width), side)}
    return {
        "translation": each([0.23 * width * s for s in signed], "{:+.1f} px", lambda v: {"shift": (0.0, v)}),
        "rotation": each([30 * s for s in signed], "{:+.0f}°", lambda v: {"angle": np.deg2rad(v)}),
        "scaling": each((0.5, 0.75, 1.25, 1.5), "× {}", lambda v: {"scale": v}),
        "shear": each([30 * s for s in signed], "{:+.0f}°", lambda v: {"shear": np.deg2rad(v)}),
        "flips": [
            Cell("left ↔ right", {"mirror": (1.0, -1.0)}),
            Cell("top ↔ bottom", {"mirror": (-1.0, 1.0)}),
            Cell("both", {"mirror": (-1.0, -1.0)}),
        ],
        "crop": [Cell(f"{way} {side(0.2)} px", crop(*sign)) for way, sign in corners.items()],
        "cutout": each([side(part) for part in (0.125, 0.25, 0.375, 0.5)], "{} px", square),
        "brightness": each((0.4, 0.7, 1.3, 1.6), "× {}", lambda v: {"brightness": v}),
        "contrast": each((0.25, 0.5, 1.5, 2.0), "× {}", lambda v: {"contrast": v}),
    }


@figure_style()
def augmentation_sheet(images: Sequence[Any], fills: Sequence[float] = ()) -> Figure:
    """A row a transformation, in four strengths, for each image side by side; the images themselves on top.

    Args:
        images: Each [H, W] (dark where the value is large) or [H, W, 3]; their values from 0 on.
        fills: What comes in from outside of each; 0 where it is empty.

    Raises:
        DataError: If there is no image, one has another shape, or the fills are not as many.
    """
    fills = list(fills) or [0.0] * len(images)
    if not len(images) or len(fills) != len(images):
        raise DataError(
            f"augmentation_sheet wants images, and a fill for each; got {len(images)}, {len(fills)}"
        )
    blocks = [_block(np.asarray(image), fill) for image, fill in zip(images, fills, strict=True)]
    names = list(blocks[0])
    figure = new_figure(NAMES + 4 * CELL * len(blocks), len(names) * (CELL + LINE))
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.02)
    parts = figure.subfigures(
        1, 1 + len(blocks), width_ratios=[NAMES, *[4 * CELL] * len(blocks)], wspace=0.03, squeeze=False
    )[0]
    for axis, name in zip(parts[0].subplots(len(names), 1), names, strict=True):
        axis.set_axis_off()
        axis.text(1.0, 0.5, name, ha="right", va="center", fontweight="bold", transform=axis.transAxes)
    for part, block, image in zip(parts[1:], blocks, images, strict=True):
        top = 255.0 if np.asarray(image).dtype == np.uint8 and np.ndim(image) == 3 else float(np.max(image))
        grid = part.subplots(len(names), 4)
        for axes, cells in zip(grid, block.values(), strict=True):
            for axis in axes:
                axis.set_axis_off()
            for axis, (text, picture) in zip(axes, cells, strict=False):
                _draw(axis, picture / (top or 1.0), text)
    return figure


def _block(image: np.ndarray, fill: float) -> dict[str, list[tuple[str, np.ndarray]]]:
    """For each row the texts and the pictures."""
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise DataError(f"augmentation_sheet wants images [H, W] or [H, W, 3], got {image.shape}")
    rows = {"as it is": [Cell("", {})]} | rows_of((image.shape[0], image.shape[1]))
    cells = [cell for row in rows.values() for cell in row]
    fields: dict[str, Any] = {name: np.array(leaf) for name, leaf in unchanged(len(cells))._asdict().items()}
    for n, cell in enumerate(cells):
        for name, value in cell.change.items():
            fields[name][n] = value
    many: Any = np.broadcast_to(image, (len(cells), *image.shape))
    pictures = iter(np.asarray(jax.jit(transformed)(many, Transform(**fields), fill)))
    return {name: [(cell.text, next(pictures)) for cell in row] for name, row in rows.items()}


def _draw(axis: Axes, picture: np.ndarray, text: str) -> None:
    axis.set_axis_on()
    axis.imshow(np.clip(picture, 0, 1), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    axis.spines[:].set(visible=True, color=FAINT)
    axis.set_title(text, fontsize=7.5, fontweight="normal", loc="center", pad=3)
