"""Predictions from files: the classes of images and arrays that the data set itself holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnjax.data.datasets import load
from nnjax.errors import DataError
from nnjax.runner import predicting
from nnjax.runner.predicting import evaluate_run, predict_files
from nnjax.runner.run_folder import read_lines
from nnjax.runner.saved import open_run


@pytest.fixture(autouse=True)
def _set_up_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "configure", lambda: None)


def test_rows_of_an_npz_file_get_the_classes_of_the_data(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = load("digits")
    rows = np.flatnonzero(digits.targets < 3)[:12]
    path = tmp_path / "some.npz"
    np.savez(path, inputs=digits.inputs[rows])
    predict_files(tiny_run, [str(path)])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["file", "class", "probability", "next"]
    names = [("zero", "one", "two")[label] for label in digits.targets[rows]]
    assert [line.split()[1] for line in lines] == names
    assert [line.split()[0] for line in lines] == [f"{path}[{row}]" for row in range(12)]


def test_an_image_is_read_as_the_data_are(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = load("digits")
    run = open_run(tiny_run)
    path = tmp_path / "one.png"
    ink = np.rint(digits.inputs[1].astype(float) * 255 / 16).astype(np.uint8)
    for name, pixels in (("bright", ink), ("dark", 255 - ink)):
        Image.fromarray(pixels).save(path)
        (example,) = predicting.read_examples(run, str(path), invert=name == "dark")
        np.testing.assert_allclose(example.inputs, digits.inputs[1], atol=0.1)
    predict_files(tiny_run, [str(path)], invert=True)
    assert capsys.readouterr().out.splitlines()[1].split()[1] == "one"


def test_what_does_not_fit_names_the_file(tiny_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "wide.npz"
    np.savez(path, inputs=np.zeros((4, 9, 9)))
    with pytest.raises(DataError, match=r"wide\.npz: inputs want the shape \[N, 8, 8\], got \[4, 9, 9\]"):
        predict_files(tiny_run, [str(path)])
    with pytest.raises(DataError, match=r"nowhere\.png"):
        predict_files(tiny_run, [str(tmp_path / "nowhere.png")])


def test_evaluate_prints_the_score_of_the_run(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate_run(tiny_run)
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    last = read_lines(tiny_run / "metrics.jsonl")[-1]
    assert table[0] == ["part", "examples", "loss", "accuracy"]
    assert [row[:2] for row in table[1:]] == [["train", "323"], ["valid", "107"], ["test", "107"]]
    assert table[3][2:] == [f"{last['test_loss']:.4f}", f"{last['test_accuracy']:.4f}"]


def test_a_table_has_columns_apart(capsys: pytest.CaptureFixture[str]) -> None:
    predicting.print_table(("a", "long name"), [["x y", "1"], ["z", ""]])
    assert capsys.readouterr().out == "a    long name\nx y  1\nz\n"
