"""The dense layer: every output is connected to every input."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.initializers import Initializer, glorot_uniform
from nnjax.types import Array, Key, Params

SMALL_WEIGHTS = 4096  # up to this many, a copy of the transposed weights costs less than it saves


def dense_init(key: Key, d_in: int, d_out: int, initializer: Initializer = glorot_uniform) -> Params:
    """Parameters of a dense layer: drawn weights, bias 0.

    Args:
        key: A key of `jax.random.key`.
        d_in: D, how many inputs (static).
        d_out: M, how many outputs (static).
        initializer: `initializer(key, (D, M)) -> weights` (static).

    Returns:
        {"weights": [D, M], "bias": [M]}, float32.

    Raises:
        ConfigError: If D or M is not a positive integer.

    >>> import jax
    >>> {name: leaf.shape for name, leaf in dense_init(jax.random.key(0), 3, 2).items()}
    {'weights': (3, 2), 'bias': (2,)}
    """
    for name, size in (("d_in", d_in), ("d_out", d_out)):
        if size != int(size) or size < 1:
            raise ConfigError(f"{name} must be a positive integer, got {size!r}")
    return {"weights": initializer(key, (int(d_in), int(d_out))), "bias": jnp.zeros(int(d_out))}


def dense(params: Params, x: Array) -> Array:
    """y = x W + b.

    Args:
        params: {"weights": [D, M], "bias": [M]}.
        x: Float array [..., D].

    Returns:
        Float array [..., M].

    Raises:
        ConfigError: If the last axis of x is not D long.

    >>> params = {"weights": jnp.array([[1.0], [10.0]]), "bias": jnp.array([0.5])}
    >>> dense(params, jnp.array([[2.0, 3.0]])).tolist()
    [[32.5]]
    """
    weights, bias = params["weights"], params["bias"]
    if x.ndim == 0 or x.shape[-1] != weights.shape[0]:
        raise ConfigError(
            f"dense wants x [..., D] with D = {weights.shape[0]} (weights {weights.shape}), got x {x.shape}"
        )
    # The bias gets its axes by hand: a silent promotion of ranks is an error in this project's tests.
    product = small_product if weights.size <= SMALL_WEIGHTS else jnp.matmul
    return product(x, weights) + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


@jax.custom_jvp
def small_product(x: Array, weights: Array) -> Array:
    """x [..., D] times weights [D, M], with a gradient in x that XLA's CPU backend computes fast.

    Inside a loop that XLA compiles to one kernel, a product with a transposed right operand runs
    six times slower than a plain one, and the gradient in x is such a product. Here the weights
    are transposed first, behind a barrier, so that all three products are plain ones.
    """
    return x @ weights


@small_product.defjvp
def _small_product_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    (x, weights), (x_dot, weights_dot) = primals, tangents
    transposed = jax.lax.optimization_barrier(weights.T)
    contract_last = (((x.ndim - 1,), (1,)), ((), ()))
    return x @ weights, jax.lax.dot_general(x_dot, transposed, contract_last) + x @ weights_dot
