"""Memory: what a program needs is known before it runs, and what is said when it is too much."""

from __future__ import annotations

import dataclasses
import resource

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnjax import Net, Plan, Task, per_example, squared_error
from nnjax.errors import OutOfMemoryError
from nnjax.training import memory
from nnjax.training.engine import compile_chunk
from nnjax.training.member import Data, Part
from nnjax.training.population import Entrants, Population
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


LANES = dataclasses.replace(PLAN, batch_size=64, layout="lanes", devices=2, lanes=16)


def population(plan):
    who = Entrants(np.arange(20, dtype=np.uint32), np.zeros(20, np.int32), {})
    return Population(wide, plan, DATA, who)


def test_a_population_that_does_not_fit_says_how_many_lanes_would(monkeypatch):
    whole = population(LANES)
    members = whole.start().members
    needed = memory.needed_bytes(whole.compiled(members), LANES)
    assert needed >= 16 * 64 * WIDE * 4  # the activations of every lane, at least
    free = int(needed * 0.6)
    monkeypatch.setattr(memory, "free_bytes", lambda: free)
    needs, has = memory.in_words(needed), memory.in_words(free)
    words = f"16 lanes need {needs} besides their members, and {has} are free;"
    with pytest.raises(OutOfMemoryError, match=rf"{words} (\d+) would fit$") as caught:
        population(LANES).compiled(members)
    lanes = int(str(caught.value).split("; ")[1].split()[0])
    assert lanes in (6, 8, 10)  # whole lanes of two devices
    fewer = population(dataclasses.replace(LANES, lanes=lanes))
    state = fewer.start()
    assert (fewer.advance(state, 2).results.step[:lanes] == 2).all()


def test_lanes_whose_members_alone_are_too_many_are_refused_before_they_are_made(monkeypatch):
    """8 lanes of 100 bytes, and as many again for a refill, in the 1000 that the results leave of 2000."""
    monkeypatch.setattr(memory, "free_bytes", lambda: 2000)
    plan = dataclasses.replace(LANES, lanes=8)
    with pytest.raises(OutOfMemoryError, match=r"^out of memory: 8 lanes need .* are free; 4 would fit$"):
        memory.check_lanes(plan, 100, 1000)
    memory.check_lanes(dataclasses.replace(plan, lanes=4), 100, 1000)
    with pytest.raises(OutOfMemoryError, match=r"not even 2 would fit; a smaller batch_size may"):
        memory.check_lanes(plan, 300, 1000)
    with pytest.raises(
        OutOfMemoryError, match=r"the results of all members need .*; fewer members would fit"
    ):
        memory.check_lanes(plan, 1, 2001)
    monkeypatch.setattr(memory, "free_bytes", lambda: 1_000_000)
    with pytest.raises(OutOfMemoryError, match=r"4 lanes need 0\.5 MB, and 0\.3 MB are free; 2"):
        population(dataclasses.replace(LANES, lanes=4)).start()


def test_an_allocation_of_a_population_that_fails_is_the_same_error(monkeypatch):
    """XLA's own words, from the program of a population: its size is halved until less is asked for."""
    small = population(dataclasses.replace(LANES, lanes=4))
    state = small.start()

    def fails(*arguments):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes.")

    program = small.compiled(state.members)
    fails.memory_analysis = program.memory_analysis
    small._compiled[4] = fails
    with pytest.raises(OutOfMemoryError, match=r"4 lanes need .* besides their members, .*; 2 would fit"):
        small.advance(state, 1)
