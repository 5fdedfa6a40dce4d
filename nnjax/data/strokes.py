"""Pen strokes as sequences: where the pen goes next, and whether it has been lifted.

A drawing is [T, 3]: the step from the point before (dx, dy) and 1 at the last point of a stroke, as in
Graves, "Generating sequences with recurrent neural networks" (2013, https://arxiv.org/abs/1308.0850).
Drawings come from the user's CSV file of points, or from KanjiVG: 6,703 characters with the order of their
strokes, by Ulrich Apel and others (https://kanjivg.tagaini.net), under the licence CC BY-SA 3.0: whoever
passes on what is made of them, drawings included, names KanjiVG and keeps the licence.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from nnjax.data import search
from nnjax.data.padding import pad
from nnjax.data.search import RemoteFile
from nnjax.data.svg_paths import path_points
from nnjax.data.wheels import Wheel
from nnjax.errors import ConfigError, DamagedError
from nnjax.types import Dataset

FILE = RemoteFile(
    "kanjivg.svgs.gz", "", "", "50b9e477d32d608cbb7e07a5816975c34768d5e94bed6a212862a87d6f1328bd"
)
WHEEL = Wheel(
    "kanjivg",
    "20260714",
    "5190e7ec4eb513dbe6865b2ed52c58287fc10ea514b9409e4cf66ce7db41644d",
    {FILE.name: r"kanji/[0-9a-f]{5}\.svg"},
)
SIDE = 109.0  # of a character's square
IDEOGRAPHS = range(0x4E00, 0xA000)
GLYPH = re.compile(r'id="kvg:([0-9a-f]{5})"')
PATH = re.compile(r'<path [^>]*\bd="([^"]*)"')
LEFT = re.compile(r'<g id="kvg:[0-9a-f]{5}-g1" [^>]*?kvg:element="([^"]+)"[^>]*kvg:position="left"')


def strokes_to_steps(strokes: Sequence[np.ndarray], scale: float = 1.0) -> np.ndarray:
    """A drawing as steps of the pen.

    Args:
        strokes: Points [T_k, 2] of each stroke, in the order in which they are drawn.
        scale: What coordinates are divided by.

    Returns:
        float32 [T, 3]: dx, dy, and 1 at the last point of a stroke; the first point is a step from the first
        point itself, (0, 0).

    >>> strokes_to_steps([np.array([[1.0, 1], [3, 1]]), np.array([[3.0, 2], [3, 4]])]).tolist()
    [[0.0, 0.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 2.0, 1.0]]
    """
    points = np.concatenate(strokes).astype(np.float32)
    steps = np.diff(points, axis=0, prepend=points[:1]) / np.float32(scale)
    lifted = np.zeros(len(points), np.float32)
    lifted[np.cumsum([len(stroke) for stroke in strokes]) - 1] = 1.0
    return np.concatenate([steps, lifted[:, None]], 1).astype(np.float32)


def steps_to_strokes(steps: np.ndarray) -> list[np.ndarray]:
    """The inverse of `strokes_to_steps`, but for where the drawing lies: points [T_k, 2] of each stroke."""
    steps = np.asarray(steps)
    points = np.cumsum(steps[:, :2], axis=0)
    ends = np.flatnonzero(steps[:, 2] > 0.5) + 1
    return [stroke for stroke in np.split(points, ends) if len(stroke)]


def kanji(classes: int = 16, spacing: float = 7.0, path: str | os.PathLike | None = None) -> Dataset:
    """Characters whose left-hand component is one of the commonest; which one is the class.

    The component is drawn first, and the rest of the character follows: what has to be told is in the first
    strokes, and has to be kept to the end.

    Args:
        classes: K, how many components, the commonest first (static); 2 to 40. The rarest of 16 has 59
            characters, the commonest 319.
        spacing: The distance between points, of a square 109 wide.
        path: A folder with kanjivg.svgs.gz: the SVG files of the package, one after another.

    Returns:
        Inputs `Sequences` of float32 [N, T, 3], steps in tenths of the square; targets int32 [N]; the classes
        are the components.

    Raises:
        ConfigError: If `classes` or `spacing` is out of range.
        DataError: If the file is nowhere.
        DamagedError: If it is not the known one, or cannot be read.
    """
    if not 2 <= classes <= 40 or not 1 <= spacing <= SIDE:
        raise ConfigError(f"wanted 2 to 40 classes and a spacing of 1 to 109, got {classes} and {spacing}")
    glyphs = [(left, paths) for code, left, paths in read_kanji(path) if left and code in IDEOGRAPHS]
    counts = Counter(left for left, _ in glyphs)
    names = tuple(sorted(counts, key=lambda name: (-counts[name], name))[:classes])
    chosen = [(names.index(left), paths) for left, paths in glyphs if left in names]
    drawings = [
        strokes_to_steps([path_points(one, spacing) for one in paths], SIDE / 10) for _, paths in chosen
    ]
    if not drawings:
        raise DamagedError("kanji: no characters with a component at their left in the file")
    return Dataset(pad(drawings), np.array([label for label, _ in chosen], np.int32), "kanji", names)


def read_kanji(path: str | os.PathLike | None = None) -> list[tuple[int, str, list[str]]]:
    """Every character of KanjiVG: code point, its component at the left or "", and the paths of its strokes.

    Raises:
        DataError, DamagedError: As `kanji`.
    """
    where = search.find("kanji", [FILE], path, wheel=WHEEL)[0]
    content = search.read_checked(where, None if path else FILE.content_sha256)
    glyphs = []
    for svg in content.decode("utf-8", "replace").split("<svg ")[1:]:
        code = GLYPH.search(svg)
        if code is None:
            raise DamagedError(f"{where}: character {len(glyphs)} has no code point")
        left = LEFT.search(svg)
        glyphs.append((int(code[1], 16), left[1] if left else "", PATH.findall(svg)))
    return [glyph for glyph in glyphs if glyph[2]]
