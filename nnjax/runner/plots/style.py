"""The one style of all figures: readable in print, in grey, and by colour-blind people.

Figures are plain `matplotlib.figure.Figure` objects, which draw on the Agg canvas: no display is
needed, and nothing of pyplot's shared state is touched. Matplotlib's settings are one global table,
so the style is put on under a lock: figures may be made from several threads.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nnjax.errors import StorageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

DPI = 150
INK = "#1c1c1c"
GREY = "#6b6b6b"
FAINT = "#d9d9d9"
RIGHT = "#0072B2"  # blue: what is right, what is trained on
WRONG = "#D55E00"  # vermillion: what is wrong

# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: told apart with any colour vision. The order
# keeps neighbours apart in lightness too; yellow, which fades on white, comes last.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
LINES = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1.2, 2)), (0, (9, 2)), (0, (3, 1.4, 1, 1.4, 1, 1.4)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

_SETTINGS: dict[str, Any] = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # ships with Matplotlib: the same picture on every machine
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9.0,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#ececec",
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "legend.frameon": False,
}
_LOCK = threading.RLock()


class Look(NamedTuple):
    """How one series is drawn: three signs, so that none has to carry the difference alone."""

    color: str
    linestyle: Any
    marker: str


def look(index: int) -> Look:
    """The colour, line and marker of series number `index`; they repeat after 8, 6 and 8.

    >>> look(0)
    Look(color='#0072B2', linestyle='-', marker='o')
    """
    return Look(COLOURS[index % len(COLOURS)], LINES[index % len(LINES)], MARKERS[index % len(MARKERS)])


def signed_colours() -> Colormap:
    """The colours of numbers that have a sign: vermillion below 0, white at 0, blue above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [WRONG, "white", RIGHT])


@contextmanager
def figure_style() -> Iterator[None]:
    """Puts the style on Matplotlib's settings, and takes it off again.

    It starts from Matplotlib's own defaults, so that a user's matplotlibrc changes no figure. Works
    as `with figure_style():` and as `@figure_style()` on a function that makes a figure.
    """
    import matplotlib

    elsewhere = ("backend", "interactive", "toolbar", "webagg", "tk.", "keymap", "docstring")
    ours: dict[Any, Any] = {
        name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith(elsewhere)
    }
    ours.update(_SETTINGS)
    with _LOCK, matplotlib.rc_context(ours):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, which lays itself out so that nothing overlaps."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def label_lines(axis: Axes, labels: Sequence[tuple[float, str, str]], gap: float = 0.075) -> None:
    """Writes each line's name beside its end, in its colour, in place of a legend.

    Args:
        axis: Its limits must be final: call this last.
        labels: For each line the value at its end, the text and the colour.
        gap: The smallest distance between two texts, as a part of the height of the axis.
    """
    ends = axis.transAxes.inverted().transform(
        axis.transData.transform([(axis.get_xlim()[1], value) for value, _, _ in labels])
    )
    for (_, text, colour), height in zip(labels, _spread([end[1] for end in ends], gap), strict=True):
        axis.annotate(
            text,
            (1.0, height),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            ha="left",
            annotation_clip=False,
        )


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """The heights nearest to these (in least squares) that keep `gap` between neighbours."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    blocks: list[tuple[float, int]] = []  # mean and length; pool adjacent violators
    for rank, i in enumerate(order):
        mean, length = heights[i] - rank * gap, 1
        while blocks and blocks[-1][0] >= mean:
            before, many = blocks.pop()
            mean, length = (before * many + mean * length) / (many + length), many + length
        blocks.append((mean, length))
    flat = [mean for mean, length in blocks for _ in range(length)]
    spread = [0.0] * len(order)
    for rank, i in enumerate(order):
        spread[i] = flat[rank] + rank * gap
    return spread


def png(figure: Figure) -> bytes:
    """The figure as a PNG image. The same figure gives the same bytes."""
    image = io.BytesIO()
    with figure_style():
        figure.savefig(image, format="png", dpi=DPI, metadata={"Software": None})
    return image.getvalue()


def save(figure: Figure, path: str | Path) -> Path:
    """Writes a figure as PNG. The same figure gives the same file, bit for bit.

    Raises:
        StorageError: If the file cannot be written.
    """
    image = png(figure)
    try:
        Path(path).write_bytes(image)
    except OSError as error:
        raise StorageError(f"cannot write the figure {path}: {error.strerror or error}") from error
    return Path(path)
