"""What a chapter shows: pictures with their captions, and the numbers that stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Picture(NamedTuple):
    """One picture.

    Attributes:
        image: A matplotlib Figure, or the bytes of a GIF.
        caption: What to see in it, a sentence or two.
    """

    image: Any
    caption: str


class Shown(NamedTuple):
    """What `show(config)` of a chapter returns; the runner writes it into the run folder.

    Attributes:
        pictures: File name without its ending -> picture, in the order of the story.
        numbers: What was measured, name -> a number, a text, or a list of equal dicts (a table).
    """

    pictures: Mapping[str, Picture]
    numbers: Mapping[str, Any]
