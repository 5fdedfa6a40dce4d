"""The character model: what it is scored on, what it writes, and that a resumed run tells the same story."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest

from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.resume import resume
from nnjax.runner.run_folder import read_lines
from nnjax.training.fit import fit_task

PATH = Path(__file__).resolve().parent.parent / "experiments/char_lm.py"
LINE = "to be or not to be\n"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).task.__module__]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "hamlet.txt"
    path.write_text(LINE * 120)
    return path


@pytest.fixture(scope="module", params=["lstm", "transformer"])
def trained(chapter, text: Path, request: pytest.FixtureRequest):
    config = chapter.Config(
        str(text), request.param, width=32, layers=1, length=32, batch_size=8, epochs=25, learning_rate=0.02
    )
    splits = chapter.data(config)
    hyper = {"learning_rate": config.learning_rate, "dropout": 0.0}
    plan = chapter.plan(config, splits)
    return config, fit_task(lambda h: chapter.task(config, h), plan, splits, 0, hyper, progress=False)


def test_a_line_that_repeats_is_learned_and_written_on(chapter, trained) -> None:
    config, fitted = trained
    assert fitted.rows[-1]["valid_accuracy"] > 0.9
    assert "to be" in chapter.sample(config, fitted.params)
    assert chapter.sample(config, fitted.params) == chapter.sample(config, fitted.params)


def test_with_context_no_character_is_a_surprise(chapter, trained) -> None:
    """What costs something in a window is its beginning; with half a window before, the line is known."""
    config, fitted = trained
    _, valid = chapter.split_text(chapter.text_of(config.text))
    assert chapter.with_context(config, fitted, valid) < 0.5 * fitted.rows[-1]["valid_loss"]


def test_only_the_second_halves_of_windows_are_counted(chapter, text: Path) -> None:
    """A net that finds every character as likely as any other costs ln V wherever it is asked."""
    config = chapter.Config(str(text), width=8, length=16)
    net, _ = chapter.net_of(config)
    nothing = jax.tree.map(np.zeros_like, net.init(jax.random.key(0)))

    class Fitted:
        def predict(self, inputs):
            assert inputs.values.shape[1] == 16
            return net.apply(nothing, inputs)

    symbols = len(chapter.text_of(config.text).vocabulary)
    codes = chapter.text_of(config.text).codes[:100]
    assert chapter.with_context(config, Fitted(), codes) == pytest.approx(np.log(symbols), rel=1e-6)


@pytest.mark.parametrize("more", ["", "--seeds 2 --sweep dropout=0,0.2"])
def test_a_run_of_one_epoch_and_a_population_draw_what_they_have(
    text: Path, tmp_path: Path, more: str
) -> None:
    from nnjax.runner.experiment import run_experiment

    flags = f"--text {text} --width 8 --layers 1 --length 32 --batch-size 8 --epochs 1 {more}".split()
    folder = run_experiment(PATH, flags, tmp_path)
    assert (folder / "figures/samples.png").stat().st_size > 0


def test_lines_are_wrapped_and_dollars_are_letters(chapter) -> None:
    assert chapter.on_page("word " * 20 + "\n\ncosts $5\n").splitlines()[-2:] == ["", r"costs \$5"]
    assert max(map(len, chapter.on_page("word " * 20).splitlines())) <= 60


def test_a_run_tells_a_sample_a_segment_and_a_resumed_one_the_same(
    chapter, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnjax.errors import InterruptedRun
    from nnjax.runner.experiment import run_experiment
    from nnjax.runner.recorder import Recorder

    flags = f"--text {text} --width 8 --layers 1 --length 32 --batch-size 8 --epochs 4".split()
    run_experiment(PATH, flags, tmp_path / "whole")
    (whole,) = (tmp_path / "whole/char_lm").iterdir()
    rows = read_lines(whole / "samples.jsonl")
    assert [row["step"] for row in rows] == [row["step"] for row in read_lines(whole / "metrics.jsonl")[:4]]
    assert all(len(row["text"]) == chapter.SAMPLED for row in rows)
    grams = (whole / "ngrams.json").read_text()
    assert '"best"' in grams
    assert (whole / "sample.txt").stat().st_size > 0

    before = Recorder.on_chunk

    def stopping(self, chunk):
        self.asked = lambda: chunk.segments == 2
        before(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "on_chunk", stopping)
        with pytest.raises(InterruptedRun):
            run_experiment(PATH, flags, tmp_path / "broken")
    (broken,) = (tmp_path / "broken/char_lm").iterdir()
    with (broken / "samples.jsonl").open("a") as file:
        file.write('{"step": 9999, "text": "from a future that was lost"}\n')
    resume(broken)
    assert read_lines(broken / "samples.jsonl") == rows
