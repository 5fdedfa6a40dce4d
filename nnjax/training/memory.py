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

EXHAUSTED = "RESOURCE_EXHAUSTED"  # how XLA begins the error of an allocation that failed


def needed_bytes(compiled: Any, plan: Plan) -> int:
    """The bytes that a compiled program takes besides its arguments; on a CPU those of all its devices."""
    analysis = compiled.memory_analysis()
    if analysis is None:  # some backends do not say
        return 0
    own = analysis.temp_size_in_bytes + analysis.output_size_in_bytes - analysis.alias_size_in_bytes
    return max(0, own) * (plan.devices if jax.default_backend() == "cpu" else 1)


def free_bytes() -> int | None:
    """The bytes that this process can still have, None where nothing says: the machine's free memory,
    a container's limit, the shell's `ulimit -v`; with a GPU, its memory.
    """
    if jax.default_backend() != "cpu":
        stats = jax.devices()[0].memory_stats() or {}
        return stats["bytes_limit"] - stats["bytes_in_use"] if "bytes_limit" in stats else None
    known = [free for look in (_of_machine, _of_container, _of_shell) if (free := look()) is not None]
    return max(0, min(known)) if known else None


def check_fits(compiled: Any, plan: Plan, compile_for: Callable[[Plan], Any]) -> None:
    """Refuses a program that needs more memory than there is.

    Args:
        compiled: The program.
        plan: Its plan.
        compile_for: Compiles it for another plan, to find a batch size that fits.

    Raises:
        OutOfMemoryError: With the largest power of two that fits as a batch size.
    """
    needed, free = needed_bytes(compiled, plan), free_bytes()
    if free is not None and needed > free:
        raise too_large(plan, needed, free, compile_for)


@contextlib.contextmanager
def allocations(compiled: Any, plan: Plan, compile_for: Callable[[Plan], Any]) -> Iterator[None]:
    """Turns an allocation that fails inside the block into an OutOfMemoryError with a size that fits."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if EXHAUSTED not in str(error):
            raise
        needed, free = needed_bytes(compiled, plan), free_bytes()
        free = needed - 1 if free is None else min(free, needed - 1)  # it has just been too much
        raise too_large(plan, needed, free, compile_for) from error


def too_large(plan: Plan, needed: int, free: int, compile_for: Callable[[Plan], Any]) -> OutOfMemoryError:
    """The error of a training that needs more than is free, with the batch size that would fit."""
    size = min(plan.batch_size - 1, plan.batch_size * free // max(needed, 1))
    size = 1 << (size.bit_length() - 1) if size else 0
    while size and needed_bytes(compile_for(dataclasses.replace(plan, batch_size=size)), plan) > free:
        size //= 2
    hint = f"batch_size {size} would fit" if size else "not even a batch of one example would fit"
    asked = f"batches of {plan.batch_size} need {in_words(needed)}"
    return OutOfMemoryError(f"out of memory: {asked}, and {in_words(free)} are free; {hint}")


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
