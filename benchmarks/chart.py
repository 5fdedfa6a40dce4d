"""The picture of a run: how long nnjax takes for what each peer does in 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.peers import PEERS
from benchmarks.summary import spread
from nnjax.runner.plots import figure_style, new_figure
from nnjax.runner.plots.style import GREY, INK, RIGHT, WRONG

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCHES_A_BAR, INCHES_A_PANEL = 0.27, 0.62


@figure_style()
def ratios(results: Mapping[str, Mapping[str, Any]]) -> Figure:
    """One panel a workload, one bar a peer: the median of the ratios, with their quartiles.

    Args:
        results: Workload to what `benchmarks.runner.measure` returned.
    """
    rows = {name: compared(result) for name, result in results.items()}
    heights = [INCHES_A_BAR * len(bars) + INCHES_A_PANEL for bars in rows.values()]
    figure = new_figure(7.2, sum(heights) + 0.45)
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (name, bars) in zip(panels, rows.items(), strict=True):
        draw(axis, bars)
        axis.set_title(f"{name}: {results[name]['work']['title']}")
    least = min(bar["lower"] for bars in rows.values() for _, bar in bars)
    most = max(bar["upper"] for bars in rows.values() for _, bar in bars)
    panels[-1].set_xlim(min(least / 2, 0.5), max(most * 2.5, 2.0))
    panels[-1].set_xlabel("time of nnjax / time of the other (logarithmic); left of the line nnjax is faster")
    return figure


def compared(result: Mapping[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """The peers' titles with the spread of their ratios, the smallest ratio first."""
    peers = {peer: numbers for peer, numbers in result["peers"].items() if "ratios" in numbers}
    found = [(PEERS[peer].title, spread(numbers["ratios"])) for peer, numbers in peers.items()]
    return sorted(found, key=lambda pair: pair[1]["median"])


def draw(axis: Axes, bars: list[tuple[str, dict[str, float]]]) -> None:
    """Bars from 1 to each ratio, its quartiles as a line, and its number."""
    from matplotlib.ticker import FuncFormatter

    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.axvline(1.0, color=INK, linewidth=1.0, zorder=1)
    axis.grid(axis="y", visible=False)
    axis.set_yticks(range(len(bars)), [title for title, _ in bars])
    axis.set_ylim(len(bars) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    for place, (_, bar) in enumerate(bars):
        middle = bar["median"]
        axis.barh(place, middle - 1, left=1, height=0.62, color=RIGHT if middle <= 1 else WRONG)
        axis.plot([bar["lower"], bar["upper"]], [place, place], color=INK, linewidth=1.2, zorder=3)
        outer = bar["lower"] if middle <= 1 else bar["upper"]
        axis.annotate(
            f"{middle:.2g}",
            (outer, place),
            xytext=(-5 if middle <= 1 else 5, 0),
            textcoords="offset points",
            ha="right" if middle <= 1 else "left",
            va="center",
            fontsize=8.5,
            color=GREY,
        )
