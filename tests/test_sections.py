"""The sections say what the run's files say: sums, shares, rates and the best row worked by hand."""

from __future__ import annotations

import re

import pytest

from nnjax.runner.report import sections
from nnjax.runner.report.run_files import Picture, RunFiles
from nnjax.training.cost import LayerCost

EMPTY = RunFiles({}, [], None, [], [], [], "", [])
LAYERS = [
    LayerCost("layer_0", "weights 64×32, bias 32", "32", 2080, 2048, 8320)._asdict(),
    LayerCost("layer_1", "weights 32×10, bias 10", "10", 330, 320, 1320)._asdict(),
]
TIMING = [
    {"event": "save", "seconds": 0.5, "steps": 150, "examples": 0},  # at step 150, not 150 steps of work
    {"event": "train", "seconds": 1.0, "steps": 100, "examples": 3200},
    {"event": "compile", "seconds": 2.5, "steps": 0, "examples": 0},
    {"event": "train", "seconds": 1.0, "steps": 50, "examples": 1600},
]
ROWS = [
    {"step": 10, "epoch": 1, "valid_loss": 0.5, "valid_accuracy": 0.8},
    {"step": 20, "epoch": 2, "valid_loss": 0.4, "valid_accuracy": 0.7},
    {"step": 30, "epoch": 3, "valid_loss": 0.6, "valid_accuracy": 0.9},
]


def cells(page: str) -> list[list[str]]:
    """The texts of each row of the tables."""
    rows = re.findall(r"<tr>(.*?)</tr>", page)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def cards(page: str) -> list[tuple[str, ...]]:
    return re.findall(r"<span>(.*?)</span><strong>(.*?)</strong><small>(.*?)</small>", page)


def test_an_empty_run_has_no_sections():
    names = ("headline", "notice", "network", "settings", "time", "environment", "again")
    assert [getattr(sections, name)(EMPTY) for name in names] == [""] * 7
    assert sections.pictures(EMPTY, None).strip() == ""


def test_the_headline_of_a_classification():
    run = EMPTY._replace(
        rows=ROWS,
        test={"step": 30, "test_loss": 0.125, "test_accuracy": 0.975},
        layers=LAYERS,
        timing=TIMING,
        config={"data": {"test": 1360}},
    )
    assert cards(sections.headline(run)) == [
        ("Test accuracy", "0.9750", "loss 0.1250, 1,360 examples"),
        ("Best validation accuracy", "0.7000", "epoch 2"),  # the plan watches the loss
        ("Parameters", "2,410", "2,368 multiply-adds"),
        ("Time", "5.00 s", "2.50 s of it compiling"),
    ]


def test_the_plan_decides_what_is_best():
    run = EMPTY._replace(rows=ROWS, config={"plan": {"monitor": "valid_accuracy", "maximize": True}})
    assert cards(sections.headline(run)) == [("Best validation accuracy", "0.9000", "epoch 3")]


def test_the_headline_of_a_regression():
    run = EMPTY._replace(
        rows=[{"step": 10, "valid_loss": 30.0}],
        test={"step": 10, "test_mean_error": 0.5, "test_loss": 25.125},
    )
    assert cards(sections.headline(run)) == [
        ("Test loss", "25.12", "mean error 0.5000"),
        ("Best validation loss", "30", "step 10"),
    ]


def test_the_summary_table_has_its_totals():
    assert cells(sections.network(EMPTY._replace(layers=LAYERS))) == [
        ["layer", "weights", "output", "parameters", "multiply-adds", "memory"],
        ["layer_0", "weights 64×32, bias 32", "32", "2,080", "2,048", "8.1 KiB"],
        ["layer_1", "weights 32×10, bias 10", "10", "330", "320", "1.3 KiB"],
        ["total", "", "", "2,410", "2,368", "9.4 KiB"],
    ]


def test_the_time_is_summed_by_phase_in_the_order_of_a_run():
    page = sections.time(EMPTY._replace(timing=TIMING))
    assert cells(page) == [
        ["phase", "time", "share", "steps", "examples/s"],
        ["compiling", "2.50 s", "50.0%", "", ""],
        ["training", "2.00 s", "40.0%", "150", "2,400"],
        ["saving", "0.50 s", "10.0%", "", ""],
        ["total", "5.00 s", "", "", ""],
    ]
    assert re.findall(r"flex-grow:([\d.]+)", page) == ["0.50000", "0.40000", "0.10000"]


def test_a_phase_without_time_divides_nothing_by_zero():
    page = sections.time(EMPTY._replace(timing=[{"event": "train", "seconds": 0.0, "examples": 5}]))
    assert cells(page)[1] == ["training", "0 ms", "", "", ""]


def test_settings_stand_as_they_were_given():
    run = EMPTY._replace(
        config={"config": {"hidden": [64, 32], "l2": 1e-4}, "plan": {"patience": None}, "data": {"train": 9}}
    )
    page = sections.settings(run)
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page) == [
        ("hidden", "64, 32"),
        ("l2", "0.0001"),
        ("patience", "none"),
        ("train", "9"),
    ]


def test_figures_come_in_the_order_of_a_story():
    names = ["attention_map", "confusion_matrix", "learning_curves", "mistakes"]
    run = EMPTY._replace(pictures=[Picture(name, "", b"", 9, 9) for name in names])
    page = sections.pictures(run, None)
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "How it learned",
        "What it confuses",
        "Where it is most wrong",
        "More figures",
    ]
    assert page.count("<img") == 4
    assert "<figcaption>Attention map</figcaption>" in page


def test_a_caption_of_the_run_replaces_ours():
    run = EMPTY._replace(pictures=[Picture("mistakes", "Nine of 360.", b"", 9, 9)])
    assert re.findall(r"<figcaption>(.*?)</figcaption>", sections.pictures(run, None)) == ["Nine of 360."]


@pytest.mark.parametrize(("rows", "said"), [(ROWS, True), ([{"step": 1, "train_loss": 2.0}], False)])
def test_the_dot_is_mentioned_where_there_is_one(rows, said):
    run = EMPTY._replace(rows=rows)
    page = sections.pictures(run, Picture("learning_curves", "", b"", 9, 9))
    assert ("The dot marks the best" in page) is said


@pytest.mark.parametrize(
    "config", [{"config": 3, "plan": [1], "versions": "new", "data": 0}, {"name": None, "devices": {}}]
)
def test_a_config_of_another_shape_breaks_nothing(config):
    run = EMPTY._replace(config=config, rows=ROWS)
    for name in ("header", "headline", "settings", "environment", "again"):
        getattr(sections, name)(run)
