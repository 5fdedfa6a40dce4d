"""What every test stands on: two devices, strict promotion of ranks, and each layer run both ways."""

from __future__ import annotations

from collections.abc import Callable

import jax
import pytest

# Before any backend starts: the layouts that shard over devices need more than one of them.
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(params=["eager", "jit"])
def variant(request: pytest.FixtureRequest) -> Callable[..., Callable]:
    """`variant(function, **options)`: the function as it is, and under `jax.jit(..., **options)`."""
    if request.param == "eager":
        return lambda function, **options: function
    return jax.jit
