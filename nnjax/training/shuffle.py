"""A random order of N examples that is computed where it is needed, never stored and never sorted.

The order is a function of (seed, epoch) alone, so the position of a training in its data is one
integer, and a step computes the rows of its own batch only.
"""

from __future__ import annotations

import jax.numpy as jnp

from nnjax.types import Array

ROUNDS = 24  # one position is within 2**-ROUNDS of uniform, a pair within 0.75**ROUNDS = 0.1%


def mix(x: Array) -> Array:
    """A bijection of uint32 whose output bits each depend on all input bits.

    The finaliser of MurmurHash3 with the constants of Mulvey, "Hash functions" (2016),
    https://papa.bretmulvey.com/post/124027987928/hash-functions, as improved by
    Wellons, "Prospecting for hash functions" (2018), https://nullprogram.com/blog/2018/07/31/.
    """
    x = x ^ (x >> 16)
    x = x * jnp.uint32(0x7FEB352D)
    x = x ^ (x >> 15)
    x = x * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def coin(x: Array) -> Array:
    """One well-mixed bit of each uint32: half of `mix`, which is all that a swap needs."""
    x = x * jnp.uint32(0x7FEB352D)
    x = x ^ (x >> 15)
    return (x * jnp.uint32(0x846CA68B)) >> 31 == 1


def shuffled(positions: Array, size: Array | int, seed: Array | int, epoch: Array | int) -> Array:
    """Which example stands at each position of a random order of `size` examples.

    The swap-or-not shuffle of Hoang, Morris and Rogaway, "An enciphering scheme based on a card
    shuffle" (2012), https://arxiv.org/abs/1208.1176: every round pairs x with (k - x) mod N and
    swaps the pair or not by one bit of a hash that both share. Each round is a bijection of
    0..N-1 for any N, so unlike a Feistel network it walks no cycles: it is straight-line code,
    one kernel, also under `vmap`.

    Args:
        positions: Integer array of any shape, in 0..N-1; what lies outside gives a value in
            0..N-1 that means nothing.
        size: N, at least 1 and under 2**31, or an array of such of the shape of `epoch`; may be a tracer.
        seed: Integer, may be a tracer.
        epoch: Integer or an array that broadcasts against `positions`; may be a tracer.

    Returns:
        int32 array of the shape of `positions`, a permutation of 0..N-1 over all positions.

    >>> sorted(shuffled(jnp.arange(5), 5, seed=0, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    if isinstance(size, int) and size == 1:  # XLA's simplifier does not end on "% 1"
        return jnp.zeros(jnp.shape(positions), jnp.int32)
    size = jnp.asarray(size, jnp.uint32)
    key = mix(mix(jnp.asarray(seed, jnp.uint32)) + jnp.asarray(epoch, jnp.uint32))
    counter = jnp.arange(1, 2 * ROUNDS + 1, dtype=jnp.uint32) * jnp.uint32(0x9E3779B9)
    rounds = mix(key[None] + counter.reshape(-1, *[1] * key.ndim))
    sums = rounds[:ROUNDS] % (size[None] if size.ndim else size)
    salts = rounds[ROUNDS:]
    x = jnp.asarray(positions, jnp.uint32) % size
    for i in range(ROUNDS):
        partner = sums[i] + size - x
        partner = jnp.where(partner >= size, partner - size, partner)
        x = jnp.where(coin(jnp.maximum(x, partner) ^ salts[i]), partner, x)
    return x.astype(jnp.int32)
