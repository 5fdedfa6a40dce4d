"""Convolutional nets from the inside: filters, feature maps, and the sizes of the layers along the depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import COLOURS, FAINT, GREY, figure_style, new_figure, signed_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.1  # inches, the width of a page
MAP = 0.78  # inches, a feature map
NAME = 1.15  # inches, the layer's name
LINE = 0.22  # inches, a line of text


@figure_style()
def filters_figure(filters: Any, columns: int = 8) -> Figure:
    """Every filter of a first layer as a small image.

    Args:
        filters: [kh, kw, C, O]. With three channels each filter is a colour picture, grey where it is 0;
            with one it is blue above 0, vermillion below and white at 0, all on one scale.
        columns: Filters a row.

    Raises:
        DataError: If C is neither 1 nor 3.
    """
    filters = np.asarray(filters, float)
    if filters.ndim != 4 or filters.shape[2] not in (1, 3):
        raise DataError(f"filters_figure wants [kh, kw, 1 or 3, O], got {list(filters.shape)}")
    count, largest = filters.shape[3], float(np.abs(filters).max()) or 1.0
    columns = min(columns, count)
    rows = -(-count // columns)
    side = min(0.95, WIDTH / columns)
    figure = new_figure(side * columns, side * rows * filters.shape[0] / filters.shape[1])
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03)
    for index, axis in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if index >= count:
            axis.set_axis_off()
            continue
        one = filters[..., index]
        if one.shape[2] == 3:
            one = 0.5 + 0.5 * one / (np.abs(one).max() or 1.0)
            _picture(axis, one)
        else:
            _picture(axis, one[..., 0], cmap=signed_colours(), vmin=-largest, vmax=largest)
    return figure


@figure_style()
def feature_maps_figure(image: Any, features: Mapping[str, Any], most: int = 8) -> Figure:
    """What each layer of maps makes of one image: a row a layer, its most active channels, dark where active.

    Args:
        image: [H, W] or [H, W, C].
        features: Layer -> what it gives, [h, w, C]; layers that give vectors [M] or single pixels are left
            out. A layer's maps share one scale, in two colours where it has values below 0.
        most: Channels of each layer, at most: those with the largest means or, where there are values
            below 0, with the largest standard deviations.

    Raises:
        DataError: If there is no layer of maps.
    """
    leaves = {name: np.asarray(leaf, float) for name, leaf in features.items() if np.ndim(leaf) == 3}
    maps = {name: leaf for name, leaf in leaves.items() if leaf.shape[:2] != (1, 1)}
    if not maps:
        raise DataError(f"feature_maps_figure wants layers [h, w, C], got {', '.join(features) or 'none'}")
    columns = 1 + min(most, max(leaf.shape[2] for leaf in maps.values()))
    figure = new_figure(NAME + MAP * columns, len(maps) * (MAP + 0.06))
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.03)
    parts = figure.subfigures(
        1, 2, width_ratios=[NAME + MAP, MAP * (columns - 1)], wspace=0.0, squeeze=False
    )[0]
    axis = parts[0].subplots(1, 1)
    picture = np.asarray(image)
    picture = picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    _picture(axis, picture, cmap="gray_r" if picture.ndim == 2 else None)
    axis.set_title("the image", fontsize=9, fontweight="normal", loc="center")
    grid = parts[1].subplots(len(maps), columns - 1, squeeze=False)
    for axes, (name, leaf) in zip(grid, maps.items(), strict=True):
        activity = leaf.std(axis=(0, 1)) if leaf.min() < 0 else leaf.mean(axis=(0, 1))
        order = np.argsort(-activity, kind="stable")
        for axis, channel in zip(axes, order, strict=False):
            _picture(axis, leaf[..., channel], **_scale(leaf))
        for axis in axes[len(order) :]:
            axis.set_axis_off()
        text = f"{name}\n{'×'.join(map(str, leaf.shape))}"
        axes[0].set_ylabel(text, rotation=0, ha="right", va="center", labelpad=6, fontsize=8.5)
    return figure


@figure_style()
def depth_figure(shapes: Mapping[str, tuple[int, ...]]) -> Figure:
    """The layers side by side: the height of a box is a map's side, its width the number of channels.

    Args:
        shapes: Layer -> (h, w, C), or (M,) of a dense layer, in their order; names that begin with "pool"
            or "norm" have a colour of their own, and "image" is grey. Heights and widths are square roots of
            what they stand for, so that small ones are seen too.

    Raises:
        DataError: If there is no layer.
    """
    if not shapes:
        raise DataError("depth_figure wants at least one layer, got none")
    sizes = [(shape[0], shape[-1]) if len(shape) == 3 else (1, shape[0]) for shape in shapes.values()]
    tallest, widest = math.sqrt(max(s for s, _ in sizes)), math.sqrt(max(c for _, c in sizes))
    boxes = [
        (max(0.06, 1.9 * math.sqrt(s) / tallest), max(0.08, 0.6 * math.sqrt(c) / widest)) for s, c in sizes
    ]
    gap, left, high = 0.26, 0.25, 3.8
    wide = 2 * left + sum(width for _, width in boxes) + gap * (len(boxes) - 1)
    figure = new_figure(wide, high)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, wide), ylim=(0, high))
    axis.set_axis_off()
    for (name, shape), (height, width) in zip(shapes.items(), boxes, strict=True):
        kind = 2 if len(shape) == 1 else 1 if name.startswith(("pool", "norm")) else 0
        colour = FAINT if name == "image" else COLOURS[kind]
        box = (left, high - 1.05 - height / 2)
        axis.add_patch(_box(box, width, height, colour))
        text = f"{name}   {'×'.join(map(str, shape))}"
        axis.text(left + width / 2, 1.65, text, rotation=90, ha="center", va="top", fontsize=8)
        left += width + gap
    return figure


def _box(corner: tuple[float, float], width: float, height: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, facecolor=colour, edgecolor=GREY, linewidth=0.6, alpha=0.85)


def _scale(leaf: np.ndarray) -> dict[str, Any]:
    """One scale for a layer: from white to black where nothing is below 0, else in two colours."""
    low, high = float(leaf.min()), float(leaf.max())
    if low >= 0:
        return {"cmap": "gray_r", "vmin": 0.0, "vmax": high or 1.0}
    largest = max(-low, high)
    return {"cmap": signed_colours(), "vmin": -largest, "vmax": largest}


def _picture(axis: Axes, picture: np.ndarray, **how: Any) -> None:
    axis.imshow(picture, interpolation="nearest", **how)
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set(visible=True, color=FAINT)
