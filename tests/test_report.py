"""The report as a reader's browser sees it: one file, every number in it, nothing that runs."""

from __future__ import annotations

import base64
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from nnjax.errors import DamagedError, StorageError
from nnjax.runner import plots
from nnjax.runner.report import write_report

SOURCE = '"""Digits."""\n\nif 1 < 2 & True:\n    print("<script>alert(1)</script>")\n'
VOID = {"meta", "img"}


class Page(HTMLParser):
    """A parsed page: its tags, their attributes, its text; every tag must be closed in its turn."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data

    def images(self) -> list[Image.Image]:
        return [
            Image.open(io.BytesIO(base64.b64decode(attrs["src"].removeprefix("data:image/png;base64,"))))
            for tag, attrs in self.tags
            if tag == "img"
        ]


@pytest.fixture
def folder(tmp_path):
    """A small but whole run."""
    config = {
        "name": "<script>alert('name')</script>",
        "purpose": "Digits & <b>letters</b>.",
        "experiment": "experiments/digits.py",
        "command": "nnjax run experiments/digits.py --note '<i>\"x\"</i>'",
        "config": {"epochs": 3, "learning_rate": 0.001, "<u>": "</dl>"},
        "plan": {"segments": 3, "monitor": "valid_loss", "maximize": False},
        "versions": {"jax": "0.10.2"},
        "platform": "Linux",
        "processor": "x86_64",
        "devices": ["cpu:0", "cpu:1"],
        "python": "3.11.7",
        "git_commit": None,
        "started": "2026-03-07T19:58:12+00:00",
        "seed": 7,
    }
    rows = [
        {"step": 10 * i, "epoch": i, "train_loss": 2.0 / i, "valid_loss": 2.5 / i, "valid_accuracy": 0.3 * i}
        for i in (1, 2, 3)
    ]
    rows.append({"step": 30, "epoch": 3, "test_loss": 0.75, "test_accuracy": 0.8625})
    layer = {"layer": "layer_0", "weights": "weights 64×10", "output": "10"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "timing.jsonl").write_text(
        '{"event": "train", "seconds": 2.0, "steps": 30, "examples": 960}\n'
    )
    (tmp_path / "summary.json").write_text(
        json.dumps({"layers": [{**layer, "parameters": 6410, "multiply_adds": 6400, "bytes": 25640}]})
    )
    (tmp_path / "experiment.py").write_text(SOURCE)
    (tmp_path / "figures").mkdir()
    plots.save(plots.confusion_figure(np.diag([3, 4])), tmp_path / "figures" / "confusion_matrix.png")
    return tmp_path


def page_of(folder) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_the_numbers_of_the_run_are_on_the_page(folder):
    text = page_of(folder).text
    for wanted in ("0.8625", "0.9000", "epoch 3", "6,410", "6,400", "25.0 KiB", "2.00 s", "480", "seed 7"):
        assert wanted in text, wanted
    for wanted in ("7 March 2026, 19:58 UTC", "learning_rate", "0.001", "cpu:0, cpu:1", "0.10.2", "3.11.7"):
        assert wanted in text, wanted


def test_everything_from_files_is_text(folder):
    page = page_of(folder)
    assert {tag for tag, _ in page.tags} == {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "header",
            "section",
            "figure",
            "figcaption",
        ),
        *("h1", "h2", "h3", "p", "div", "span", "strong", "small", "img", "i", "dl", "dt", "dd"),
        *("table", "thead", "tbody", "tfoot", "tr", "th", "td", "pre", "code", "details", "summary"),
    }
    assert [attrs for tag, attrs in page.tags if tag == "i"] == [
        {"class": "phase0", "style": "flex-grow:1.00000"}
    ]
    for wanted in (
        "<script>alert('name')</script>",
        "Digits & <b>letters</b>.",
        "--note '<i>\"x\"</i>'",
        SOURCE,
    ):
        assert wanted in page.text


def test_the_page_needs_nothing_but_itself(folder):
    page = page_of(folder)
    for tag, attrs in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "form")
        assert not any(name.startswith("on") or name == "href" for name in attrs)
        assert attrs.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_pictures_decode_to_the_files_and_the_curves_to_the_rows(folder):
    curves, confusion = page_of(folder).images()
    saved = plots.png(plots.confusion_figure(np.diag([3, 4])))
    with Image.open(io.BytesIO(saved)) as image:
        np.testing.assert_array_equal(np.asarray(confusion), np.asarray(image))
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    with Image.open(io.BytesIO(plots.png(plots.learning_curves(rows)))) as image:
        np.testing.assert_array_equal(np.asarray(curves), np.asarray(image))


def test_curves_that_the_run_drew_itself_are_kept(folder):
    Image.new("RGB", (30, 20), "red").save(folder / "figures" / "learning_curves.png")
    sizes = [image.size for image in page_of(folder).images()]
    assert (30, 20) in sizes
    assert len(sizes) == 2


def test_the_same_folder_gives_the_same_page(folder):
    assert write_report(folder).read_bytes() == write_report(folder).read_bytes()
    assert not list(folder.glob(".*"))


PARTS = (
    "config.json",
    "metrics.jsonl",
    "timing.jsonl",
    "summary.json",
    "experiment.py",
    "figures/confusion_matrix.png",
)


@pytest.mark.parametrize("kept", [(), *((part,) for part in PARTS), PARTS[:2], PARTS[2:]])
def test_any_part_of_a_run_makes_a_page(folder, kept):
    for part in PARTS:
        if part not in kept:
            (folder / part).unlink()
    text = page_of(folder).text
    for part in PARTS[:5]:
        assert (f"({part})" in text) is (part not in kept)


def test_a_whole_run_lacks_nothing(folder):
    assert "Not in this run folder" not in page_of(folder).text


def test_damage_leaves_the_old_page_in_its_place(folder):
    before = write_report(folder).read_bytes()
    (folder / "summary.json").write_text("{")
    with pytest.raises(DamagedError, match=r"summary\.json is damaged"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == before


def test_a_page_that_cannot_be_written_is_named(folder):
    (folder / "report.html").mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*report\.html"):
        write_report(folder)
    assert not list(folder.glob(".*"))
