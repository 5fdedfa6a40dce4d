"""Whether a training fits in memory: asked of the compiled program before its first step.

The compiler knows the bytes of a program before it runs. On a CPU that matters more than the failure
itself: Linux hands out memory that it does not have, and then ends a process without a word.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax

from nnjax.errors import OutOfMemoryError
from nnjax.types import Plan

Explain = Callable[[Plan, int, int, Callable[[Plan], Any]], OutOfMemoryError]
EXHAUSTED = "RESOURCE_EXHAUSTED"  # how XLA begins the error of an allocation that failed


def needed_bytes(compiled: Any, plan: Plan) -> int:
    """The bytes that a compiled program takes besides its arguments; on a CPU those of all its devices."""
    analysis = compiled.memory_analysis()
    if analysis is None:  # some backends do not say
        return 0
    own = analysis.temp_size_in_bytes + analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return max(0, own) * devices_of(plan)


def argument_bytes(compiled: Any, plan: Plan) -> int:
    """The bytes of a compiled program's arguments; on a CPU those of all its devices."""
    analysis = compiled.memory_analysis()
    return 0 if analysis is None else analysis.argument_size_in_bytes * devices_of(plan)


def devices_of(plan: Plan) -> int:
    """How many of a plan's devices share one memory."""
    return plan.devices if jax.default_backend() == "cpu" else 1


def free_bytes() -> int | None:
    """The bytes that this process can still have, None where nothing says: the machine's free memory,
    a container's limit, the shell's `ulimit -v`; with a GPU, its memory.
    """
    if jax.default_backend() != "cpu":
        stats = jax.devices()[0].memory_stats() or {}
        return stats["bytes_limit"] - stats["bytes_in_use"] if "bytes_limit" in stats else None
    known = [free for look in (_of_machine, _of_container, _of_shell) if (free := look()) is not None]
    return max(0, min(known)) if known else None


def check_fits(
    compiled: Any, plan: Plan, compile_for: Callable[[Plan], Any], explain: Explain | None = None
) -> None:
    """Refuses a program that needs more memory than there is.

    Args:
        compiled: The program.
        plan: Its plan.
        compile_for: Compiles it for another plan, to find a size that fits.
        explain: Makes the error; None is `too_large`.

    Raises:
        OutOfMemoryError: With a size that fits: the largest power of two as a batch size, say.
    """
    needed, free = needed_bytes(compiled, plan), free_bytes()
    if free is not None and needed > free:
        raise (explain or too_large)(plan, needed, free, compile_for)


@contextlib.contextmanager
def allocations(
    compiled: Any, plan: Plan, compile_for: Callable[[Plan], Any], explain: Explain | None = None
) -> Iterator[None]:
    """Turns an allocation that fails inside the block into an OutOfMemoryError with a size that fits."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if EXHAUSTED not in str(error):
            raise
        needed, free = needed_bytes(compiled, plan), free_bytes()
        free = needed - 1 if free is None else min(free, needed - 1)  # it has just been too much
        raise (explain or too_large)(plan, needed, free, compile_for) from error


def too_large(plan: Plan, needed: int, free: int, compile_for: Callable[[Plan], Any]) -> OutOfMemoryError:
    """The error of a training that needs more than is free, with the batch size that would fit."""
    size = min(plan.batch_size - 1, plan.batch_size * free // max(needed, 1))
    size = 1 << (size.bit_length() - 1) if size else 0
    while size and needed_bytes(compile_for(dataclasses.replace(plan, batch_size=size)), plan) > free:
        size //= 2
    hint = f"batch_size {size} would fit" if size else "not even a batch of one example would fit"
    asked = f"batches of {plan.batch_size} need {in_words(needed)}"
    return OutOfMemoryError(f"out of memory: {asked}, and {in_words(free)} are free; {hint}")


def too_many_lanes(held: int) -> Explain:
    """`explain` of a population whose lanes, data and members take `held` bytes already: it says how many
    lanes would fit. Fewer lanes also leave more free, since fewer members are held.
    """

    def explain(plan: Plan, needed: int, free: int, compile_for: Callable[[Plan], Any]) -> OutOfMemoryError:
        full = plan.lanes // plan.devices

        def fits(own: int) -> bool:
            fewer = dataclasses.replace(plan, lanes=own * plan.devices)
            compiled = compile_for(fewer)
            return needed_bytes(compiled, fewer) + argument_bytes(compiled, fewer) <= free + held

        own = min(full - 1, full * (free + held) // max(needed + held, 1))
        while own and not fits(own):
            own = own * 3 // 4
        return lanes_error(plan, own, f"{in_words(needed)} besides their members", free)

    return explain


def check_lanes(plan: Plan, member: int, results: int) -> None:
    """Refuses a population whose members and results alone are more than there is memory for.

    Args:
        plan: Its plan.
        member: Bytes of one member in its lane.
        results: Bytes of what is known of all members in the end; those lie on the host.

    Raises:
        OutOfMemoryError: With the number of lanes that would fit.
    """
    free, lanes = free_bytes(), plan.lanes
    if free is None:
        return
    if jax.default_backend() == "cpu":
        if results > free:
            raise OutOfMemoryError(
                f"out of memory: the results of all members need {in_words(results)}, and {in_words(free)} "
                "are free; fewer members would fit"
            )
        free -= results
    else:
        lanes //= plan.devices  # each device has its own memory
    needed = 2 * lanes * member  # where lanes are refilled, the new members lie beside the old
    if needed > free:
        own = free // (2 * member) // (plan.devices if jax.default_backend() == "cpu" else 1)
        raise lanes_error(plan, own, in_words(needed), free)


def lanes_error(plan: Plan, own: int, needed: str, free: int) -> OutOfMemoryError:
    """The error of a population of which only `own` lanes of each device would fit."""
    fit = own * plan.devices
    hint = f"{fit} would fit" if fit else f"not even {plan.devices} would fit; a smaller batch_size may"
    return OutOfMemoryError(
        f"out of memory: {plan.lanes} lanes need {needed}, and {in_words(free)} are free; {hint}"
    )


def in_words(size: int) -> str:
    """A number of bytes.

    >>> in_words(3_400_000_000), in_words(256_000)
    ('3.4 GB', '0.3 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _of_machine() -> int | None:
    with contextlib.suppress(OSError, KeyError, ValueError):
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    return None


def _of_container() -> int | None:
    root = Path("/sys/fs/cgroup")
    for folder, limit, used, cache in (
        (root, "memory.max", "memory.current", "file"),
        (root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"),
    ):
        with contextlib.suppress(OSError, ValueError, KeyError):
            counted = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            taken = int((folder / used).read_text())
            # The kernel counts cached files as used, and gives them up when memory is wanted.
            return int((folder / limit).read_text()) - taken + int(counted[cache])
    return None


def _of_shell() -> int | None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return limit - pages * os.sysconf("SC_PAGE_SIZE")
    return None
