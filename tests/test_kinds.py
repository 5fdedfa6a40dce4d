"""`nnjax explain` of nets that are no perceptrons, from run to page: what can be asked, what is refused."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nnjax.errors import ConfigError
from nnjax.runner.cli import main
from nnjax.runner.experiment import run_experiment
from nnjax.runner.explain.kinds import CONVOLUTION, PERCEPTRON, RECURRENT, Where, check_asked, kind_of

HEAD = '''"""A net to be looked at."""
import dataclasses

import numpy as np
import optax

from nnjax import Dataset, Plan, Sequences, Splits, Task, convnet, cross_entropy, per_example
from nnjax.models.sequence_nets import sequence_classifier
from nnjax.runner.settings import Count, Seed


@dataclasses.dataclass(frozen=True)
class Config:
    epochs: Count = 2
    seed: Seed = 3


def plan(config, splits):
    return Plan(config.epochs, segment_steps=2, batch_size=6, monitor="train_loss")


def task(config, hyper):
    return Task(NET, per_example(cross_entropy), optax.sgd(0.1))


def data(config):
    rng = np.random.default_rng(0)
    labels = np.arange(12, dtype=np.int32) % 3
'''
CONV = """    images = rng.normal(size=(12, 6, 6, 2)).astype(np.float32)
    return Splits(Dataset(images, labels, classes=("a", "b", "</c>")))


NET = convnet((6, 6, 2), (3, 4), 5, 3)
"""
LSTM = """    values = rng.normal(size=(12, 6, 2)).astype(np.float32)
    return Splits(Dataset(Sequences(values, np.full(12, 5, np.int32)), labels, classes=("a", "b", "c")))


NET = sequence_classifier(2, 4, 3)
"""
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def run_of(source: str, name: str, place: Path) -> Path:
    (place / f"{name}.py").write_text(HEAD + source)
    return run_experiment(place / f"{name}.py", {}, place / "runs")


@pytest.fixture(scope="module")
def conv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(CONV, "conv", tmp_path_factory.mktemp("conv"))


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(LSTM, "lstm", tmp_path_factory.mktemp("lstm"))


def residuals(text: str) -> list[float]:
    return [float(value.replace("\u2212", "-")) for value in re.findall(r"residual (\S+?)[<\s]", text + " ")]


def page_of(folder: Path) -> dict:
    path = folder / "explain.html"
    page = path.read_text()
    assert path.stat().st_size < 1_000_000
    assert not re.search(r"{{\w+}}", page)
    assert "default-src 'none'" in page
    assert page.count("<script") == page.count("</script") == 2
    return json.loads(re.search(r'id="numbers">(.*?)</script>', page)[1])


def in_a_browser(folder: Path, clicks: str) -> str:
    """The page's text after some clicks; an error in its program is its title."""
    path = folder / "clicked.html"
    script = f"<script>window.onerror = (e) => (document.title = 'error ' + e);{clicks}</script></body>"
    path.write_text((folder / "explain.html").read_text().replace("</body>", script))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    done = subprocess.run(
        [str(BROWSER), *options, f"--user-data-dir={folder / 'browser'}", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout.split("<script type=")[0]


def test_a_window(conv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--layer", "conv_2", "--window", "0,2", "--channel", "1", "--step", "2", "--example", "5"]
    assert main(["explain", str(conv), *words]) == 0
    said = capsys.readouterr().out
    assert "conv: step 2 (epoch 1)" in said
    assert "example 5 of train (12 examples): it is </c>" in said
    assert (
        "conv_2: 4 filters 3 x 3 over 3 channels of 3 x 3 x 3, stride 1,1, zeros around it: 1 above" in said
    )
    assert "conv_2 window 0,2, channel 1\n" in said
    found = residuals(said)
    assert len(found) == 4  # z, a, dJ/dz, dJ/dw
    assert max(found) < 1e-5
    numbers = page_of(conv)
    assert (numbers["layer"], numbers["window"], numbers["places"]) == ("conv_2", [0, 2, 1], [3, 3])
    assert [frame["step"] for frame in numbers["frames"]] == [0, 2, 4]
    if BROWSER:
        shown = in_a_browser(
            conv, "at('forward').click();at('row').value = 1;at('row').onchange({target: at('row')});"
        )
        assert "<title>conv: example 5 of training, conv_2" in shown
        assert 'id="title">conv_2 window 1,2, channel 1<' in shown
        assert 'aria-live="polite">step 4, epoch 2<' in shown
        assert len(residuals(shown)) == 2  # the sum, and a weight's slope
        assert max(residuals(shown)) < 1e-5
        assert shown.count("<canvas") == 3 + 3 * 3 + 2


def test_the_strongest_window_of_the_first_convolution(
    conv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(conv)]) == 0
    said = capsys.readouterr().out
    row, column, channel = map(int, re.search(r"\nconv_1 window (\d+),(\d+), channel (\d+)\n", said).groups())
    numbers = page_of(conv)
    z = np.frombuffer(base64.b64decode(numbers["frames"][-1]["z"]), "<f4").reshape(6, 6, 3)
    assert z.max() == z[row, column, channel] > 0
    assert "x" not in numbers["frames"][0]  # the image is the same at every step


def test_dense_layers_of_such_nets(conv: Path, lstm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(conv), "--neuron", "dense:4"]) == 0
    said = capsys.readouterr().out
    assert "dense: 4 inputs -> 5 neurons" in said
    assert "\ndense neuron 4\n" in said
    assert max(residuals(said)) < 1e-5
    assert page_of(conv)["names"] == ["dense", "output"]
    assert main(["explain", str(lstm), "--neuron", "output:2"]) == 0
    said = capsys.readouterr().out
    assert '\noutput neuron 2 ("c")\n' in said
    assert max(residuals(said)) < 1e-5


def test_a_time_step(lstm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(lstm), "--time", "3", "--unit", "2", "--example", "4"]) == 0
    said = capsys.readouterr().out
    assert "layer_0: LSTM of 4 units over 5 time steps of 2 values" in said
    assert "the net answers from the last state" in said
    assert "layer_0 unit 2, time 3 of 0 to 4\n" in said
    found = residuals(said)
    assert len(found) >= 2 * 4 + 2 + 2  # sums and gates; c' and h'; dJ/dh' and dJ/dc'
    assert max(found) < 1e-5
    numbers = page_of(lstm)
    assert (numbers["moment"], numbers["gates"]) == ([3, 2], ["update", "forget", "candidate", "output"])
    if BROWSER:
        shown = in_a_browser(
            lstm, "at('back').click();at('time').value = 0;at('time').onchange({target: at('time')});"
        )
        assert 'id="title">layer_0 unit 2, time 0<' in shown
        assert 'aria-live="polite">step 2, epoch 1<' in shown
        assert len(residuals(shown)) == 2 * 4 + 2 + 2
        assert max(residuals(shown)) < 1e-5
        assert shown.count("<canvas") == 7


