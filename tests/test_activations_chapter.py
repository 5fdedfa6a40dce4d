"""The chapter of activations: the gradient that survives, against the chain rule by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnjax import mlp
from nnjax.layers.activations import ACTIVATIONS
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.shown import Shown

PATH = Path(__file__).resolve().parent.parent / "experiments/activations.py"


@pytest.fixture(scope="module")
def chapter() -> ModuleType:
    return sys.modules[load_experiment(PATH).show.__module__]


@pytest.fixture(scope="module")
def shown(chapter) -> Shown:
    return chapter.show(chapter.Config(trained_layers=1, epochs=1))


def test_the_chain_is_the_product_of_the_derivatives(chapter) -> None:
    config, z, slopes = chapter.Config(), 2.0, []
    for _ in range(20):
        y = 1 / (1 + np.exp(-z))
        slopes.append(y * (1 - y))
        z = y
    wanted = np.cumprod(slopes[::-1])
    np.testing.assert_allclose(chapter.chain(config, ACTIVATIONS["sigmoid"].function), wanted, rtol=1e-4)


def test_in_a_net_it_is_the_chain_rule_in_matrices(chapter) -> None:
    net = mlp((3, 4, 4, 1), ACTIVATIONS["tanh"].function)
    params = net.init(jax.random.key(3))
    x = np.asarray(jax.random.normal(jax.random.key(4), (5, 3)))
    w = [np.asarray(params[f"layer_{i}"]["weights"], float) for i in range(3)]
    a0 = np.tanh(x @ w[0])
    a1 = np.tanh(a0 @ w[1])
    d1 = w[2].T * (1 - a1**2)
    d0 = (d1 @ w[1].T) * (1 - a0**2)
    wanted = np.sqrt([np.mean(d1**2), np.mean(d0**2)]) / np.sqrt(np.mean(w[2] ** 2))
    np.testing.assert_allclose(chapter.survival(net, params, jnp.asarray(x)), wanted, rtol=1e-4)


def test_what_survives(shown: Shown) -> None:
    chain = {row["activation"]: row for row in shown.numbers["survives_in_a_chain"]}
    nets = {row["activation"]: row for row in shown.numbers["survives_in_a_net"]}
    assert list(chain) == list(nets) == list(ACTIVATIONS)
    for table in (chain, nets):
        assert [table["step"][f"{k} layers"] for k in (1, 5, 10, 20)] == [0, 0, 0, 0]
        for k in (1, 5, 10, 20):
            assert 0 < table["sigmoid"][f"{k} layers"] <= 1.05 * 0.25**k
    assert [chain["identity"][f"{k} layers"] for k in (1, 5, 10, 20)] == [1, 1, 1, 1]
    assert [chain["relu"][f"{k} layers"] for k in (1, 5, 10, 20)] == [1, 1, 1, 1]
    assert 1e-14 < nets["sigmoid"]["20 layers"] < 1e-12
    assert nets["tanh"]["20 layers"] > 0.05
    assert nets["relu"]["20 layers"] > 0.1
    assert nets["relu"]["1 layers"] == pytest.approx(np.sqrt(0.5), abs=0.03)  # half of the neurons are silent


def test_the_derivatives_of_the_table(shown: Shown) -> None:
    rows = {row["activation"]: row for row in shown.numbers["derivatives"]}
    assert rows["sigmoid"]["f'(0)"] == 0.25
    assert rows["sigmoid"]["f'(5)"] == pytest.approx(0.00664806, rel=1e-4)
    assert rows["tanh"]["f'(0)"] == 1
    assert rows["tanh"]["f'(2)"] == pytest.approx(1 - np.tanh(2) ** 2, rel=1e-5)
    assert [rows["relu"][f"f'({x})"] for x in (0, 1, 2, 5, 10)] == [0, 1, 1, 1, 1]
    assert {rows["step"][f"f'({x})"] for x in (0, 1, 2, 5, 10)} == {0}


@pytest.mark.slow
def test_ten_sigmoid_layers_do_not_learn_and_ten_relu_layers_do(chapter) -> None:
    config = chapter.Config(epochs=30)
    last = {name: chapter.train(config, ACTIVATIONS[name].function)[-1] for name in ("sigmoid", "relu")}
    assert last["sigmoid"]["valid_accuracy"] == 0.5
    assert last["relu"]["valid_accuracy"] > 0.95


def test_the_pictures(shown: Shown) -> None:
    assert list(shown.pictures) == ["functions", "survival", "training"]
    left, right = shown.pictures["survival"].image.axes
    for axis in (left, right):
        assert [len(line.get_xdata()) for line in axis.lines][:5] == [20] * 5
        assert axis.get_yscale() == "log"
