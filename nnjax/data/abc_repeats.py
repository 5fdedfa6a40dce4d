"""Repeats of ABC notation, played: `|: a |1 b :|2 c |]` is a b a c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def played(items: Sequence[Any]) -> list[Any]:
    """What sounds, in its order.

    Args:
        items: Notes (anything but strings) among strings: bars as they are written, "1" and "2" where an
            ending starts.

    >>> played(["|:", 60, "|", "1", 62, ":|", "2", 64, "|]"])
    [60, 62, 60, 64]
    """
    out: list[Any] = []
    section: list[Any] = []  # since the last place to repeat from
    first: list[Any] = []  # the first ending
    mode = "section"
    for item in items:
        if not isinstance(item, str):
            (first if mode == "first" else section).append(item)
        elif item == "1":
            mode = "first"
        elif item == "2":
            if mode == "first":  # the sign to repeat was left out
                out, section, first = [*out, *section, *first, *section], [], []
            mode = "second"
        else:
            repeats, starts = item.startswith(":"), item.endswith(":") and len(item) > 1
            if repeats:
                again = [] if mode == "second" else section
                out, section, first = [*out, *section, *first, *again], [], []
                mode = "section"
            elif starts or (mode == "second" and item in ("||", "|]")):
                out, section, first = [*out, *section, *first], [], []
                mode = "section"
    return [*out, *section, *first]
