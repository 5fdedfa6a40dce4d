"""The settings of the process that make training fast: devices, compilation cache, allocator.

`configure` is called by the `nnjax` command and by scripts, never at import:

    from nnjax import configure
    configure()

The allocator's variables are read by the C library before Python starts, so `configure` can only
say whether they are there. The command starts itself again with them once; a script is started
with `env $(nnjax doctor --environment) python script.py`, or does without.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from nnjax.errors import ConfigError

REEXECUTED = "NNJAX_REEXEC"
ALLOCATOR_OFF = "NNJAX_ALLOCATOR"
TUNABLE = "glibc.malloc.hugetlb"

# glibc gives memory back and takes it again between steps, and each first touch of a page costs a
# fault; with these it keeps what it has, in huge pages.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(64 * 2**20),
}


# A loop whose values take up to this many bytes may become one kernel, see
# `nnjax.training.engine.compiler_options`: a step of a tiny net is mostly the time between kernels.
ONE_KERNEL_BYTES = 2**18


@dataclasses.dataclass(frozen=True)
class Settings:
    """What `configure` could set and what it could not.

    Attributes:
        devices: How many CPU devices JAX has, one for each core that is used.
        cache: The folder of the persistent compilation cache, or None.
        allocator: Whether the allocator's variables were there when the process started.
        notes: What could not be set and why, one line each.
    """

    devices: int
    cache: Path | None
    allocator: bool
    notes: tuple[str, ...] = ()


def configure(cores: int | None = None, cache: bool = True) -> Settings:
    """Sets JAX up for this process: one device for each core, and a cache of compiled programs.

    To be called before the first JAX operation; a later call sets what can still be set and says
    what could not, it does not fail.

    Args:
        cores: CPU devices to make; None makes one for each core that this process may use.
        cache: Whether compiled programs are kept on disk for the next process.

    Returns:
        What was set, and in `notes` what could not be.

    Raises:
        ConfigError: `cores` is not at least 1.

    >>> settings = configure(cores=2, cache=False)
    >>> settings.cache is None
    True
    """
    import jax

    wanted = usable_cores() if cores is None else cores
    if wanted < 1:
        raise ConfigError(f"cores wants an integer of at least 1, got {cores}")
    notes = []
    _allow_one_kernel_loops()
    if jax.config.values["jax_num_cpu_devices"] != wanted:
        try:
            jax.config.update("jax_num_cpu_devices", wanted)
        except RuntimeError:
            notes.append(
                f"{wanted} CPU devices: JAX has started already; call configure() before any JAX operation"
            )
            wanted = jax.local_device_count("cpu")
    folder = _keep_programs(notes) if cache else None
    missing = environment(os.environ)
    if missing:
        notes.append(f"allocator: the process was started without {', '.join(missing)}")
    return Settings(wanted, folder, not missing, tuple(notes))


def _allow_one_kernel_loops() -> None:
    """Tells XLA, which reads its flags when the first backend starts; a flag of the user's own stays."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        option = f"--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold={ONE_KERNEL_BYTES}"
        os.environ["XLA_FLAGS"] = f"{flags} {option}".strip()


def _keep_programs(notes: list[str]) -> Path | None:
    import jax

    folder = compilation_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        notes.append(f"compilation cache: {folder}: {error.strerror}")
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return folder


def compilation_cache() -> Path:
    """The folder of compiled programs: its own for each version of JAX and each kind of processor.

    A home folder may be shared by machines whose processors differ, and a program compiled for one
    may hold instructions that another does not have.
    """
    import jaxlib.version

    from nnjax.data.search import cache_folder

    return cache_folder() / "compiled" / f"jaxlib-{jaxlib.version.__version__}-{_processor_digest()}"


def usable_cores() -> int:
    """The cores that this process may use: its affinity, and a container's quota where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The allocator's variables that `environ` lacks, with their values; empty where they do not apply.

    Args:
        environ: The process's environment; a variable that the user has set is left as it is.

    >>> sorted(environment({"NNJAX_ALLOCATOR": "0"}))
    []
    """
    if environ.get(ALLOCATOR_OFF) == "0" or not _has_glibc():
        return {}
    missing = {name: value for name, value in ALLOCATOR.items() if name not in environ}
    tunables = environ.get("GLIBC_TUNABLES", "")
    if TUNABLE not in tunables:
        missing["GLIBC_TUNABLES"] = ":".join(filter(None, [tunables, f"{TUNABLE}=1"]))
    return missing


def reexecute() -> None:
    """Starts this process again, once, with the allocator's variables; returns where none is missing."""
    missing = environment(os.environ)
    if not missing or os.environ.get(REEXECUTED) == "1":
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(
        sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing, REEXECUTED: "1"}
    )


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False


def _processor_digest() -> str:
    """Eight hexadecimal digits of what the processor can do."""
    import platform

    described = platform.machine() + platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        kinds = ("model name", "flags", "Features")
        described += "".join(sorted({line for line in lines if line.startswith(kinds)}))
    return hashlib.sha256(described.encode()).hexdigest()[:8]
