"""What a run ran on: versions, processor, memory, commit. It is kept in config.json."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("nnjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    """The versions of the packages that decide what a run computes."""
    return {name: metadata.version(name) for name in PACKAGES}


def processor() -> str:
    """The processor's own name, such as "AMD EPYC 9654"."""
    with contextlib.suppress(OSError, IndexError):
        text = Path("/proc/cpuinfo").read_text()
        return text.split("model name", 1)[1].split(":", 1)[1].splitlines()[0].strip()
    return platform.processor() or platform.machine()


def memory_bytes() -> tuple[int, int]:
    """The memory of the machine and what is free of it, in bytes; zeros where that is unknown."""
    with contextlib.suppress(OSError, KeyError, ValueError):
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return (int(lines["MemTotal"].split()[0]) * 1024, int(lines["MemAvailable"].split()[0]) * 1024)
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), 0
    return 0, 0


def git_commit(folder: Path) -> str | None:
    """The commit that `folder` is at, with "+changes" where files differ from it; None outside git."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    with contextlib.suppress(OSError, subprocess.SubprocessError):
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    return None
