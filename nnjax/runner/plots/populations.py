"""Many trainings in one picture: ribbons over seeds, two swept axes as a map, and an interval a setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, INK, figure_style, look, new_figure
from nnjax.training.statistics import Interval, mean_intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_RIBBONS = 6  # more colours are not told apart
MOST_ROWS = 20
PARTS = {"train": "training", "valid": "validation"}
LOG_RANGE = 5.0  # the largest over the smallest value from which an axis is logarithmic


class Axis(NamedTuple):
    """One swept setting: its name, and its values."""

    name: str
    values: Sequence[float]


def value_text(value: float) -> str:
    """A swept value with up to three digits.

    >>> value_text(0.00026826957), value_text(1e-05), value_text(0.0), value_text(0.0019307)
    ('2.68e-4', '1e-5', '0', '0.00193')
    """
    text = f"{value:.3g}"
    if 0 < abs(value) < 1e-3 and "e" not in text:
        digits, power = f"{value:.2e}".split("e")
        text = f"{float(digits):g}e{power}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def setting_text(values: Mapping[str, float]) -> str:
    """A setting in words.

    >>> setting_text({"learning_rate": 0.01, "l2": 0.0})
    'learning rate 0.01, l2 0'
    """
    return ", ".join(f"{name.replace('_', ' ')} {value_text(value)}" for name, value in values.items())


def metric_text(name: str) -> str:
    """A row entry in words.

    >>> metric_text("valid_loss"), metric_text("test_accuracy")
    ('validation loss', 'test accuracy')
    """
    part, _, metric = name.partition("_")
    return f"{PARTS.get(part, part)} {metric}".replace("_", " ").strip()


@figure_style()
def ribbons_figure(
    x: Sequence[float],
    panels: Mapping[str, Mapping[str, Any]],
    unit: str = "epoch",
    overlap: float = 0.0,
    most: int = MOST_RIBBONS,
) -> Figure:
    """The mean over the members of each setting, with its 95% interval as a ribbon.

    Args:
        x: Where the values stand, [S].
        panels: Name of a metric -> name of a setting -> its P members' values [P, S], best setting
            first. The first `most` have a colour and a ribbon, the means of the others are thin and grey
            and may leave the panel, whose height fits the first.
        unit: What `x` counts.
        overlap: As in `mean_interval`.
        most: How many settings have a colour.

    Raises:
        DataError: If the values of a setting are not [P, S].
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(4.3 * len(panels), 3.9)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (metric, settings) in zip(axes, panels.items(), strict=True):
        seen: list[np.ndarray] = []
        for place, (name, members) in reversed(list(enumerate(settings.items()))):
            members = np.asarray(members, float)
            if members.ndim != 2 or members.shape[1] != len(x) or not len(members):
                raise DataError(f"ribbons_figure wants [P, {len(x)}] for {name!r}, got {list(members.shape)}")
            mean, low, high = mean_intervals(members, overlap=overlap)
            if place >= most:
                axis.plot(x, mean, color=FAINT, linewidth=1.0, zorder=1)
                continue
            style, over = look(place), 2 + most - place
            if np.isfinite(low).all():
                axis.fill_between(x, low, high, color=style.color, alpha=0.18, linewidth=0, zorder=over)
                seen += [low[low > 0], high]
            axis.plot(x, mean, color=style.color, linestyle=style.linestyle, label=name, zorder=over)
            seen.append(mean)
        _fit_axis(axis, np.concatenate(seen), "y")
        axis.set(xlabel=unit, xlim=(x[0], x[-1]) if len(x) > 1 else None)
        if all(float(value).is_integer() for value in x):
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axis.set_title(metric_text(metric))
    _legend(figure, axes[0], len(panels[next(iter(panels))]) - most)
    return figure


