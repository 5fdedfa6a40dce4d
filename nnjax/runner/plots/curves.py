"""How a training went: each metric over the epochs, on the training and the validation part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnjax.errors import DataError
from nnjax.runner.plots.style import GREY, figure_style, label_lines, look, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
PARTS = (("train", "training"), ("valid", "validation"))
LOG_RANGE = 100.0  # a loss whose largest value is more than this many times its smallest


def best_row(
    rows: Sequence[Row], monitor: str = "valid_loss", maximize: bool = False, min_delta: float = 0.0
) -> Row | None:
    """The row that a training keeps: the first that no later one beats by more than `min_delta`.

    Rows without a finite `monitor` do not count; None if there is no other.

    >>> best_row([{"epoch": 1, "valid_loss": 0.3}, {"epoch": 2, "valid_loss": 0.2}])["epoch"]
    2
    """
    best, best_score = None, -math.inf
    for row in rows:
        score = _number(row, monitor) * (1.0 if maximize else -1.0)
        if math.isfinite(score) and (best is None or score > best_score + min_delta):
            best, best_score = row, score
    return best


@figure_style()
def learning_curves(
    rows: Sequence[Row], *, monitor: str = "valid_loss", maximize: bool = False, min_delta: float = 0.0
) -> Figure:
    """One panel a metric (the loss first), with the epoch that `monitor` calls best marked in each.

    Args:
        rows: The rows of a run's metrics: "epoch" (or "step") and any of "train_NAME",
            "valid_NAME". Rows that have neither, such as the last one with the test, are left out;
            a value that is not finite leaves a gap. The loss has a logarithmic axis where its range
            exceeds a factor of 100.
        monitor: The entry that decides what is best.
        maximize: Whether a larger value is better.
        min_delta: How much better counts as better.

    Raises:
        DataError: If no row has a metric.
    """
    from matplotlib.ticker import MaxNLocator

    rows = [row for row in rows if _names([row])]
    names = _names(rows)
    if not names:
        raise DataError("learning_curves wants rows with train_NAME or valid_NAME entries; there are none")
    unit = "epoch" if all("epoch" in row for row in rows) else "step"
    best = best_row(rows, monitor, maximize, min_delta)
    figure = new_figure(4.4 * len(names), 3.1)
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        ends = _lines(axis, rows, name, unit)
        if best is not None:
            _mark_best(axis, best, name, unit)
        axis.set_title(name.replace("_", " "))
        axis.set_xlabel(unit)
        if all(float(row[unit]).is_integer() for row in rows):
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        if len(rows) == 1:
            axis.set_xlim(float(rows[0][unit]) - 1, float(rows[0][unit]) + 1)
        label_lines(axis, ends)
    return figure


def _lines(axis: Axes, rows: Sequence[Row], name: str, unit: str) -> list[tuple[float, str, str]]:
    """Draws the lines of one metric; gives the last value, the name and the colour of each."""
    seen: list[float] = []
    ends = []
    for index, (part, text) in enumerate(PARTS):
        values = [_number(row, f"{part}_{name}") for row in rows]
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            continue
        color, linestyle, marker = look(index)
        # A value that has no neighbour is no line: it would not be seen without a marker.
        alone = marker if len(finite) == 1 else "None"
        steps = [row[unit] for row in rows]
        axis.plot(steps, values, color=color, linestyle=linestyle, marker=alone, label=text)
        seen += finite
        ends.append((finite[-1], text, color))
    if name == "loss" and seen and min(seen) > 0 and max(seen) > LOG_RANGE * min(seen):
        axis.set_yscale("log")
    return ends


def _mark_best(axis: Axes, best: Row, name: str, unit: str) -> None:
    """A thin line at the best epoch, a dot on the validation curve, and its number above."""
    x, value = float(best[unit]), _number(best, f"valid_{name}")
    if not math.isfinite(value):
        return
    axis.axvline(x, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    dot = {"linestyle": "none", "marker": "o", "markersize": 7, "markeredgecolor": "white", "zorder": 5}
    axis.plot([x], [value], color=look(1).color, label="best", **dot)
    axis.set_title(
        f"best {unit} {x:g}: {value:.4g}", loc="right", fontsize=8.5, fontweight="normal", color=GREY
    )


def _names(rows: Sequence[Row]) -> list[str]:
    """The metrics of these rows, the loss first, then as they stand."""
    keys = dict.fromkeys(key for row in rows for key in row)
    names = dict.fromkeys(
        key.removeprefix(f"{part}_") for key in keys for part, _ in PARTS if key.startswith(f"{part}_")
    )
    return sorted(names, key=lambda name: name != "loss")


def _number(row: Row, key: str) -> float:
    value = row.get(key)
    return math.nan if value is None else float(value)
