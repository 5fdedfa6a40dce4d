"""SVG paths of Bézier curves, as points at even distances.

The commands M, L, H, V, C, S, Q, T and Z of SVG 1.1, absolute and relative, but no arcs
(https://www.w3.org/TR/SVG11/paths.html#PathData).
"""

from __future__ import annotations

import math
import re

import numpy as np

from nnjax.errors import DataError

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
TOKENS = re.compile(rf"([A-Za-z])|({NUMBER})|([\s,]+)")
ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "Z": 0}
CURVE_POINTS = 16
MAX_NUMBERS = 100_000
PARAMETER = np.linspace(0.0, 1.0, CURVE_POINTS + 1)[1:, None]
# A Bézier curve of degree n is sum over k of C(n, k) t^k (1 - t)^(n - k) times its point k.
BERNSTEIN = {
    n: np.array([math.comb(n, k) for k in range(n + 1)])
    * PARAMETER ** np.arange(n + 1)
    * (1 - PARAMETER) ** np.arange(n, -1, -1)
    for n in (2, 3)
}


def path_points(text: str, spacing: float) -> np.ndarray:
    """Points on a path, from its start to its end.

    Args:
        text: The path's data, such as "M10,20c3,0,6,2,9,5".
        spacing: The distance between neighbours along the path, in its units; the last step may be longer or
            shorter by half.

    Returns:
        float32 [T, 2], x and y; T is at least 2.

    Raises:
        DataError: If the path cannot be read, or has no length in it.

    >>> path_points("M0,0h10", 5.0).tolist()
    [[0.0, 0.0], [5.0, 0.0], [10.0, 0.0]]
    """
    line = _polyline(text)
    if not np.isfinite(line).all() or len(line) < 2:
        raise DataError(f"the path {text[:40]!r} draws nothing")
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    steps = max(1, round(float(along[-1]) / spacing))
    if steps > MAX_NUMBERS:
        raise DataError(f"the path {text[:40]!r} needs {steps:,} points")
    places = np.linspace(0.0, along[-1], steps + 1)
    return np.stack([np.interp(places, along, line[:, axis]) for axis in range(2)], 1).astype(np.float32)


def _polyline(text: str) -> np.ndarray:
    """The path as corners [P, 2], each curve cut into sixteen straight pieces."""
    here = start = np.zeros(2)
    control, last = here, ""
    corners: list[np.ndarray] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for command, values in _commands(text):
            upper = command.upper()
            base = here if command.islower() else np.zeros(2)
            if upper == "Z":
                points = start[None]
            elif upper in "HV":
                axis = "HV".index(upper)
                points = here[None].copy()
                points[0, axis] = values[0] + base[axis]
            else:
                points = np.array(values).reshape(-1, 2) + base
            if upper in "ST":  # the first control point mirrors the last one of the curve before
                mirrored = 2 * here - control if last in ("CS" if upper == "S" else "QT") else here
                points = np.concatenate([mirrored[None], points])
            if upper == "M":
                start = points[-1]
                corners.append(points)
            else:
                corners.append(
                    BERNSTEIN[len(points)] @ np.concatenate([here[None], points])
                    if upper in "CSQT"
                    else points
                )
            control = points[-2] if upper in "CSQT" else points[-1]
            here, last = points[-1], upper
    return np.concatenate(corners) if corners else np.zeros((0, 2))


def _commands(text: str) -> list[tuple[str, list[float]]]:
    """Each command with its numbers; one that is given numbers for several is several."""
    words: list[tuple[str, list[float]]] = []
    place = 0
    while place < len(text):
        token = TOKENS.match(text, place)
        if token is None or (token[2] and not words) or place > 20 * MAX_NUMBERS:
            raise DataError(f"the path {text[:40]!r} cannot be read from {text[place : place + 10]!r} on")
        if token[1]:
            words.append((token[1], []))
        elif token[2]:
            words[-1][1].append(float(token[2]))
        place = token.end()
    commands = []
    for number, (letter, values) in enumerate(words):
        size = ARGUMENTS.get(letter.upper())
        if size is None or (number == 0) != (letter in "Mm" and number == 0) or len(values) % max(size, 1):
            raise DataError(f"the path {text[:40]!r}: {letter} with {len(values)} numbers")
        if (size == 0) != (not values):
            raise DataError(f"the path {text[:40]!r}: {letter} with {len(values)} numbers")
        further = {"M": "L", "m": "l"}.get(letter, letter)
        for place in range(0, max(len(values), 1), max(size, 1)):
            commands.append((letter if place == 0 else further, values[place : place + size]))
    return commands