def _legend(figure: Figure, axis: Axes, others: int) -> None:
    from matplotlib.lines import Line2D

    handles, labels = axis.get_legend_handles_labels()
    lines, names = list(handles)[::-1], list(labels)[::-1]
    if others > 0:
        lines.append(Line2D([], [], color=FAINT, linewidth=1.0))
        names.append(f"{others} other settings" if others > 1 else "1 other setting")
    if len(names) > 1:
        figure.legend(lines, names, loc="outside lower center", ncols=2, fontsize=8.5, handlelength=2.6)


def _fit_axis(axis: Axes, values: np.ndarray, which: str) -> None:
    """A logarithmic axis where the values are positive and their range is large; else what fits them."""
    from matplotlib.ticker import LogLocator, NullFormatter

    values = values[np.isfinite(values)]
    if not values.size:
        return
    low, high = values.min(), values.max()
    if low > 0 and high > LOG_RANGE * low:
        getattr(axis, f"set_{which}scale")("log")
        ticks = getattr(axis, f"{which}axis")
        few = (1, 2, 5) if high < 100 * low else (1,)
        ticks.set_major_locator(LogLocator(subs=few))
        ticks.set_major_formatter(lambda value, _: value_text(value))
        ticks.set_minor_formatter(NullFormatter())
        margin = (high / low) ** 0.05
        limits = low / margin, high * margin
    else:
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        limits = low - margin, high + margin
    getattr(axis, f"set_{which}lim")(*limits)


@figure_style()
def heat_figure(
    panels: Mapping[str, Any], rows: Axis, columns: Axis, best: tuple[int, int] | None = None
) -> Figure:
    """A number for every pair of two swept settings; the darker, the nearer to the best cell of its panel.

    The shade is log(1 + d / s), d the distance from the best value and s the first quartile of all
    distances, so that one cell that failed does not make all others look alike. Cells stand at equal
    distances, whatever their values are.

    Args:
        panels: Name of a metric -> its values [R, C]; NaN where there is none. A name that ends in
            "accuracy" is better the larger, others the smaller.
        rows: The setting that changes from row to row, R values.
        columns: The one that changes from column to column, C values.
        best: The row and the column that are framed.

    Raises:
        DataError: If values are not [R, C].
    """
    shape = (len(rows.values), len(columns.values))
    figure = new_figure(max(4.0, 1.5 + 0.56 * shape[1]), len(panels) * (1.2 + 0.36 * shape[0]))
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, (metric, values) in zip(axes, panels.items(), strict=True):
        values = np.asarray(values, float)
        if values.shape != shape:
            raise DataError(f"heat_figure wants {list(shape)} for {metric!r}, got {list(values.shape)}")
        _draw_cells(axis, values, metric.endswith("accuracy"))
        axis.set_title(metric_text(metric))
        axis.set_xticks(range(shape[1]), [value_text(value) for value in columns.values])
        axis.set_yticks(range(shape[0]), [value_text(value) for value in rows.values])
        axis.set_xlabel(axis_name(columns))
        axis.set_ylabel(axis_name(rows))
        if best is not None:
            frame = {"fill": False, "edgecolor": look(1).color, "linewidth": 2.5, "clip_on": False}
            _add_box(axis, best, **frame)
    return figure


def axis_name(axis: Axis) -> str:
    """What stands at an axis: its name, and whether its values grow by equal ratios.

    >>> axis_name(Axis("learning_rate", [0.01, 0.1, 1.0])), axis_name(Axis("l2", [0.0, 0.1]))
    ('learning rate (log scale)', 'l2')
    """
    values = np.asarray(axis.values, float)
    name = axis.name.replace("_", " ")
    if len(values) < 3 or not (values > 0).all():
        return name
    ratios = np.diff(np.log(values))
    return f"{name} (log scale)" if np.allclose(ratios, ratios[0], rtol=1e-3) else name


