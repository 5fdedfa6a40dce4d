"""The bookkeeping of lanes, without a single training."""

import numpy as np
import pytest

from nnjax.training.queue import NOBODY, assign, can_halve, due, enough, half, new_queue


def fill(size, devices, lanes):
    queue = new_queue(size, devices, lanes)
    return assign(queue, np.ones(queue.ids.shape, bool))


def test_each_device_takes_from_its_own_queue():
    queue, into = fill(size=7, devices=2, lanes=4)
    assert queue.ids.tolist() == [[0, 2], [1, 3]]
    assert into.all()
    assert queue.waiting.tolist() == [2, 1]
    free = np.array([[True, True], [True, True]])
    queue, into = assign(queue, free)
    assert queue.ids.tolist() == [[4, 6], [5, NOBODY]]
    assert into.tolist() == [[True, True], [True, False]]
    assert queue.waiting.tolist() == [0, 0]


def test_everybody_gets_a_lane_exactly_once():
    generator = np.random.default_rng(0)
    queue, _ = fill(size=101, devices=2, lanes=16)
    seen = list(queue.ids[queue.ids >= 0])
    while queue.waiting.any():
        free = generator.random(queue.ids.shape) < 0.3
        queue, into = assign(queue, free)
        seen += list(queue.ids[into])
    assert sorted(seen) == list(range(101))


def test_lanes_are_refilled_once_too_many_idle():
    queue, _ = fill(size=1000, devices=2, lanes=64)
    running = np.ones((2, 32), bool)
    running[0, :2] = False  # 2 of 32 may idle
    assert enough(queue, full=32).tolist() == [30, 30]
    assert not due(queue, running, full=32).any()
    running[0, 2] = False
    assert due(queue, running, full=32).sum() == 3


def test_the_tail_halves_down_to_a_few():
    queue, _ = fill(size=64, devices=2, lanes=64)
    running = np.ones((2, 32), bool)
    assert half(queue, running, full=32) is None
    running[:, :20] = False
    kept = half(queue, running, full=32)
    assert kept.shape == (2, 16)
    assert np.take_along_axis(running, kept, 1).sum(1).tolist() == [12, 12]
    assert enough(queue, full=32).tolist() == [17, 17]
    assert [own for own in (32, 16, 8, 4, 2) if can_halve(own, full=32)] == [32, 16, 8]


@pytest.mark.parametrize("waiting", [True, False])
def test_nothing_is_halved_while_somebody_waits(waiting):
    queue, _ = fill(size=100 if waiting else 64, devices=2, lanes=64)
    running = np.zeros((2, 32), bool)
    running[:, 0] = True
    assert (half(queue, running, full=32) is None) == waiting
