"""What people see while a training runs."""

import io
import time

import pytest

from nnjax.training.progress import Progress

ROW = {"step": 5, "epoch": 1, "train_loss": 0.5, "train_accuracy": 0.75}


def chunk(segments, seconds=2.0):
    return {
        "row": ROW | {"epoch": segments},
        "done": segments,
        "total": 4,
        "examples": 400,
        "seconds": seconds,
    }


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress(**chunk(1))
        progress(**chunk(2))
    assert (
        stream.getvalue() == "epoch 2: train loss 0.5000, train accuracy 0.7500, 200 examples/s, 4 s left\n"
    )


def test_a_line_now_and_then(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("nnjax.training.progress.LINE_EVERY_SECONDS", 0.0)
    with Progress(stream) as progress:
        for segments in (1, 2, 3, 4):
            progress(**chunk(segments))
    lines = stream.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "epoch 1",
        "epoch 2",
        "epoch 3",
        "epoch 4",
        "epoch 4",
    ]
    assert "left" not in lines[-1]


def test_a_bar_in_a_terminal_once_it_is_worth_it():
    quick, slow = Terminal(), Terminal()
    with Progress(quick, bar_after=1e9) as progress:
        progress(**chunk(1))
    with Progress(slow, bar_after=0.0) as progress:
        progress(**chunk(1))
        progress(**chunk(3))
    assert "━" not in quick.getvalue()
    assert "━" in slow.getvalue()
    assert "3/4" in slow.getvalue()
    assert slow.getvalue().rstrip().endswith("200 examples/s, 1 s left")


def test_compiling_is_not_training():
    """A training of milliseconds draws no bar, however long it waited for its program."""
    stream = Terminal()
    with Progress(stream, bar_after=0.01) as progress:
        time.sleep(0.02)
        progress(**chunk(4, seconds=0.005))
    assert "━" not in stream.getvalue()


def test_no_training_no_words():
    stream = io.StringIO()
    with Progress(stream):
        pass
    assert stream.getvalue() == ""


def test_the_bar_goes_when_the_training_fails():
    def failing(progress):
        with progress:
            progress(**chunk(1))
            raise KeyError

    progress = Progress(Terminal(), bar_after=0.0)
    with pytest.raises(KeyError):
        failing(progress)
    assert not progress._bar.live.is_started
