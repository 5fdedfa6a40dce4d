"""The machine of a run: versions, processor, load, and the peak of its matrix product."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

PACKAGES = ("nnjax", "jax", "jaxlib", "flax", "optax", "equinox", "keras", "torch", "scikit-learn", "numpy")
SIZE, REPEATS = 2048, 30
BUSY = 0.5  # a load above this many processes says that something else runs


def described(cores: int, environ: Mapping[str, str]) -> dict[str, Any]:
    """Everything but the peak."""
    from benchmarks.processes import ROOT
    from nnjax.runner.machine import git_commit, memory_bytes, processor

    settings = ("OMP_", "OPENBLAS_", "MKL_", "XLA_FLAGS", "MALLOC_", "GLIBC_TUNABLES")
    return {
        "processor": processor(),
        "cores": cores,
        "memory_bytes": memory_bytes()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := version_of(name))},
        "commit": git_commit(ROOT),
        "date": time.strftime("%Y-%m-%d"),
        "settings": {name: value for name, value in sorted(environ.items()) if name.startswith(settings)},
    }


def version_of(package: str) -> str | None:
    """The version, or None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def load() -> float:
    """How many processes wanted to run in the last minute, on average; 0 where that is unknown."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def peak_flops(environ: Mapping[str, str]) -> dict[str, float]:
    """Float32 operations a second of a product of two square matrices, by the libraries that are there.

    It runs in a process of its own, so that the caller has no library's threads.
    """
    code = "from benchmarks.machine import print_peaks; print_peaks()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(environ))
    return json.loads(done.stdout.splitlines()[-1])


def print_peaks() -> None:
    """Prints {"NumPy": ..., "JAX": ..., "PyTorch": ...} as JSON."""
    products = {"NumPy": numpy_product, "JAX": jax_product, "PyTorch": torch_product}
    found = {}
    for name, prepare in products.items():
        try:
            found[name] = best(prepare())
        except ImportError:
            continue
    print(json.dumps(found))


def best(product: Callable[[], Any]) -> float:
    """Operations a second of the fastest of REPEATS calls."""
    product()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        product()
        times.append(time.perf_counter() - began)
    return 2.0 * SIZE**3 / min(times)


def numpy_product() -> Callable[[], Any]:
    """By NumPy's BLAS."""
    import numpy as np

    a = np.ones((SIZE, SIZE), np.float32)
    return lambda: a @ a


def jax_product() -> Callable[[], Any]:
    """By XLA."""
    import jax
    import jax.numpy as jnp

    a, product = jnp.ones((SIZE, SIZE)), jax.jit(jnp.matmul)
    return lambda: jax.block_until_ready(product(a, a))


def torch_product() -> Callable[[], Any]:
    """By PyTorch's BLAS."""
    import torch

    a = torch.ones(SIZE, SIZE)
    return lambda: a @ a
