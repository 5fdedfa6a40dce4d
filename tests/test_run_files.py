"""Reading a run folder: any part may be missing, no part may be damaged."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from nnjax.errors import ConfigError, DamagedError
from nnjax.runner.report.run_files import read_run

TRAIN = {"step": 36, "epoch": 1, "train_loss": 1.5, "valid_loss": 1.25}
TEST = {"step": 36, "epoch": 1, "test_loss": 1.125}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(json.dumps(TRAIN) + "\n" + json.dumps(TEST) + "\n")
    (tmp_path / "figures").mkdir()
    Image.new("RGB", (8, 6), "white").save(tmp_path / "figures" / "weights.png")
    return tmp_path


def test_rows_of_training_and_the_test_are_told_apart(folder):
    run = read_run(folder)
    assert (run.rows, run.test) == ([TRAIN], TEST)
    assert run.missing == [
        "settings and environment (config.json)",
        "the layers of the network (summary.json)",
        "where the time went (timing.jsonl)",
        "the source (experiment.py)",
    ]


def test_pictures_have_their_size_and_their_caption(folder):
    (folder / "figures" / "captions.json").write_text(json.dumps({"weights": "What each unit looks for."}))
    (picture,) = read_run(folder).pictures
    assert picture[:2] == ("weights", "What each unit looks for.")
    assert (picture.width, picture.height) == (8, 6)
    assert picture.data == (folder / "figures" / "weights.png").read_bytes()


def test_a_line_that_is_still_being_written_is_left_out_and_said(folder):
    with open(folder / "metrics.jsonl", "w") as file:
        file.write(json.dumps(TRAIN) + '\n{"step": 72, "ep')
    run = read_run(folder)
    assert (run.rows, run.test) == ([TRAIN], None)
    assert "the last line of metrics.jsonl, which was still being written" in run.missing
    assert "a test result (the run has not finished, or tests nothing)" in run.missing


def test_a_last_row_without_its_line_end_counts(folder):
    (folder / "metrics.jsonl").write_text(json.dumps(TRAIN))
    assert read_run(folder).rows == [TRAIN]


def test_values_that_are_not_finite_are_no_damage(folder):
    (folder / "metrics.jsonl").write_text('{"step": 1, "train_loss": NaN, "valid_loss": null}\n')
    assert read_run(folder).rows[0]["valid_loss"] is None


@pytest.mark.parametrize("form", ["table", "rows alone"])
def test_the_layers_stand_with_or_without_their_totals(folder, form):
    row = {"layer": "layer_0", "parameters": 3, "multiply_adds": 2, "bytes": 12}
    summary = {"layers": [row], "parameters": 3} if form == "table" else [row]
    (folder / "summary.json").write_text(json.dumps(summary))
    assert read_run(folder).layers == [row]


DAMAGE = [
    ("config.json", b'{"name": ', r"config\.json is damaged: Expecting value"),
    ("config.json", b"[1, 2]", r"config\.json is damaged: wanted an object, got \[1, 2\]"),
    ("config.json", b'{"name": "\xff"}', r"config\.json is damaged: byte 10 is no UTF-8"),
    ("config.json", b"[" * 100_000, r"config\.json is damaged: maximum recursion"),
    ("metrics.jsonl", b'{"step": 1}\n{"step": \n{"step": 3}\n', r"metrics\.jsonl, line 2, is damaged"),
    ("metrics.jsonl", b'{"step": 1}\n{"ste\n', r"metrics\.jsonl, line 2, is damaged"),
    ("metrics.jsonl", b'{"step": 1, "train_loss": "low"}\n', r'line 1, is damaged: .*"low".* is no row'),
    ("metrics.jsonl", b'{"train_loss": 1.0}\n', r"line 1, is damaged"),
    ("timing.jsonl", b'{"event": "train", "seconds": -1}\n', r"timing\.jsonl, line 1, is damaged"),
    ("timing.jsonl", b'{"event": "train", "seconds": NaN}\n', r"timing\.jsonl, line 1, is damaged"),
    ("timing.jsonl", b'{"seconds": 1}\n', r"timing\.jsonl, line 1, is damaged"),
    ("summary.json", b'{"layers": [{"layer": "x"}]}', r"summary\.json is damaged: wanted rows of layers"),
    ("summary.json", b"3", r"summary\.json is damaged"),
    ("experiment.py", b"\x80", r"experiment\.py is damaged: byte 0"),
    ("figures/captions.json", b"[]", r"captions\.json is damaged"),
    ("figures/weights.png", b"not a picture", r"weights\.png is damaged: it is no PNG image"),
]


@pytest.mark.parametrize(("name", "content", "message"), DAMAGE)
def test_a_damaged_file_is_named(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(DamagedError, match=message):
        read_run(folder)


def test_a_picture_that_is_cut_or_flipped_is_named(folder):
    path = folder / "figures" / "weights.png"
    whole = path.read_bytes()
    for place in range(8, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedError, match=r"weights\.png is damaged: "):
            read_run(folder)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError, match=r"weights\.png is damaged: "):
            read_run(folder)


def test_a_picture_of_another_kind_is_refused(folder):
    Image.new("RGB", (8, 6)).save(folder / "figures" / "weights.png", format="GIF")
    with pytest.raises(DamagedError, match=r"weights\.png is damaged: it is no PNG image"):
        read_run(folder)


def test_no_folder_is_the_users_mistake(tmp_path):
    with pytest.raises(ConfigError, match=r"no run folder at .*nowhere"):
        read_run(tmp_path / "nowhere")
