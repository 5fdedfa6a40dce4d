"""Fences the doctests of docstrings, so that the API pages show them as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

# A prompt and all that follows it up to the next blank line.
DOCTEST = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$).+)*", re.MULTILINE)


class FencedDoctests(griffe.Extension):
    """Puts each doctest between fences before the docstring is parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrites the docstring of one object."""
        if obj.docstring:
            obj.docstring.value = DOCTEST.sub(fenced, obj.docstring.value)


def fenced(found: re.Match[str]) -> str:
    """One doctest between fences."""
    return f"{found['indent']}```pycon\n{found[0]}\n{found['indent']}```"
