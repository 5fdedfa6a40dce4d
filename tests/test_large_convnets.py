"""W6 and W7: the judge's net is nnjax's net, and the work is counted as published."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.large_convnets import flops, forward, initial_weights, numbered, shapes, turn, work_of
from benchmarks.peers.nnjax_fit import params_of


@pytest.mark.parametrize(("kind", "side"), [("alexnet", 63), ("vgg16", 32)])
def test_the_judge_gives_the_logits_of_the_net(kind: str, side: int) -> None:
    work = work_of("W", kind, 1, side, 16)
    weights = [w + np.float32(0.01) if w.ndim == 1 else w for w in initial_weights(work)]
    images = work.inputs[:1].astype(np.float32) / 127.5 - 1
    ours = np.asarray(numbered(work).apply(params_of(weights), images))
    np.testing.assert_allclose(ours, forward(work, weights, images), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "parameters"), [("alexnet", 61_100_840), ("vgg16", 138_357_544)])
def test_the_nets_are_the_published_ones(kind: str, parameters: int) -> None:
    net = {"kind": kind, "side": 224, "hidden": 4096, "classes": 1000}
    assert sum(np.prod(shape) + shape[-1] for shape in shapes(net)[0]) == parameters
    assert flops(net, 1) == pytest.approx(6 * {"alexnet": 714e6, "vgg16": 15.47e9}[kind], rel=0.04)


def test_turning_the_axes_there_and_back_changes_nothing() -> None:
    work = work_of("W", "alexnet", 1, 127, 8)  # two places a side before the dense layers
    weights = initial_weights(work)
    there = turn(work, weights, (3, 2, 0, 1), channels_first=False)
    assert not np.array_equal(there[10], weights[10])
    for a, b in zip(turn(work, there, (2, 3, 1, 0), channels_first=True), weights, strict=True):
        np.testing.assert_array_equal(a, b)
