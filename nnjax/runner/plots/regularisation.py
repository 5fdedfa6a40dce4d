"""What holds a net back: scores over strengths, the weights that a penalty leaves, and who stopped when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnjax.errors import DataError
from nnjax.runner.plots.style import FAINT, GREY, INK, RIGHT, figure_style, label_lines, look, new_figure
from nnjax.training.statistics import mean_intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TICKS = 12  # settings that have a mark and a number each; more are a curve


class Bands(NamedTuple):
    """One panel of `bands_figure`.

    Attributes:
        title: What was measured.
        xlabel: What goes across.
        x: Where the S settings stand: numbers, or names, which stand at equal distances.
        groups: What a group is called -> its P members' values in every setting, [P, S].
        logarithmic: Which axes are logarithmic: "", "x", "y" or "xy"; "x" only for numbers.
        chosen: What a group is called -> the setting that is marked, by its place.
        limits: The y axis, where the values do not decide it.
        percent: Whether the values are shares, written in percent.
        rules: What a place on x is called -> the place, a thin vertical line.
        first: Which colour and marker the first group has (`look`), the others those that follow.
    """

    title: str
    xlabel: str
    x: Sequence[Any]
    groups: Mapping[str, Any]
    logarithmic: str = ""
    chosen: Mapping[str, int] = {}
    limits: tuple[float | None, float | None] = (None, None)
    percent: bool = True
    rules: Mapping[str, float] = {}
    first: int = 0


@figure_style()
def bands_figure(panels: Sequence[Bands], width: float = 4.3, height: float = 3.3) -> Figure:
    """Over some settings, the mean of each group's members with its 95% interval, each named at its end.

    Args:
        panels: Beside each other.
        width: Of one, in inches.
        height: In inches.

    Raises:
        DataError: If there is no panel, or a group is not [P, S].
    """
    if not panels:
        raise DataError("bands_figure wants at least one panel, got none")
    figure = new_figure(width * len(panels), height)
    for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw_bands(axis, panel)
    return figure


def draw_bands(axis: Axes, panel: Bands) -> None:
    """One panel of a figure of your own."""
    named = any(isinstance(x, str) for x in panel.x)
    x = np.arange(len(panel.x)) if named else np.asarray(panel.x, float)
    ends = []
    for index, (name, members) in enumerate(panel.groups.items()):
        members = np.asarray(members, float)
        if members.ndim != 2 or members.shape[1] != len(x) or not len(members):
            raise DataError(f"bands_figure wants [P, {len(x)}] for {name!r}, got {list(members.shape)}")
        style = look(panel.first + index)
        mean, low, high = mean_intervals(members)
        if np.isfinite(low).all():
            axis.fill_between(x, low, high, color=style.color, alpha=0.2, linewidth=0)
        marker = style.marker if len(x) <= MOST_TICKS else None
        axis.plot(x, mean, color=style.color, linestyle=style.linestyle, marker=marker, markersize=4.5)
        if name in panel.chosen:
            place = panel.chosen[name]
            ring = {"markersize": 13, "markerfacecolor": "none", "markeredgecolor": INK}
            axis.plot(x[place], mean[place], "o", zorder=5, **ring)
        ends.append((mean[-1], name, style.color))
    axis.set(title=panel.title, xlabel=panel.xlabel)
    axis.set_xscale("log" if "x" in panel.logarithmic else "linear")
    axis.set_yscale("log" if "y" in panel.logarithmic else "linear")
    if len(x) <= MOST_TICKS:
        axis.set_xticks(x, [str(value) for value in panel.x])
        axis.set_xticks([], minor=True)
    else:
        axis.set_xlim(x[0], x[-1])
    axis.set_ylim(*panel.limits)
    for text, place in panel.rules.items():
        axis.axvline(place, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axis.annotate(
            text, (place, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -4), va="top",
            textcoords="offset points", fontsize=8, color=GREY,
        )  # fmt: skip
    if panel.percent:
        axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    low, high = axis.get_ylim()
    label_lines(axis, [(min(max(y, low), high), name, colour) for y, name, colour in ends])


@figure_style()
def weights_figure(weights: Mapping[str, Any], small: float = 1e-3, reach: float | None = None) -> Figure:
    """A histogram of each net's weights, with the shares that are exactly 0 and that are nearly so.

    Args:
        weights: What a net is called -> its weights, of any shape.
        small: Below which a weight is nearly 0.
        reach: Where the axis ends on both sides; None ends it at the largest weight of all.

    Raises:
        DataError: If there is no net, or one has no weights.
    """
    flat = {name: np.asarray(values, float).ravel() for name, values in weights.items()}
    if not flat or not all(values.size for values in flat.values()):
        raise DataError("weights_figure wants at least one net, each with weights")
    reach = reach or max(float(np.abs(values).max()) for values in flat.values())
    edges = np.linspace(-reach, reach, 82)  # an odd number of bars: 0 lies in the middle of one
    figure = new_figure(2.15 * len(flat) + 0.4, 2.8)
    axes = figure.subplots(1, len(flat), sharex=True, sharey=True, squeeze=False)[0]
    for axis, (name, values) in zip(axes, flat.items(), strict=True):
        heights, _ = np.histogram(values, edges)
        axis.stairs(heights / values.size, edges, fill=True, color=RIGHT)
        axis.set_yscale("log")
        axis.set(title=name, xlabel="weight", xlim=(-reach, reach), ylim=(3e-5, 40))
        axis.set_yticks([1e-4, 1e-3, 1e-2, 1e-1, 1.0], ["0.01%", "0.1%", "1%", "10%", "100%"])
        axis.set_yticks([], minor=True)
        zero, near = (values == 0).mean(), (np.abs(values) < small).mean()
        text = f"exactly 0: {zero:.1%}\nbelow {small:g}: {near:.1%}"
        axis.text(0.97, 0.98, text, transform=axis.transAxes, ha="right", va="top", fontsize=8)
    axes[0].set_ylabel("share of the weights")
    return figure


class Stops(NamedTuple):
    """When the members of a group were over.

    Attributes:
        kept: The epoch whose parameters each member kept, [P].
        trained: The epoch after which it stopped, [P].
    """

    kept: Any
    trained: Any


@figure_style()
def stops_figure(groups: Mapping[str, Stops], epochs: int) -> Figure:
    """A line for each member: how long it trained, which epoch it kept, and what was saved (faint).

    Args:
        groups: A panel each.
        epochs: How long a training is that nothing stops.

    Raises:
        DataError: If there is no group.
    """
    if not groups:
        raise DataError("stops_figure wants at least one group, got none")
    most = max(len(np.asarray(stops.trained)) for stops in groups.values())
    figure = new_figure(4.3 * len(groups), 1.2 + 0.13 * most)
    for index, (axis, (name, stops)) in enumerate(
        zip(figure.subplots(1, len(groups), squeeze=False)[0], groups.items(), strict=True)
    ):
        trained, kept = np.asarray(stops.trained, float), np.asarray(stops.kept, float)
        order, style = np.argsort(trained, kind="stable"), look(index)
        places = np.arange(len(trained))
        axis.hlines(places, trained[order], epochs, color=FAINT, linewidth=3)
        axis.hlines(places, 0, trained[order], color=style.color, linewidth=3)
        axis.plot(kept[order], places, "o", color="white", markeredgecolor=style.color, markersize=5)
        saved = 1 - trained.mean() / epochs
        axis.set_title(f"{name}: {saved:.0%} of the epochs saved")
        axis.set(xlabel="epoch", xlim=(0, epochs), ylim=(-0.8, most - 0.2))
        axis.set_yticks([])
        axis.grid(False, axis="y")
        axis.spines["left"].set_visible(False)
        axis.set_ylabel(f"{len(trained)} trainings", color=GREY)
    return figure
