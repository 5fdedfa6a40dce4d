"""The page of `nnjax explain` for many weights: how long it takes, how many steps it holds."""

from __future__ import annotations

import time
from pathlib import Path

import jax
import numpy as np

from nnjax import cross_entropy, mlp, per_example, relu
from nnjax.runner.explain.example import Example
from nnjax.runner.explain.ledger import activations, example_batch, measure, recognise, residuals
from nnjax.runner.explain.page import ROOM, frames_that_fit, write_page
from nnjax.runner.explain.states import State
from nnjax.runner.explain.terminal import ledger
from nnjax.runner.explain.view import View
from nnjax.types import Dataset, Task


def big_view(sizes: tuple[int, ...], states: int) -> tuple[View, float]:
    """A net that was not trained, and the seconds of work that looking at it took."""
    net = mlp(sizes, relu)
    task = Task(net, per_example(cross_entropy), None)
    inputs = np.random.default_rng(0).normal(size=(1, sizes[0])).astype(np.float32)
    data = Dataset(inputs, np.array([1], np.int32))
    batch = example_batch(data, 0)
    rng = np.random.default_rng(1)
    draw = lambda leaf: (0.1 * rng.normal(size=leaf.shape)).astype(np.float32)
    shapes = jax.eval_shape(net.init, jax.random.key(0))
    params = [jax.tree.map(draw, shapes) for _ in range(states)]
    example = Example(
        *("big", "train", 0, 1, (sizes[0],), "1", data, batch),
        *([State(i, p, "a checkpoint") for i, p in enumerate(params)], [{}] * states, [0.0] * states, {}),
    )
    began = time.process_time()
    numbers = measure(task, params, batch)
    formulas = recognise(numbers, batch.targets)
    worked = View(
        example, (), activations(numbers, formulas), numbers, formulas, residuals(numbers, formulas)
    )
    return worked, time.process_time() - began


def test_ten_thousand_weights_take_a_second_and_a_megabyte(tmp_path: Path) -> None:
    took = []
    for _ in range(2):  # the machine may be busy with something else
        view, seconds = big_view((64, 128, 13), 12)
        began = time.process_time()
        path = write_page(view, 5, tmp_path / "explain.html", (1, 1))
        ledger(view, 5, 1, 1)
        took.append(seconds + time.process_time() - began)
    assert sum(leaf[0].size for leaf in jax.tree.leaves(view.numbers.params)) == 9997
    assert path.stat().st_size < 1_000_000
    assert path.read_text().count('"step":') == 12
    assert min(took) < 1.0


def test_a_larger_net_has_fewer_steps_and_a_very_large_one_none(tmp_path: Path) -> None:
    view, _ = big_view((200, 200, 10), 7)  # 42,210 weights
    kept = frames_that_fit(view, 5)
    assert {0, 5, 6} <= set(kept)
    assert len(kept) == ROOM // round(4 * (42_210 + 3 * 210) * 4 / 3 + 500)
    assert write_page(view, 5, tmp_path / "explain.html", (1, 1)).stat().st_size < 1_000_000
    vast = view._replace(numbers=view.numbers._replace(inputs=[np.zeros((7, 4000)), view.numbers.inputs[1]]))
    assert write_page(vast, 5, tmp_path / "none.html", (1, 1)) is None
    assert not (tmp_path / "none.html").exists()