def test_the_steepest_moment(lstm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(lstm), "--example", "7"]) == 0
    said = capsys.readouterr().out
    unit, time = map(int, re.search(r"\nlayer_0 unit (\d+), time (\d+) of", said).groups())
    slopes = np.frombuffer(base64.b64decode(page_of(lstm)["frames"][-1]["dh"]), "<f4").reshape(5, 4)
    assert np.abs(slopes).max() == abs(slopes[time, unit]) > 0
    assert main(["explain", str(lstm), "--example", "7", "--time", "2"]) == 0
    unit = int(re.search(r"\nlayer_0 unit (\d+), time 2 of", capsys.readouterr().out)[1])
    assert np.abs(slopes[2]).max() == abs(slopes[2, unit])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["--layer", "conv_3"],
            "--layer wants one of conv_1, conv_2 (neurons of dense, output: --neuron LAYER",
        ),
        (["--window", "6,0"], "--window wants ROW,COLUMN, for conv_1 0,0 to 5,5; got 6,0"),
        (["--window", "corner"], "--window wants ROW,COLUMN"),
        (["--channel", "3"], "--channel wants one of the 3 of conv_1, from 0; got 3"),
        (
            ["--neuron", "conv_1:0"],
            "--neuron wants LAYER:NEURON, here dense:0 to dense:4, output:0 to output:2",
        ),
        (
            ["--time", "1"],
            "--time is not for this run: of a net with convolutions explain takes --neuron, --layer",
        ),
    ],
)
def test_what_a_net_with_convolutions_does_not_have(
    conv: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(conv), *words]) == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--time", "5"], "--time wants one of the 5 steps of this sequence, from 0; got 5"),
        (["--unit", "4"], "--unit wants one of the 4 units of layer_0, from 0; got 4"),
        (["--layer", "layer_1"], "--layer wants one of layer_0; got layer_1"),
        (["--window", "0,0"], "--window is not for this run: of a recurrent net explain takes"),
    ],
)
def test_what_a_recurrent_net_does_not_have(
    lstm: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(lstm), *words]) == 2
    assert text in capsys.readouterr().err


def test_kinds() -> None:
    dense = {"weights": np.ones((2, 2)), "bias": np.ones(2)}
    cell = {"input": np.ones((2, 4)), "recurrent": np.ones((1, 4)), "bias": np.ones(4)}
    assert kind_of({"layer_0": dense, "layer_1": dense}) == PERCEPTRON
    assert kind_of({"recurrent": {"layer_0": cell}, "output": dense}) == RECURRENT
    assert kind_of({"block": {"conv": {"filters": np.ones((1, 1, 1, 1))}}, "output": dense}) == CONVOLUTION
    for params in ({"embedding": dense, "blocks": {}}, {}, [dense]):
        with pytest.raises(
            ConfigError, match=r"nets with convolutions .* and recurrent nets .*; this run has"
        ):
            kind_of(params)
    with pytest.raises(ConfigError, match="of a multilayer perceptron explain takes --neuron"):
        check_asked(PERCEPTRON, Where(layer="layer_0"))
