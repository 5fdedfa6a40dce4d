"""Source code as a picture: what is shown is the code that runs, and it fits."""

from __future__ import annotations

import pytest

from nnjax.errors import DataError
from nnjax.runner import plots


def example(x: int, *, y: float = 2.0) -> float:
    """A docstring that is not shown.

    Neither is this.
    """
    # but comments are

    z = x + y
    return z


def decorated(x: int) -> int:
    """Text."""

    @staticmethod
    def inner(y: int) -> int:
        return y

    return inner(x)


def test_docstrings_and_types_go_and_the_code_stays() -> None:
    text = plots.source(example)
    assert text.splitlines()[0] == "def example(x, *, y=2.0):"
    assert "docstring" not in text
    assert "Neither" not in text
    assert text.splitlines()[1:] == ["    # but comments are", "", "    z = x + y", "    return z"]
    scope: dict = {}
    exec(text, scope)
    assert scope["example"](1) == 3.0


def test_a_decorator_within_stays() -> None:
    assert plots.source(decorated).splitlines()[:3] == [
        "def decorated(x):",
        "    @staticmethod",
        "    def inner(y: int) -> int:",
    ]


def test_the_code_fits_into_the_figure() -> None:
    programs = {"long": "\n".join(["x = 1"] * 40), "wide": "y = " + "1 + " * 20 + "1", "short": "z = 3"}
    figure = plots.code_figure(programs, [["long"], ["wide", "short"]])
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = {text.get_text(): text.get_window_extent() for text in figure.texts}
    for text, box in boxes.items():
        assert 0 <= box.x0 < box.x1 <= width, text[:20]
        assert 0 <= box.y0 < box.y1 <= height, text[:20]
    assert boxes[programs["wide"]].x0 > boxes[programs["long"]].x1
    assert boxes["short"].y1 < boxes[programs["wide"]].y0
    assert "40 lines" in boxes


def test_an_unknown_title_is_named() -> None:
    with pytest.raises(DataError, match=r"titles among \['a'\], got \['b'\]"):
        plots.code_figure({"a": "x"}, [["b"]])
