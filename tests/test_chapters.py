"""All chapters in one folder: the page leads to each, and one that fails stops nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from nnjax.errors import ConfigError
from nnjax.runner import chapters, cli, listing
from nnjax.runner.report.run_files import Picture

CHAPTER = '''"""{purpose}"""
import dataclasses
from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.shown import Picture, Shown

@dataclasses.dataclass(frozen=True)
class Config:
    pass

def show(config):
    {action}
    figure = plots.new_figure(9, 3)
    figure.subplots().plot([1, 2])
    return Shown({{"line": Picture(figure, "A line of {purpose}")}}, {{}})
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "experiments").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(listing, "folders", lambda: [tmp_path / "experiments"])
    return tmp_path


def write(here: Path, name: str, purpose: str, action: str = "pass") -> None:
    (here / "experiments" / f"{name}.py").write_text(CHAPTER.format(purpose=purpose, action=action))


def test_the_page_leads_to_every_report(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, "alpha", "One & two.")
    write(here, "bad", "Fails.", 'raise DataError("row 3")')
    write(here, "last_one", "Three.")
    (here / "experiments/training.py").write_text('"""No chapter."""\n')
    assert cli.main(["run", "--all-chapters", "--out", "made"]) == DATA_ERROR
    out, err = capsys.readouterr()
    assert err == "nnjax: row 3\n"
    page = Path(re.search(r"all chapters: (.*)", out)[1])
    assert re.fullmatch(r"made/chapters-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d/index\.html", str(page))
    text = page.read_text()
    links = re.findall(r'href="([^"]+)"', text)
    assert [link.split("/")[0] for link in links] == ["alpha", "last_one"]
    for link in links:
        assert (page.parent / link).is_file()
    assert text.index("<h2>Alpha</h2>") < text.index("<h2>Bad</h2>") < text.index("<h2>Last one</h2>")
    assert "One &amp; two." in text
    assert text.count("<img ") == 2
    assert "No chapter." not in text


DATA_ERROR = 3


def test_without_chapters(here: Path) -> None:
    (here / "experiments/training.py").write_text('"""No chapter."""\n')
    with pytest.raises(ConfigError, match=r"^there are no chapters here"):
        chapters.run_all_chapters(here)


def test_a_thumbnail_is_as_wide_as_the_page_at_most(tmp_path: Path) -> None:
    Image.new("RGB", (1800, 600), "white").save(tmp_path / "a.png")
    small = chapters.thumbnail(Picture("a", "words", (tmp_path / "a.png").read_bytes(), 1800, 600))
    assert (small.width, small.height, small.caption, small.kind) == (900, 300, "words", "png")


def test_the_list_tells_chapters_from_trainings(here: Path) -> None:
    write(here, "alpha", "One.")
    (here / "experiments/training.py").write_text('"""No chapter."""\n')
    lines = listing.show_list().splitlines()
    assert lines[:4] == [
        "Chapters, which show a mechanism:",
        "  alpha     One.",
        "Trainings:",
        "  training  No chapter.",
    ]
    assert lines[-1].endswith("every chapter: `nnjax run --all-chapters`.")
