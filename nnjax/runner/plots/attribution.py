"""Where a net looks: images beside their saliency and Grad-CAM, and patches that excite channels most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 0.86  # inches
PATCH = 0.5
NAME = 0.85
WIDTH = 8.1


@figure_style()
def saliency_figure(images: Any, maps: Mapping[str, Any], titles: Sequence[str] = ()) -> Figure:
    """A column an image: itself on top, and below it what each map says, over the image in pale grey.

    Args:
        images: [N, H, W] or [N, H, W, C].
        maps: What a map is called -> float array [N, h, w], at least 0, such as `saliency` and `grad_cam`
            give; a map of another size is stretched over the image, and each has its own scale.
        titles: N texts, or none.

    Raises:
        DataError: If the numbers of images, maps and titles differ.
    """
    pictures = _greys(images)
    for name, of in {"titles": titles or pictures, **maps}.items():
        if len(of) != len(pictures):
            raise DataError(f"saliency_figure wants {len(pictures)} {name}, as many as images; got {len(of)}")
    rows, columns = 1 + len(maps), len(pictures)
    figure = new_figure(NAME + CELL * columns, rows * CELL + 0.25)
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03)
    axes = figure.subplots(rows, columns, squeeze=False)
    height, width = pictures[0].shape[:2]
    everywhere = (-0.5, width - 0.5, height - 0.5, -0.5)
    for n, picture in enumerate(pictures):
        ink = picture.astype(float) if picture.ndim == 2 else -picture.mean(axis=2)
        _show(axes[0, n], picture, cmap="gray_r")
        if titles:
            axes[0, n].set_title(titles[n], fontsize=8.5, fontweight="normal", loc="center", pad=4)
        for axis, of in zip(axes[1:, n], maps.values(), strict=True):
            _show(axis, ink, cmap="gray_r", vmin=ink.min(), vmax=ink.min() + 2 * (np.ptp(ink) or 1.0))
            values = np.asarray(of[n], float)
            how = "nearest" if values.shape == (height, width) else "bilinear"
            axis.imshow(
                values,
                cmap="YlOrRd",
                alpha=0.75 * values / (values.max() or 1.0),
                extent=everywhere,
                interpolation=how,
            )
    for axis, name in zip(axes[:, 0], ["image", *maps], strict=True):
        axis.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=6, fontsize=9)
    return figure


@figure_style()
def patches_figure(patches: Any, names: Sequence[str] = (), across: int = 2) -> Figure:
    """A row a channel: the patches that excite it most, the strongest first.

    Args:
        patches: [C, P, h, w, channels], as `nnjax.training.patches.patches` gives.
        names: What each row is called; the channel's number where it is empty.
        across: Rows side by side.

    Raises:
        DataError: If the patches are not [C, P, h, w, channels], or the names not as many.
    """
    patches = np.asarray(patches)
    if patches.ndim != 5 or not patches.size:
        raise DataError(f"patches_figure wants [C, P, h, w, channels], got {list(patches.shape)}")
    names = list(names) or [str(channel) for channel in range(len(patches))]
    if len(names) != len(patches):
        raise DataError(f"patches_figure wants {len(patches)} names, got {len(names)}")
    count, per_row = len(patches), patches.shape[1]
    rows = -(-count // across)
    side = min(PATCH, (WIDTH - 0.45 * across) / (across * per_row))
    figure = new_figure(across * (0.45 + side * per_row), rows * side + 0.1)
    figure.set_layout_engine("constrained", w_pad=0.015, h_pad=0.015)
    low, high = float(patches.min()), float(patches.max())
    for block, part in enumerate(figure.subfigures(1, across, squeeze=False)[0]):
        axes = part.subplots(rows, per_row, squeeze=False)
        for row in range(rows):
            channel = block * rows + row
            for p, axis in enumerate(axes[row]):
                if channel >= count:
                    axis.set_axis_off()
                    continue
                (picture,) = _greys(patches[channel, p][None])
                _show(axis, picture, cmap="gray_r", vmin=low, vmax=high)
            if channel < count:
                axes[row, 0].set_ylabel(names[channel], rotation=0, ha="right", va="center", fontsize=8)
    return figure


def _greys(images: Any) -> list[np.ndarray]:
    """Images without an axis of one channel."""
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not len(images):
        raise DataError(f"wanted images [N, H, W] or [N, H, W, C], at least one; got {list(images.shape)}")
    return list(images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images)


def _show(axis: Axes, picture: np.ndarray, **how: Any) -> None:
    axis.imshow(picture, interpolation="nearest", **(how if picture.ndim == 2 else {}))
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set(visible=True, color=FAINT)
