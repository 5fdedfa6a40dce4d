"""Who is in which lane: the queues of a population, as plain numbers on the host.

Every device has its own queue, so what it does next follows from its own members alone: the
entrants d, d + D, d + 2 D, ... wait for device d of D.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NOBODY = -1
IDLE_SHARE = 1 / 16  # of a device's lanes may idle before they are refilled
NARROWEST_SHARE, NARROWEST = 1 / 8, 4  # fewer lanes of a device are not worth another compilation


class Queue(NamedTuple):
    """Which entrants are in the lanes, and which still wait.

    Attributes:
        size: N, how many entrants there are.
        ids: int32 [D, own], the entrant in each lane of each device; NOBODY where there is none.
        taken: int32 [D], how many entrants each device has taken from its queue.
    """

    size: int
    ids: np.ndarray
    taken: np.ndarray

    @property
    def waiting(self) -> np.ndarray:
        """How many entrants still wait for each device, [D]."""
        devices = len(self.taken)
        return -(-(self.size - np.arange(devices)) // devices) - self.taken


def new_queue(size: int, devices: int, lanes: int) -> Queue:
    """Everybody waits. `lanes` is a multiple of `devices`."""
    ids = np.full((devices, lanes // devices), NOBODY, np.int32)
    return Queue(size, ids, np.zeros(devices, np.int32))


def assign(queue: Queue, free: np.ndarray) -> tuple[Queue, np.ndarray]:
    """The next entrants of each queue take its device's free lanes [D, own], from the left.

    Returns:
        The queue, and which lanes hold a new entrant, [D, own]. A free lane that nobody takes holds
        NOBODY.
    """
    ids, taken = queue.ids.copy(), queue.taken.copy()
    devices = len(taken)
    for device in range(devices):
        places = np.flatnonzero(free[device])
        entrants = device + (taken[device] + np.arange(len(places))) * devices
        ids[device, places] = np.where(entrants < queue.size, entrants, NOBODY)
        taken[device] += (entrants < queue.size).sum()
    return Queue(queue.size, ids, taken), free & (ids != NOBODY)


def enough(queue: Queue, full: int) -> np.ndarray:
    """How many lanes of each device must run for its chunk to go on, [D].

    While entrants wait, nearly all; in the tail, more than half, so that the lanes can be halved.

    Args:
        queue: The queue.
        full: Lanes of a device when the population began.
    """
    own = queue.ids.shape[1]
    nearly_all = own - int(own * IDLE_SHARE)
    more_than_half = own // 2 + 1 if can_halve(own, full) else 1
    return np.where(queue.waiting > 0, nearly_all, more_than_half).astype(np.int32)


def can_halve(own: int, full: int) -> bool:
    """Whether a device's `own` lanes may become half as many."""
    return own % 2 == 0 and own // 2 >= max(NARROWEST, full * NARROWEST_SHARE)


def due(queue: Queue, running: np.ndarray, full: int) -> np.ndarray:
    """Which lanes are to be refilled now: the idle ones of devices that have too few running, [D, own]."""
    too_few = running.sum(1) < enough(queue, full)
    return ~running & (too_few & (queue.waiting > 0))[:, None]


def half(queue: Queue, running: np.ndarray, full: int) -> np.ndarray | None:
    """The lanes [D, own / 2] to keep when half are enough and nobody waits, running ones first; else None."""
    own = queue.ids.shape[1]
    if queue.waiting.any() or not can_halve(own, full) or (running.sum(1) > own // 2).any():
        return None
    return np.argsort(~running, axis=1, kind="stable")[:, : own // 2]
