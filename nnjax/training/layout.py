"""Which devices a training uses: a function of its shapes and the machine, never of a timing."""

from __future__ import annotations

import jax

WORK_TO_SHARE = 2**24  # multiply-adds a step below which two devices wait longer than they save
WORK_TO_CALL = 2**32  # multiply-adds a step above which a step is a call of its own, outside any loop
REUSE_TO_SHARE = 8  # multiply-adds an example per parameter
PARAMETERS_TO_SHARE = 2**24  # parameters above which a copy on each device, and their sum, cost too much


def choose_layout(multiply_adds: int, parameters: int, batch_size: int) -> tuple[str, int]:
    """The layout of a plan, and how many devices it uses.

    "batch" shards each batch over all devices (on a CPU its cores) and sums the gradients of all
    parameters at every step. That pays where each parameter is used many times for one example, as
    in convolutions and recurrent layers; a dense layer uses each of its parameters once. Nets as large as
    AlexNet stay on one device: XLA shares each of their products out over the cores by itself, and a
    second copy of parameters, gradients and optimiser state would be gigabytes.

    Args:
        multiply_adds: Of one example's forward pass.
        parameters: How many the net has.
        batch_size: Examples a step.

    Returns:
        ("one", 1) or ("batch", D).

    >>> choose_layout(multiply_adds=535_000, parameters=535_000, batch_size=128)
    ('one', 1)
    >>> choose_layout(multiply_adds=15_470_000_000, parameters=138_357_544, batch_size=4)  # VGG-16
    ('one', 1)
    """
    devices = jax.local_device_count()
    work = multiply_adds * batch_size
    shared = work >= WORK_TO_SHARE and multiply_adds >= REUSE_TO_SHARE * parameters
    shared = shared and parameters <= PARAMETERS_TO_SHARE
    return ("batch", devices) if shared and devices > 1 else ("one", 1)


def choose_looped(multiply_adds: int, batch_size: int) -> bool:
    """Whether a chunk of steps is compiled as one loop, see `Plan.looped`.

    Args:
        multiply_adds: Of one example's forward pass.
        batch_size: Examples a step.

    >>> choose_looped(multiply_adds=15_470_000_000, batch_size=4)  # VGG-16
    False
    """
    return multiply_adds * batch_size < WORK_TO_CALL
