"""Memory: what a program needs is known before it runs, and what is said when it is too much."""

from __future__ import annotations

import dataclasses
import resource

import jax
import jax.numpy as jnp
import optax
import pytest

from nnjax import Net, Plan, Task, per_example, squared_error
from nnjax.errors import OutOfMemoryError
from nnjax.training import memory
from nnjax.training.engine import compile_chunk
from nnjax.training.member import Data, Part
from nnjax.training.train import start, train

WIDE = 4096  # floats of each example's activations


def wide(hyper):
    """Two products whose activations are [B, WIDE]."""
    net = Net(
        lambda key: {"out": jnp.ones((1, WIDE)), "back": jnp.ones((WIDE, 1))},
        lambda params, x, key=None, train=False: jnp.sin(x @ params["out"]) @ params["back"] / WIDE,
    )
    return Task(net, per_example(squared_error), optax.sgd(1e-3))


PLAN = Plan(segments=2, segment_steps=1, batch_size=1024, monitor="train_loss")
DATA = Data(Part(jnp.ones((2048, 1)), jnp.ones((2048, 1))))


def compile_for(plan):
    return compile_chunk(wide, plan, DATA, start(wide, plan))


def test_what_a_program_needs_grows_with_its_batch():
    small, large = (memory.needed_bytes(compile_for(dataclasses.replace(PLAN, batch_size=b)), PLAN)
                    for b in (64, 1024))  # fmt: skip
    assert large >= 1024 * WIDE * 4  # one array of activations, at least
    assert large > small
    two = dataclasses.replace(PLAN, devices=2)
    assert memory.needed_bytes(compile_for(PLAN), two) == 2 * large


def test_a_training_that_does_not_fit_says_what_would(monkeypatch):
    needed = memory.needed_bytes(compile_for(PLAN), PLAN)
    free = int(needed * 0.7)
    monkeypatch.setattr(memory, "free_bytes", lambda: free)
    words = f"batches of 1024 need {memory.in_words(needed)}, and {memory.in_words(free)} are free;"
    with pytest.raises(OutOfMemoryError, match=rf"{words} batch_size (\d+) would fit") as caught:
        train(wide, PLAN, DATA, start(wide, PLAN))
    size = int(str(caught.value).split("batch_size ")[1].split()[0])
    assert memory.needed_bytes(compile_for(dataclasses.replace(PLAN, batch_size=size)), PLAN) <= free
    assert size in (64, 128, 256, 512)
    train(wide, dataclasses.replace(PLAN, batch_size=size), DATA, start(wide, PLAN))


def test_where_nothing_fits_it_says_so(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 1)
    with pytest.raises(OutOfMemoryError, match=r"0\.0 MB are free; not even a batch of one example"):
        train(wide, PLAN, DATA, start(wide, PLAN))


def test_an_allocation_that_fails_is_the_same_error():
    """XLA's own error, from a real allocation of a petabyte."""
    huge = jax.jit(lambda x: jnp.sort(x[:, None] * x[None, :], 1).sum()).lower(
        jax.ShapeDtypeStruct((2**24,), jnp.float32)
    )
    compiled = huge.compile()
    with (
        pytest.raises(OutOfMemoryError, match=r"batches of 1024 need \d+\.\d GB, and .* are free; "),
        memory.allocations(compiled, PLAN, compile_for),
    ):
        jax.block_until_ready(compiled(jnp.ones(2**24)))


def test_other_errors_pass_through():
    with (
        pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"),
        memory.allocations(None, PLAN, compile_for),
    ):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")


def test_free_memory_is_at_most_what_the_shell_allows():
    free = memory.free_bytes()
    assert free is not None
    assert 2**20 < free < 2**50
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**46, before[1]))  # far above what this process has mapped
    try:
        mapped = 2**46 - memory._of_shell()
        assert 0 < mapped < 2**46
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
