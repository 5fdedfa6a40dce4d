"""The chapter of one neuron, and its figure: every number that the chapter is about."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest
from PIL import Image

from nnjax import load, mlp, perceptron, unit_step
from nnjax.errors import DataError
from nnjax.runner import plots
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.plots.neuron import line_formula
from nnjax.runner.shown import Shown

PATH = Path(__file__).resolve().parent.parent / "experiments/neuron.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).show.__module__]


@pytest.fixture(scope="module")
def shown(chapter: ModuleType) -> Shown:
    return chapter.show(chapter.Config(starts=100, hidden_epochs=300))


def test_the_rain(shown: Shown) -> None:
    table = {(row["x1"], row["x2"]): (row["sum"], row["rain"]) for row in shown.numbers["rain"]}
    assert table == {(0, 0): (-6, False), (1, 0): (-2, False), (0, 1): (-1, False), (1, 1): (3, True)}
    assert shown.numbers["step_at_zero"] == 1
    assert line_formula(4, 5, -6) == "x₂ = −4/5 x₁ + 6/5"
    assert [row["rain"] for row in shown.numbers["rain"]] == (load("and").targets == 1).tolist()


def rosenblatt(targets: list[int], epochs: int) -> tuple[list[list[int]], list[int]]:
    """The rule in whole numbers: weights and bias after each epoch, and the mistakes in it."""
    w, states, mistakes = [0, 0, 0], [], []
    for _ in range(epochs):
        wrong = 0
        for (x1, x2), target in zip([(0, 0), (0, 1), (1, 0), (1, 1)], targets, strict=True):
            error = target - int(w[0] * x1 + w[1] * x2 + w[2] >= 0)
            w = [w[0] + error * x1, w[1] + error * x2, w[2] + error]
            wrong += abs(error)
        states.append(w)
        mistakes.append(wrong)
    return states, mistakes


@pytest.mark.parametrize("gate", ["and", "or", "xor"])
def test_the_rule_is_rosenblatts(gate: str, chapter: ModuleType) -> None:
    run = chapter.by_rule(chapter.Config(), load(gate))
    states, mistakes = rosenblatt(load(gate).targets.tolist(), 20)
    layer = run.params["layer_0"]
    after = np.concatenate([layer["weights"][4::4, :, 0], layer["bias"][4::4]], axis=1)
    assert after.tolist() == states
    assert chapter.mistakes(run) == mistakes


def test_and_and_or_are_learned_and_xor_goes_round(shown: Shown) -> None:
    rows = {row.pop("gate"): row for row in [dict(row) for row in shown.numbers["rosenblatt"]]}
    assert rows["AND"] == {
        "learned": "yes", "after epoch": 5, "w1": 2, "w2": 1, "bias": -3,
        "mistakes an epoch": "2, 3, 3, 2, 1, 0, 0, 0",
    }  # fmt: skip
    assert rows["OR"] == {
        "learned": "yes", "after epoch": 3, "w1": 1, "w2": 1, "bias": -1,
        "mistakes an epoch": "2, 2, 1, 0, 0, 0, 0, 0",
    }  # fmt: skip
    assert rows["XOR"]["learned"] == "never: it goes round in 1 epoch"
    assert rows["XOR"]["after epoch"] == 2
    assert rows["XOR"]["mistakes an epoch"].endswith("4, 4, 4, 4, 4, 4")


def test_what_was_not_seen_long_enough_is_not_decided(chapter: ModuleType) -> None:
    run = chapter.by_rule(chapter.Config(epochs=2), load("and"))
    assert chapter.rule_row("and", run)["learned"] == "not decided"


def test_gradient_descent_learns_two_gates_and_gives_up_on_the_third(shown: Shown) -> None:
    rows = {row["gate"]: row for row in shown.numbers["gradient_descent"]}
    for gate in ("and", "or"):
        row = rows[gate.upper()]
        given = [row[f"p({x1}, {x2})"] for x1, x2 in ((0, 0), (0, 1), (1, 0), (1, 1))]
        assert (np.array(given) >= 0.5).tolist() == (load(gate).targets == 1).tolist()
    assert rows["XOR"]["loss"] == pytest.approx(np.log(2), abs=2e-5)
    assert [rows["XOR"][f"p({x1}, {x2})"] for x1 in (0, 1) for x2 in (0, 1)] == pytest.approx(
        [0.5] * 4, abs=0.01
    )


def test_more_hidden_neurons_more_starts_that_solve_xor(shown: Shown) -> None:
    rows = shown.numbers["xor_with_hidden_neurons"]
    assert [(row["hidden"], row["starts"]) for row in rows] == [(2, 100), (3, 100), (4, 100)]
    assert [row["share"] for row in rows] == [row["solved"] / 100 for row in rows]
    for row, share in zip(rows, (0.468, 0.819, 0.932), strict=True):  # of 1,000
        assert row["low"] < share < row["high"]
    assert rows[0]["high"] < rows[1]["low"]


@pytest.mark.slow
def test_the_shares_of_a_thousand_starts(chapter: ModuleType) -> None:
    gate, config = load("xor"), chapter.Config()
    for size, share in ((2, 0.47), (4, 0.93)):
        row = chapter.start_row(size, chapter.by_layers(config, gate, size))
        assert row["starts"] == 1000
        assert row["low"] < share < row["high"]


def test_three_neurons_have_thirteen_weights_and_are_an_mlp(chapter: ModuleType, shown: Shown) -> None:
    assert shown.numbers["weights_of_three_neurons"] == 13
    everything = np.array([[a, b, c, d] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)])
    sums = mlp((4, 2, 1), unit_step).apply(chapter.LEARN, everything)
    learns = np.asarray(unit_step(sums))[:, 0] == 1
    assert everything[learns].tolist() == [[1, 1, 1, 0]]
    x, shapes = everything, []
    for layer in ("layer_0", "layer_1"):
        weights = plots.matrices.bias_as_input(chapter.LEARN[layer])
        shapes.append(weights.shape)
        x = np.asarray(unit_step(np.c_[x, np.ones(16)] @ weights))
    assert shapes == [(5, 2), (3, 1)]
    assert (x[:, 0] == 1).tolist() == learns.tolist()


def test_the_pictures_of_the_chapter(shown: Shown) -> None:
    assert list(shown.pictures) == [
        "rain", "lines", "lines-strip", "xor-one-neuron", "xor-hidden-space", "xor-learning", "xor-starts",
        "three-neurons", "matrices",
    ]  # fmt: skip
    for name in ("lines", "xor-learning"):
        image = shown.pictures[name].image
        assert len(image) < 400_000
        with Image.open(io.BytesIO(image)) as opened:
            assert opened.n_frames > 10
    assert all(picture.caption.endswith(".") for picture in shown.pictures.values())


def test_one_program_trains_all_starts_as_each_alone(chapter: ModuleType) -> None:
    gate, few = load("xor"), chapter.Config(starts=3, hidden_epochs=20, seed=5)
    together = chapter.by_layers(few, gate, 2).params
    alone = chapter.by_layers(chapter.Config(starts=1, hidden_epochs=20, seed=7), gate, 2).params
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[2], b[0], rtol=1e-4, atol=1e-5), together, alone)


def test_the_figure_says_the_sums(chapter: ModuleType) -> None:
    gate = load("and")
    figure = plots.neuron_figure(chapter.RAIN, gate.inputs, gate.targets, ("warm", "wet"), "rain")
    network, plane = figure.axes
    assert {"4", "5", "−6", "1", "x₁ warm", "x₂ wet", "rain"} <= {text.get_text() for text in network.texts}
    assert [text.get_text() for text in plane.texts] == ["Σ = −6", "Σ = −1", "Σ = −2", "Σ = 3"]
    assert plane.get_title(loc="left") == "x₂ = −4/5 x₁ + 6/5"


def test_a_neuron_of_three_inputs_has_no_line() -> None:
    params = perceptron(3).init(jax.random.key(0))
    with pytest.raises(
        DataError, match=r"^draw_line wants inputs \[N, 2\] and 2 weights, got \[4, 2\] and \[3\]"
    ):
        plots.neuron_figure(params, load("and").inputs, load("and").targets)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ((0, 2, -1), "x₂ = 0 x₁ + 1/2"),
        ((1, 0, -3), "x₁ = 3"),
        ((0, 0, 1), "no line"),
        ((1, -1, -1), "x₂ = 1 x₁ − 1"),
        ((0.1234567, 1, 0), "x₂ = −0.123 x₁ + 0"),
    ],
)
def test_a_line_as_a_formula(line: tuple[float, float, float], text: str) -> None:
    assert line_formula(*line) == text
