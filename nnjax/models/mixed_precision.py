"""Mixed precision: the net computes in bfloat16, and what learns stays in float32."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from nnjax.types import Net


def mixed_precision(net: Net) -> Net:
    """The net with its parameters and inputs rounded to bfloat16 inside `apply`, and float32 outputs.

    The parameters that an optimiser holds stay float32 ("master weights"), and so do their gradients, since
    the gradient of a cast is a cast back: updates too small for bfloat16's 8 bits are not lost. bfloat16 has
    float32's exponents, so the loss needs no scaling. It pays on accelerators; on a CPU it does not.

    Args:
        net: A net of float32 parameters. Integer inputs go in as they are.

    Source: Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740

    >>> net = mixed_precision(Net(lambda key: jnp.ones(()), lambda params, x, **_: params * x))
    >>> net.apply(jnp.float32(1.001), jnp.float32(2.0)).item()  # 1.001 is nearer to 1 than to 1 + 2**-7
    2.0
    """

    def apply(params: Any, inputs: Any, **options: Any) -> Any:
        outputs = net.apply(_cast(params, jnp.bfloat16), _cast(inputs, jnp.bfloat16), **options)
        return _cast(outputs, jnp.float32)

    return Net(net.init, apply)


def _cast(tree: Any, dtype: Any) -> Any:
    def one(leaf: Any) -> Any:
        return leaf.astype(dtype) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating) else leaf

    return jax.tree.map(one, tree)
