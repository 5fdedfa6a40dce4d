"""A chapter's run folder: pictures, captions and numbers as the chapter gave them, and nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from nnjax.errors import ConfigError
from nnjax.runner import chapter, plots
from nnjax.runner.experiment import run_experiment
from nnjax.runner.shown import Picture, Shown

CHAPTER = '''"""Two pictures & a table.

Run:     nnjax run toy.py
Expect:  a report.
"""

import dataclasses

from nnjax.runner import plots
from nnjax.runner.settings import Count
from nnjax.runner.shown import Picture, Shown


@dataclasses.dataclass(frozen=True)
class Config:
    points: Count = 5


def show(config):
    figure = plots.new_figure(2, 1)
    figure.subplots().plot(range(config.points))
    table = [{"sum": -6, "fires": "no"}, {"sum": 3, "fires": "yes"}]
    pictures = {"b_first": Picture(figure, "A < line."), "a_second": Picture(b"%s", "It moves.")}
    return Shown(pictures, {"share": 0.5, "sums": table})
'''


def a_gif() -> bytes:
    image = io.BytesIO()
    frames = [Image.new("L", (6, 4), shade) for shade in (0, 255)]
    frames[0].save(image, format="GIF", save_all=True, append_images=frames[1:], duration=100)
    return image.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = CHAPTER.replace('b"%s"', repr(a_gif()))
    (tmp_path / "toy.py").write_text(source)
    return run_experiment(tmp_path / "toy.py", {"points": 3}, tmp_path / "runs")


def test_what_is_in_the_folder(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert config["chapter"]
    assert config["config"] == {"points": 3}
    assert "plan" not in config
    assert "data" not in config
    assert json.loads((folder / "numbers.json").read_text()) == {
        "share": 0.5,
        "sums": [{"sum": -6, "fires": "no"}, {"sum": 3, "fires": "yes"}],
    }
    captions = json.loads((folder / "figures/captions.json").read_text())
    assert list(captions.items()) == [("b_first", "A < line."), ("a_second", "It moves.")]
    assert (folder / "figures/a_second.gif").read_bytes() == a_gif()
    with Image.open(folder / "figures/b_first.png") as image:
        assert image.size == (300, 150)


def test_the_report_tells_the_story_in_its_order(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert page.index("A &lt; line.") < page.index("It moves.") < page.index("The numbers")
    assert "data:image/gif;base64," in page
    assert "What it shows" in page
    assert "<th class=n>sum</th><th>fires</th>" in page
    assert "<td class=n>-6</td><td>no</td>" in page
    assert "Not in this run folder" not in page


def test_a_chapter_says_its_numbers_on_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = chapter.said("toy", Shown({}, {"a_share": jnp.float32(0.1), "rule": "stops", "rows": [{"x": 1}]}))
    assert text == "toy: 0 pictures, 3 numbers\n  a share: 0.1\n  rule: stops"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.float32(0.1), 0.1),
        (jnp.array([1, 2]), [1, 2]),
        (np.array([[0.1, 2]], np.float32), [[0.1, 2.0]]),
        (np.float64(1) / 3, 1 / 3),
        (np.bool_(True), True),
        ({"a": (1, np.int64(2))}, {"a": [1, 2]}),
        (None, None),
    ],
)
def test_numbers_are_pythons_own(value: object, wanted: object) -> None:
    got = chapter.plain(value, "x")
    assert got == wanted
    assert json.loads(json.dumps(got)) == wanted


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"loss": float("nan")}, "the number loss wants finite numbers, got nan"),
        ({"net": object()}, "the number net wants numbers, texts or a table, got object"),
        ({"t": [{"x": np.inf}]}, "the number t.x wants finite numbers, got inf"),
    ],
)
def test_what_is_no_number(numbers: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        chapter.write_shown(Shown({}, numbers), tmp_path)
    assert str(caught.value) == message
    assert not (tmp_path / "numbers.json").exists()


def test_what_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^the picture x wants a matplotlib Figure or the bytes of a GIF, got str"
    ):
        chapter.write_shown(Shown({"x": Picture("no", "")}, {}), tmp_path)
    for name in ("../up", "a b", "", "A"):
        with pytest.raises(ConfigError, match="lower-case letters, digits"):
            chapter.write_shown(Shown({name: Picture(plots.new_figure(1, 1), "")}, {}), tmp_path)


def test_captions_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/captions.json").write_text('{"old": "Before."}')
    chapter.write_shown(Shown({"new": Picture(a_gif(), "After.")}, {}), tmp_path)
    assert json.loads((tmp_path / "figures/captions.json").read_text()) == {"old": "Before.", "new": "After."}
