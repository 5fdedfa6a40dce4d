"""The duet from end to end: a small training, its table, and the command with its files and its errors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nnjax.data.melody import Key
from nnjax.data.melody_symbols import DURATIONS, PITCHES, frame_of
from nnjax.data.midi import read_midi
from nnjax.data.padding import pad
from nnjax.data.tune_files import read_melody
from nnjax.data.tunes import load_tunes
from nnjax.data.wav import read_wav
from nnjax.errors import DataError
from nnjax.runner.cli import main
from nnjax.runner.experiment import run_experiment
from nnjax.runner.experiment_module import load_experiment
from nnjax.types import Dataset

PATH = Path(__file__).resolve().parent.parent / "experiments/duet.py"
WORDS = "C4 D4 E4 F4 G4:2 G4:2"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).task.__module__]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over few and short tunes."""
    folder = tmp_path_factory.mktemp("duet")
    text = Path(sys.modules[load_tunes.__module__].OWN).read_text("utf-8")
    tunes = text.split("X:")[1:16]
    (folder / "some.abc").write_text("".join(f"X:{tune}" for tune in tunes), "utf-8")
    settings = {"tunes": str(folder / "some.abc"), "hidden": 8, "epochs": 3, "longest": 20, "batch_size": 4}
    return run_experiment(PATH, settings, folder / "runs")


def test_a_run_reports_the_net_beside_copying_and_every_ngram(run: Path, capsys) -> None:
    table = json.loads((run / "forecasts.json").read_text())["nats_a_note"]
    wanted = {"the net", "the last note again"}
    wanted |= {f"{n}-gram of notes" for n in range(1, 7)} | {f"{n}-gram of halves" for n in range(1, 13)}
    assert set(table) == wanted
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert table["the net"] == pytest.approx(2 * last["test_loss"], rel=1e-4)
    for name in ("forecasts", "answer", "learning_curves"):
        assert (run / "figures" / f"{name}.png").stat().st_size > 5000
    samples = [json.loads(line)["text"] for line in (run / "samples.jsonl").read_text().splitlines()]
    assert all(len(read_melody(text).pitches) for text in samples)


def test_forecasts_of_constant_tunes_cost_what_they_should(chapter) -> None:
    """One note, again and again: a unigram of V symbols, T of them seen, is (T + 1 / V) / (T + 1)."""
    symbols = np.tile([3, len(DURATIONS) + 5], 10).astype(np.uint8)
    part = Dataset(pad([np.zeros((20, 2), np.int16)] * 2), pad([symbols] * 2))
    costs = chapter.baselines(part, part)
    choices = len(DURATIONS) * PITCHES
    assert costs["1-gram of notes"] == pytest.approx([-np.log((20 + 1 / choices) / 21)] * 2)
    assert costs["2-gram of halves"] < costs["1-gram of halves"]
    assert costs["the last note again"][0] < costs["1-gram of halves"][0]


def test_the_question_is_the_first_bars_with_the_upbeat(chapter) -> None:
    for title in ("Auld lang syne", "Twinkle, twinkle, little star"):
        tune = next(one for one in load_tunes("tunes") if one.title == title)
        question = chapter.question_of(tune, bars=2)
        assert question.length == 2 * tune.bar
        assert frame_of(question).start == frame_of(tune).start


def test_folds_take_buckets_of_their_own(chapter) -> None:
    """Those of the whole part would cut the longest tunes of another fold."""
    config = chapter.Config()
    splits = chapter.data(config)
    whole = chapter.plan(config, splits).buckets
    assert sum(count for count, _ in whole) == len(splits.train)
    assert whole[-1][1] == splits.train.inputs.lengths.max()
    fold = splits._replace(train=splits.train.take(slice(0, 20)))
    assert chapter.plan(config, fold).buckets == ()


def test_too_few_tunes_are_an_error(chapter, tmp_path: Path) -> None:
    (tmp_path / "one.abc").write_text("X:1\nT:a\nK:C\nCDEFGABc|\n")
    with pytest.raises(DataError, match="too few"):
        chapter.data(chapter.Config(tunes=str(tmp_path / "one.abc")))


def test_the_command_writes_midi_sound_and_pictures(run: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.mid"
    assert main(["duet", str(run), "--melody", WORDS, "-o", str(out), "--bars", "3", "--seed", "7"]) == 0
    printed = capsys.readouterr().out
    assert "C major, 4/4: 3 bars" in printed
    assert "100% of them in the key" in printed
    question, reply = read_midi(out, track=1), read_midi(out, track=2)
    assert question.pitches.tolist() == [60, 62, 64, 65, 67, 67]
    assert question.key == Key(0)
    assert reply.onsets[0] == 32
    assert reply.length == 32 + 3 * 16
    assert reply.pitches[-1] % 12 == 0
    sound = read_wav(tmp_path / "out.wav")
    assert len(sound.samples) / sound.rate == pytest.approx(20 * 0.6 + 0.4, abs=0.01)  # crotchets at 100
    for name in ("out.png", "out-spectrogram.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
    notes = printed.splitlines()[1]
    again = ["duet", str(run), "--melody", WORDS, "-o", str(tmp_path / "b.mid"), "--bars", "3", "--seed", "7"]
    assert main([*again, "--alone"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == notes
    assert read_midi(tmp_path / "b.mid").onsets[0] == 0


def test_a_midi_file_is_answered_in_another_metre(run: Path, tmp_path: Path, capsys) -> None:
    first = [
        "duet",
        str(run),
        "--melody",
        WORDS,
        "-o",
        str(tmp_path / "a.mid"),
        "--key",
        "F",
        "--metre",
        "3/4",
    ]
    assert main([*first, "--bars", "2", "--tempo", "120", "--upbeat", "1"]) == 0
    assert "F major, 3/4: 2 bars" in capsys.readouterr().out
    second = ["duet", str(run), "--melody", str(tmp_path / "a.mid"), "-o", str(tmp_path / "b.mid")]
    assert main(second) == 0
    assert "F major, 3/4" in capsys.readouterr().out
    assert read_midi(tmp_path / "b.mid").tempo == pytest.approx(120, abs=0.01)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--melody", ""], 3, "got nothing"),
        (["--melody", "H4"], 3, "is no note"),
        (["--melody", "R:4"], 3, "only rests"),
        (["--melody", "missing.mid"], 3, "no such file"),
        (["--melody", "bad.mid"], 5, "not a sound MIDI file"),
        ([], 2, "--melody"),
        (["--melody", WORDS, "--bars", "0"], 2, "bars wants 1 to 64"),
        (["--melody", WORDS, "--temperature", "0"], 2, "temperature wants"),
        (["--melody", WORDS, "--temperature", "nan"], 2, "temperature wants"),
        (["--melody", WORDS, "--seed", "-1"], 2, "seed"),
        (["--melody", WORDS, "--key", "H"], 2, "wanted a key"),
        (["--melody", WORDS, "--metre", "3/5"], 2, "--metre wants"),
        (["--melody", WORDS, "--tempo", "0"], 2, "--tempo wants"),
        (["--melody", WORDS, "-o", "out.mp3"], 2, "ends in .mid"),
        (["--melody", WORDS, "-o", "no/folder/out.mid"], 6, "no such folder"),
    ],
)
def test_mistakes_have_their_codes(run: Path, tmp_path: Path, monkeypatch, capsys, words, code, said) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    assert main(["duet", str(run), *words]) == code
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.mid"]


def test_unknown_runs_and_other_nets_are_named(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["duet", "nowhere", "--melody", WORDS]) == 2
    assert "no run at nowhere" in capsys.readouterr().err