def _draw_cells(axis: Axes, values: np.ndarray, larger: bool) -> None:
    from matplotlib import colormaps

    known = np.isfinite(values)
    best = (np.nanmax if larger else np.nanmin)(values) if known.any() else 0.0
    distance = np.abs(values - best)
    far = distance[known & (distance > 0)]
    shade = np.log1p(distance / (np.quantile(far, 0.25) if far.size else 1.0))
    shade = 1 - shade / (np.nanmax(shade) or 1.0) if known.any() else shade
    colours = colormaps["Blues"](0.04 + 0.86 * np.nan_to_num(shade))
    colours[~known] = (0.93, 0.93, 0.93, 1)
    axis.imshow(colours, aspect="auto", interpolation="nearest")
    digits = 3 if np.nanmax(np.abs(values), initial=0) < 10 else 1
    for row, column in np.ndindex(values.shape):
        text = f"{values[row, column]:.{digits}f}" if known[row, column] else "none"
        ink = "white" if known[row, column] and shade[row, column] > 0.62 else INK
        axis.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    axis.grid(False)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _add_box(axis: Axes, cell: tuple[int, int], **look_of_it: Any) -> None:
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((cell[1] - 0.5, cell[0] - 0.5), 1, 1, zorder=5, **look_of_it))


class SettingRow(NamedTuple):
    """One row of `intervals_figure`.

    Attributes:
        name: The setting.
        intervals: Name of a metric -> its interval.
        members: Name of a metric -> the members' values, [P].
        behind: Whether it is surely worse than the best one.
    """

    name: str
    intervals: Mapping[str, Interval]
    members: Mapping[str, Any]
    behind: bool = False


@figure_style()
def intervals_figure(rows: Sequence[SettingRow], metrics: Sequence[str], most: int = MOST_ROWS) -> Figure:
    """A line for each setting: its members as dots, their mean, and its 95% interval.

    Args:
        rows: The settings, best first. Those that are not surely worse than the best are blue.
        metrics: One panel each.
        most: How many settings are shown; a line says how many are not.
    """
    shown, hidden = rows[:most], len(rows) - most
    width = 1.2 + 0.065 * max(len(row.name) for row in shown)
    figure = new_figure(width + 2.6 * len(metrics), 1.1 + 0.25 * len(shown))
    axes = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axis, metric in zip(axes, metrics, strict=True):
        seen = [_draw_setting(axis, row, metric, place) for place, row in enumerate(shown)]
        _fit_axis(axis, np.concatenate(seen), "x")
        axis.set_title(metric_text(metric))
        axis.grid(False, axis="y")
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
    names = [row.name for row in shown]
    axes[0].set_yticks(range(len(shown)), names)
    axes[0].set_ylim(len(shown) - 0.4, -0.6)
    for text, row in zip(axes[0].get_yticklabels(), shown, strict=True):
        text.set_color(GREY if row.behind else INK)
    if hidden > 0:
        left_out = "1 worse setting is" if hidden == 1 else f"{hidden} worse settings are"
        axes[0].set_xlabel(f"{left_out} not shown", color=GREY, loc="left")
    return figure


def _draw_setting(axis: Axes, row: SettingRow, metric: str, place: int) -> np.ndarray:
    """Draws one setting, and gives the values that the axis has to reach."""
    colour = GREY if row.behind else look(0).color
    members = np.asarray(row.members.get(metric, ()), float)
    axis.plot(members, np.full(len(members), place), "o", color=colour, alpha=0.3, markersize=3, zorder=2)
    interval = row.intervals.get(metric)
    if interval is None:
        return members
    ends = np.array([interval.low, interval.high])
    if np.isfinite(ends).all():
        axis.plot(ends, [place, place], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=3)
    dot = {"color": colour, "markersize": 7 if place == 0 else 5.5, "markeredgecolor": "white", "zorder": 4}
    axis.plot([interval.mean], [place], "D" if place == 0 else "o", **dot)
    return np.concatenate([members, [interval.mean], ends[np.isfinite(ends) & (ends > 0)]])
