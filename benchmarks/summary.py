"""Medians and spreads, and the table that a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.peers import PEERS

COLUMNS = (
    "library",
    "time of nnjax / its time",
    "training",
    "a call, compiled before",
    "first result of a new process",
    "of the next process",
    "peak memory",
    "of the machine's peak",
    "loss at the end",
)


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median, the quartiles and the ends.

    >>> spread([3.0, 1.0, 2.0, 5.0, 4.0])["upper"]
    4.0
    """
    names = ("least", "lower", "median", "upper", "most")
    return dict(zip(names, np.quantile(values, (0, 0.25, 0.5, 0.75, 1)).tolist(), strict=True))


def seconds(value: float) -> str:
    """A time with three digits.

    >>> seconds(0.01234), seconds(12.34)
    ('12.3 ms', '12.3 s')
    """
    return f"{value * 1000:.3g} ms" if value < 0.9995 else f"{value:.3g} s"


def ratio(values: Sequence[float]) -> str:
    """The median of the ratios and their quartiles.

    >>> ratio([0.5, 0.4, 0.6])
    '0.5 (0.45 to 0.55)'
    """
    found = spread(values)
    return f"{found['median']:.2g} ({found['lower']:.2g} to {found['upper']:.2g})"


def table(result: Mapping[str, Any]) -> str:
    """One workload as a Markdown table, nnjax first, then the quickest peer.

    Args:
        result: What `benchmarks.runner.measure` returns, with "machine".
    """
    peers = result["peers"]
    # By the ratios, which were paired, and not by the times, which also tell what else ran at that time.
    order = sorted(peers, key=lambda peer: -np.median(peers[peer].get("ratios", [np.inf])))
    lines = [COLUMNS, *(row(result, peer) for peer in order)]
    lines.insert(1, ("---",) + ("---:",) * (len(COLUMNS) - 1))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def row(result: Mapping[str, Any], peer: str) -> tuple[str, ...]:
    """One library's numbers, as text."""
    numbers, work = result["peers"][peer], result["work"]
    middle = float(np.median(numbers["seconds"]))
    return (
        PEERS[peer].title,
        ratio(numbers["ratios"]) if "ratios" in numbers else "1",
        seconds(middle),
        seconds(float(np.median(numbers["wall"]))),
        seconds(numbers["cold_seconds"]),
        seconds(numbers["next_seconds"]),
        f"{numbers['peak_bytes'] / 2**20:,.0f} MiB",
        f"{work['flops'] / middle / result['machine']['peak_flops']:.1%}",
        f"{np.median(numbers['loss']):.4f}",
    )
