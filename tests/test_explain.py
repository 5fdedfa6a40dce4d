"""`nnjax explain` on a real run: its states are the run's, its sums add up, its page holds the numbers."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest

from nnjax import Plan
from nnjax.errors import ConfigError
from nnjax.runner.cli import main
from nnjax.runner.experiment import run_experiment
from nnjax.runner.explain import explain_run, neuron_at
from nnjax.runner.explain.example import between, frame_of
from nnjax.runner.explain.ledger import Formulas
from nnjax.runner.explain.page import write_page
from nnjax.runner.explain.states import distance, open_training, replay
from nnjax.runner.explain.terminal import ledger, overview, shown_neurons, table
from nnjax.runner.explain.view import View, look_at
from nnjax.training.fit import fit_task

EXPERIMENT = '''"""XOR, to be looked at."""
import dataclasses

import optax

from nnjax import Plan, Splits, Task, binary_cross_entropy, mlp, per_example, tanh
from nnjax.data.generated import gate
from nnjax.runner.settings import Count, PositiveRate, Seed


@dataclasses.dataclass(frozen=True)
class Config:
    epochs: Count = 30
    learning_rate: PositiveRate = 0.5
    seed: Seed = 3


def data(config):
    return Splits(gate("xor"))


def task(config, hyper):
    return Task(mlp((2, 3, 1), tanh), per_example(binary_cross_entropy), optax.sgd(hyper["learning_rate"]))


def plan(config, splits):
    return Plan(config.epochs, segment_steps=2, batch_size=2, monitor="train_loss")
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explain")
    (place / "xor.py").write_text(EXPERIMENT)
    return run_experiment(place / "xor.py", {}, place / "runs")


@pytest.fixture(scope="module")
def view(folder: Path) -> View:
    return look_at(open_training(folder), step=17, example=1)


def test_states_are_those_of_the_run(folder: Path) -> None:
    training = open_training(folder)
    found = replay(training, [0, 16, 17, 55, 60])
    assert found.apart == {60: 0.0}  # trained again, the last checkpoint is met bit for bit
    assert [state.source for state in found.states.values()] == [
        "the start, drawn from the seed",
        "trained again from the start",
        "trained again from the start",
        "trained again from the start",
        "a checkpoint",
    ]
    for step, segments in ((16, 8), (60, 30)):
        plan = Plan(segments, 2, 2, monitor="train_loss")
        recipe = training.experiment.recipe(training.config)
        fitted = fit_task(
            recipe, plan, training.splits, 3, {"learning_rate": 0.5}, layout="one", progress=False
        )
        jax.tree.map(np.testing.assert_array_equal, found.states[step].params, dict(fitted.member.params))
    # Step 17 lies inside a segment: one more step from 16, by the rows that the seed names.
    moved = jax.tree.map(
        lambda a, b: float(np.abs(a - b).max()), found.states[17].params, found.states[16].params
    )
    assert all(0 < change < 0.5 for change in jax.tree.leaves(moved))
    late = [state.params["layer_1"]["bias"][0] for step, state in found.states.items() if step >= 55]
    assert late[0] != late[1]  # near the end, too


def test_a_step_that_the_run_does_not_have(folder: Path) -> None:
    with pytest.raises(ConfigError, match="one of this run's steps, 0 to 60, got 61"):
        replay(open_training(folder), [61])


def test_the_member_of_a_population_is_met_up_to_rounding(folder: Path, tmp_path: Path) -> None:
    population = run_experiment(folder.parents[2] / "xor.py", ["--seeds", "3"], tmp_path)
    training = open_training(population)
    kept = training.saved[60]
    assert int(training.first.seed) == int(kept.seed)
    assert replay(training, [30, 60]).apart[60] < 1e-5
    folds = training._replace(described=training.described | {"population": {"folds": 3}})
    with pytest.raises(ConfigError, match="step 30 was not saved, and a training on a fold"):
        replay(folds, [30])
    assert distance({"w": np.zeros(2)}, {"w": np.zeros(2)}) == 0
    assert distance({"w": np.zeros(2)}, {"w": np.array([0.0, 0.5])}) == 0.5
    assert distance({"w": np.zeros(1)}, {"w": -np.zeros(1)}) > 0  # equal, but not bit for bit


def test_the_steps_that_are_shown(view: View) -> None:
    steps = [state.step for state in view.example.states]
    assert {0, 17, 60} <= set(steps)
    assert len(steps) <= 12
    assert all(step % 2 == 0 for step in steps if step != 17)
    assert steps[frame_of(view.example, 17)] == 17
    assert between(100, 5, 4) == [5, 10, 20, 45]
    assert between(5, 5, 4) == []
    assert view.example.rows[steps.index(60)]["step"] == 60
    assert view.example.epochs[steps.index(60)] == 30


def test_the_example_and_its_formulas(view: View) -> None:
    assert (view.sizes, view.example.truth, view.classes) == ([2, 3, 1], "true", ("true",))
    assert (view.formulas.activation, view.formulas.cost) == ("tanh", "binary_cross_entropy")
    assert view.numbers.inputs[0].tolist() == [[0.0, 1.0]] * len(view.example.states)
    assert max(view.residuals) < 1e-6


def test_the_ledger_adds_up(view: View) -> None:
    frame = frame_of(view.example, 17)
    text = ledger(view, frame, 0, 2)
    weights, bias = view.numbers.weights(0, frame)[:, 2], view.numbers.bias(0, frame)[2]
    z = float(weights[1]) + float(bias)  # the inputs are 0 and 1
    assert f"z = sum x w + b   = {z:.7g}" in text
    assert f"a = tanh(z)   = {np.tanh(z):.7g}"[:24] in text
    terms = [
        float(line.split()[4])
        for line in text.splitlines()
        if line.startswith("input ") and "x w" not in line
    ]
    assert sum(terms) + float(bias) == pytest.approx(z, abs=1e-5)
    residual = [float(value) for value in re.findall(r"residual (\S+)", text)]
    assert len(residual) == 3
    assert max(residual) < 1e-6
    after = view.numbers.weights(1, frame)[2, 0] * view.numbers.slopes[1][frame][0]
    assert f"dJ/da = sum w dJ/dz = {float(after):.6g}"[:28] in text


def test_the_last_neuron_s_slope_is_answer_minus_target(view: View) -> None:
    frame = frame_of(view.example, 17)
    text = ledger(view, frame, 1, 0)
    answer = float(view.activation[1][frame][0])
    assert text.startswith('layer_1 neuron 0 ("true")')
    assert f"dJ/dz = a - t, t = 1   = {answer - 1:.5g}"[:30] in text


def test_the_overview(view: View) -> None:
    text = overview(view, frame_of(view.example, 17))
    for part in (
        "xor: step 17 (epoch 8.50), trained again from the start",
        "example 1 of train (4 examples): it is true",
        "J = -t log(a) - (1 - t) log(1 - a)",
        "layer_0: 2 inputs -> 3 neurons, 9 weights   a = tanh(z)",
        "trained again up to step 60, the checkpoint there is met bit for bit",
    ):
        assert part in text
    assert shown_neurons(view, 0) == [(0, 0), (0, 1), (0, 2), (1, 0)]


def test_columns() -> None:
    assert table(("a", "n"), [("long", "1"), ("b", "22")]) == ["a      n", "long   1", "b     22"]


def test_the_page_holds_the_run_s_numbers_exactly(view: View, tmp_path: Path) -> None:
    path = write_page(view, frame_of(view.example, 17), tmp_path / "explain.html", (0, 1))
    page = path.read_text()
    numbers = json.loads(re.search(r'id="numbers">(.*?)</script>', page)[1])
    assert numbers["sizes"] == [2, 3, 1]
    assert numbers["frames"][numbers["start"]]["step"] == 17
    for frame, state in zip(numbers["frames"], view.example.states, strict=True):
        values = np.frombuffer(base64.b64decode(frame["w"]), "<f4")
        layers = [
            state.params[name][part].ravel()
            for name in ("layer_0", "layer_1")
            for part in ("weights", "bias")
        ]
        np.testing.assert_array_equal(values, np.concatenate(layers))
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"{{\w+}}", page)


def test_a_name_cannot_break_out_of_the_page(view: View, tmp_path: Path) -> None:
    example = view.example._replace(name="</script><script>alert(1)</script>", truth="<b>")
    hostile = view._replace(example=example, classes=("</script>",))
    page = write_page(hostile, 0, tmp_path / "explain.html", (0, 0)).read_text()
    assert page.count("<script") == page.count("</script") == 2
    assert "<b>" not in page.split("<script")[0]


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(folder), "--step", "60", "--example", "3", "--neuron", "0:1"]) == 0
    said = capsys.readouterr().out
    assert "step 60 (epoch 30), a checkpoint" in said
    assert "it is false" in said
    assert "layer_0 neuron 1\n" in said
    assert "layer_0 neuron 0\n" not in said
    assert (folder / "explain.html").is_file()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--step", "61"], "--step wants one of this run's steps, 0 to 60, got 61"),
        (["--step", "-1"], "--step wants one of this run's steps, 0 to 60, got -1"),
        (["--example", "4"], "--example wants one of the 4 rows of train, from 0; got 4"),
        (["--part", "valid"], "--part wants one of train, got valid"),
        (["--neuron", "0:3"], "--neuron wants LAYER:NEURON, here 0:0 to 0:2, 1:0 to 1:0; got 0:3"),
        (["--neuron", "zero"], "--neuron wants LAYER:NEURON"),
    ],
)
def test_what_is_not_there_is_named(
    folder: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(folder), *words]) == 2
    assert text in capsys.readouterr().err


def test_a_run_without_training_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "run")
    described = json.loads((folder / "config.json").read_text())
    del described["plan"], described["data"]
    described["chapter"] = True
    (tmp_path / "run" / "config.json").write_text(json.dumps(described))
    with pytest.raises(ConfigError, match="no training of its own to explain"):
        explain_run(tmp_path / "run")
    described = json.loads((folder / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(described))
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(ConfigError, match="has no checkpoint"):
        explain_run(tmp_path / "run")


def test_a_neuron_by_its_name(view: View) -> None:
    assert neuron_at(view, "1:0") == (1, 0)
    assert Formulas("tanh", None, None) != view.formulas


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no browser here")
def test_the_page_works_in_a_browser(view: View, tmp_path: Path) -> None:
    path = write_page(view, frame_of(view.example, 17), tmp_path / "explain.html", (0, 1))
    click = (
        "<script>window.onerror = (e) => (document.title = 'error ' + e);"
        "document.getElementById('forward').click();"
        "const node = document.querySelector('[data-layer=\"1\"]');"
        "node.dispatchEvent(new MouseEvent('click', {bubbles: true}));"
        "</script></body>"
    )
    path.write_text(path.read_text().replace("</body>", click))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"]
    done = subprocess.run(
        [str(BROWSER), *options, f"--user-data-dir={tmp_path / 'browser'}", path.as_uri()],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    shown = done.stdout.split("<script type=")[0]
    assert "<title>xor: example 1 of training" in shown
    after = view.example.states[frame_of(view.example, 17) + 1].step
    assert f'id="where" aria-live="polite">step {after}, epoch ' in shown
    assert 'id="title">layer_1 neuron 0 (“true”)<' in shown
    found = [float(text.replace("\u2212", "-")) for text in re.findall(r"residual ([^<]+)<", shown)]
    assert len(found) == 3  # the loss, the sum, the slope
    assert max(found) < 1e-6
    assert shown.count("<circle") >= 2 * 4
