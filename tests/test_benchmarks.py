"""The benchmarks' own parts: one judge for all libraries, the check of agreement, processes and tables."""

from __future__ import annotations

import doctest
import importlib
import os
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import (
    agreement,
    convnets,
    perceptrons,
    publish,
    summary,
    w1_moons,
    w3_fashion_mlp,
    w4_fashion_cnn,
)
from benchmarks.__main__ import WORKLOADS, chosen_peers
from benchmarks.chart import compared
from benchmarks.machine import best
from benchmarks.peers import OURS, PEERS, Peer
from benchmarks.peers.nnjax_fit import Fit, params_of, weights_of
from benchmarks.peers.numpy_loop import Loop, forward, gradients, losses, slope
from benchmarks.peers.scikit import Classifier
from benchmarks.processes import PeerError, Process, environment
from benchmarks.publish import BEGIN, END, between, short, whole
from benchmarks.summary import table
from benchmarks.work import Work, epochs_of_batches
from nnjax import binary_cross_entropy, cross_entropy


def clothes(examples: int = 300) -> Work:
    """W3 on noise."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (examples, 28, 28), np.uint8)
    return w3_fashion_mlp.of_images(images, rng.integers(0, 10, examples, np.int32))


@pytest.fixture
def modules() -> dict[str, ModuleType]:
    return {name: importlib.import_module(f"benchmarks.{module}") for name, module in WORKLOADS.items()}


@pytest.mark.parametrize("module", [agreement, publish, summary])
def test_the_examples_in_the_docstrings(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert failed == 0
    assert attempted


def test_operations_of_a_training_counted_by_hand() -> None:
    # Layers of 6 and 3 multiply-adds; the first takes 2 products, the second 3; 10 examples.
    assert perceptrons.flops((2, 3, 1), 10) == 10 * 2 * (2 * 6 + 3 * 3)


@pytest.mark.parametrize("work", [w1_moons.work(quick=True), clothes()], ids=["W1", "W3"])
def test_the_gradients_in_numpy_are_those_of_jax(work: Work) -> None:
    weights = perceptrons.initial_weights(work)
    inputs, targets, activation = work.floats()[:32], work.targets[:32], work.net["activation"]
    net = perceptrons.nnjax_perceptron(work)
    loss = {"binary_cross_entropy": binary_cross_entropy, "cross_entropy": cross_entropy}[work.loss]
    mean = lambda params: loss(net.apply(params, jnp.asarray(work.inputs[:32])), targets).mean()
    value, wanted = jax.value_and_grad(mean)(params_of(weights))
    layers = forward(weights, inputs, activation)
    found = gradients(weights, layers, slope(layers[-1], targets, work.loss), activation)
    np.testing.assert_allclose(losses(layers[-1], targets, work.loss).mean(), value, rtol=1e-5)
    for ours, theirs in zip(found, weights_of(wanted), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("work", [w1_moons.work(quick=True), clothes()], ids=["W1", "W3"])
def test_three_libraries_agree_and_a_wrong_learning_rate_is_seen(work: Work) -> None:
    trainers = {
        "nnjax": Fit(work, perceptrons.nnjax_perceptron(work)),
        "numpy": Loop(work, perceptrons.initial_weights),
        "scikit-learn": Classifier(work),
    }
    weights, batches = perceptrons.initial_weights(work), agreement.batches_of(work)
    found = {name: trainer.steps(weights, batches, 0.05) for name, trainer in trainers.items()}
    assert agreement.disagreeing(found, OURS) == {}
    found["numpy"] = trainers["numpy"].steps(weights, batches, 0.06)
    assert list(agreement.disagreeing(found, OURS)) == ["numpy"]
    found["numpy"][3] = float("nan")
    assert agreement.disagreeing(found, OURS) == {"numpy": float("inf")}


def test_a_trained_net_is_scored_by_one_judge() -> None:
    work = w1_moons.work(quick=True)
    zero = [np.zeros_like(w) for w in perceptrons.initial_weights(work)]
    assert w1_moons.score(work, zero) == pytest.approx(np.log(2))
    trained = Loop(work, perceptrons.initial_weights).train(seed=0).weights
    assert w1_moons.score(work, trained) < 0.3


def test_the_judge_of_convolutions_sees_what_nnjax_computes_and_pytorch_gets_the_same_weights() -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 28, 28), np.uint8), rng.integers(0, 10, 20, np.int32)
    work = w4_fashion_cnn.of_images(images, labels)
    weights = convnets.initial_weights(work)
    net = convnets.numbered(work)
    scaled = images.astype("f") / 255
    wanted = net.apply(params_of(weights), jnp.asarray(scaled))
    np.testing.assert_allclose(convnets.forward(weights, scaled[..., None]), wanted, rtol=1e-4, atol=1e-4)
    assert convnets.score(work, weights) == pytest.approx(
        float(cross_entropy(wanted, labels).mean()), rel=1e-4
    )
    back = convnets.to_nnjax(work, convnets.to_torch(work, weights))
    assert all(np.array_equal(a, b) for a, b in zip(weights, back, strict=True))


def test_every_epoch_visits_every_example_once() -> None:
    batches = list(epochs_of_batches(10, 4, 2, seed=0))
    assert [len(rows) for rows in batches] == [4, 4, 2, 4, 4, 2]
    assert sorted(np.concatenate(batches[:3])) == list(range(10))


def test_every_workload_has_known_peers_nnjax_first(modules: dict[str, ModuleType]) -> None:
    for name, module in modules.items():
        assert next(iter(module.TRAINERS)) == OURS, name
        assert set(module.TRAINERS) <= set(PEERS)
        assert callable(module.work)
        assert callable(module.score)
        assert callable(module.initial_weights)


def test_a_peer_that_is_not_installed_is_left_out_with_the_command(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PEERS, "equinox", Peer("Equinox", {"no_such_module_anywhere": "equinox"}))
    assert chosen_peers(modules["W1"], ["equinox", "numpy"]) == ["nnjax", "numpy"]
    assert "Equinox: left out: it is not installed (pip install equinox)" in capsys.readouterr().out


def test_a_process_trains_and_says_what_went_wrong(tmp_path: Path) -> None:
    work = w1_moons.work(quick=True)
    work.save(tmp_path)
    with Process("benchmarks.w1_moons", "numpy", tmp_path, environment("numpy", 1, tmp_path)) as process:
        trained = process.ask("train", seed=0)
        assert 0 < trained["seconds"] <= trained["wall"] < process.since_start()
        wanted = w1_moons.score(work, Loop(work, perceptrons.initial_weights).train(0).weights)
        assert process.ask("loss")["loss"] == pytest.approx(wanted, rel=1e-3)
        assert process.ask("peak")["bytes"] > 2**20
        with pytest.raises(PeerError, match="ValueError: asked to 'dance'"):
            process.ask("dance")
    with (
        Process("benchmarks.no_such_module", "numpy", tmp_path, dict(os.environ)) as process,
        pytest.raises(PeerError, match=r"ended with code 1.*no_such_module"),
    ):
        process.ask("train")


def result() -> dict:
    """What a run of W1 might have found."""
    times = {"seconds": [1.0, 2.0, 3.0], "wall": [2.0, 2.0, 2.0], "loss": [0.5, 0.5, 0.5]}
    ours = times | {"cold_seconds": 2.0, "next_seconds": 1.5, "peak_bytes": 2**20}
    theirs = ours | {"seconds": [4.0, 4.0, 4.0], "ratios": [0.25, 0.5, 0.75]}
    slower = ours | {"seconds": [0.5, 0.5, 0.5], "ratios": [2.0, 4.0, 6.0]}
    machine = {
        "processor": "P",
        "cores": 2,
        "memory_bytes": 2**30,
        "system": "S",
        "python": "3",
        "versions": {"jax": "1"},
        "peak_flops": 1e9,
        "date": "today",
        "load_before": 0.0,
    }
    work = {"name": "W1", "title": "moons", "details": "SGD", "flops": 1e9}
    peers = {"nnjax": ours, "pytorch": theirs, "numpy": slower}
    return {"work": work, "peers": peers, "disagree": {"equinox": 0.1}, "machine": machine}


def test_the_table_puts_nnjax_first_then_the_quickest() -> None:
    lines = table(result()).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| nnjax", "| plain NumPy", "| PyTorch"]
    assert "| 0.5 (0.38 to 0.62) | 4 s | 2 s | 2 s | 1.5 s | 1 MiB | 25.0% | 0.5000 |" in lines[-1]
    assert compared(result())[0][0] == "PyTorch"


def test_the_pages_tell_losses_and_who_was_left_out() -> None:
    assert short({"W1": result()}).splitlines()[-1] == "| W1: moons | 0.5 | 4 (plain NumPy) |"
    text = whole({"W1": result()})
    assert "Left out, since its losses differ from nnjax's on the same batches: Equinox." in text
    assert "something else was running" not in text
    busy = result()
    busy["machine"]["load_before"] = 3.0
    assert "something else was running (load 3.0)" in whole({"W1": busy})
    page = f"before\n{BEGIN.format('whole')}\nold\n{END}\nafter"
    assert between(page, "whole", "new") == f"before\n{BEGIN.format('whole')}\n\nnew\n\n{END}\nafter"
    assert between("no marks", "whole", "new") is None


def test_the_peak_counts_two_operations_a_multiply_add(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(float(i) for i in range(1000))
    monkeypatch.setattr("benchmarks.machine.time.perf_counter", lambda: next(ticks))
    assert best(lambda: None) == 2 * 2048**3
