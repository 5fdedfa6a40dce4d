"""The Transformer: blocks of attention and dense layers, each added to what it read.

    x <- x + attention(norm(x))          (and, in a decoder that has a source: x + attention(norm(x), source))
    x <- x + dense(f(dense(norm(x))))

Normalising before each part ("pre-norm") is what lets it train without a slow start.
Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; Xiong et al. 2020, https://arxiv.org/abs/2002.04745
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.errors import ConfigError
from nnjax.layers.activations import relu
from nnjax.layers.attention import (
    Cache,
    cached_attention,
    multi_head_attention,
    multi_head_init,
)
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.dropout import dropout as drop
from nnjax.layers.embedding import embed, embedding_init
from nnjax.layers.initializers import initializer_for
from nnjax.layers.layer_norm import layer_norm, layer_norm_init
from nnjax.layers.positions import sinusoidal_positions
from nnjax.types import Array, Key, Params

POSITIONS = ("rotary", "learned", "sinusoidal", "none")
EMBEDDING_SCALE = 0.02  # small, since a tied table also gives the logits; as in GPT-2


@dataclasses.dataclass(frozen=True)
class Blocks:
    """The settings of a stack of blocks; all static but the dropout, which may be a tracer.

    Attributes:
        width: D, how many numbers each position carries.
        heads: H; D is a multiple of it.
        depth: How many blocks.
        hidden: Neurons between the two dense layers of a block; None means 4 D.
        dropout: Probability to drop, in training, each value that a part adds.
        positions: "rotary", "learned", "sinusoidal" or "none": how attention knows where a token stands.
        context: The most positions, for learned ones and for the cache.
        activation: f.
        crossed: Whether each block also asks a source.
    """

    width: int = 128
    heads: int = 4
    depth: int = 2
    hidden: int | None = None
    dropout: float | Array = 0.0
    positions: str = "rotary"
    context: int = 256
    activation: Callable[[Array], Array] = relu
    crossed: bool = False

    def __post_init__(self) -> None:
        if self.positions not in POSITIONS:
            raise ConfigError(f"positions wants one of {', '.join(POSITIONS)}, got {self.positions!r}")
        for name in ("width", "heads", "depth", "context"):
            value = getattr(self, name)
            if value != int(value) or value < 1:
                raise ConfigError(f"{name} must be a positive integer, got {value!r}")
        if self.width % self.heads:
            raise ConfigError(f"width must be a multiple of heads, got {self.width} and {self.heads}")

    def init(self, key: Key) -> Params:
        """{"block_0": ..., "norm": ...}, and {"positions": {"weights": [context, D]}} for learned ones."""
        for_positions, *keys = jax.random.split(key, self.depth + 1)
        params = {f"block_{i}": self._block(k) for i, k in enumerate(keys)}
        if self.positions == "learned":
            table = embedding_init(for_positions, self.context, self.width, EMBEDDING_SCALE)
            params["positions"] = {"weights": table}
        return {**params, "norm": layer_norm_init(self.width)}

    def _block(self, key: Key) -> Params:
        here, there, first, second = jax.random.split(key, 4)
        hidden = self.hidden or 4 * self.width
        cross = {
            "cross_norm": layer_norm_init(self.width),
            "cross": multi_head_init(there, self.width, self.heads),
        }
        return {
            "attention_norm": layer_norm_init(self.width),
            "attention": multi_head_init(here, self.width, self.heads),
            **(cross if self.crossed else {}),
            "dense_norm": layer_norm_init(self.width),
            "dense_in": dense_init(first, self.width, hidden, initializer_for(self.activation)),
            "dense_out": dense_init(second, hidden, self.width),
        }

    def placed(self, params: Params, x: Array, first: Array | int = 0) -> Array:
        """x [N, T, D] with its positions `first`, `first` + 1, ... added, where they are added."""
        if self.positions in ("rotary", "none"):
            return x
        at = first + jnp.arange(x.shape[1])
        if self.positions == "learned":
            return x + embed(params["positions"]["weights"], at)[None]
        return x + sinusoidal_positions(at, self.width).astype(x.dtype)[None]

    def apply(
        self,
        params: Params,
        x: Array,
        mask: Array | None,
        *,
        source: Array | None = None,
        source_mask: Array | None = None,
        key: Key | None = None,
        train: bool = False,
    ) -> tuple[Array, dict[str, Array]]:
        """All blocks on x [N, T, D], who may see whom by `mask`; also each block's attention [N, H, T, S]."""
        if self.positions == "learned" and x.shape[1] > self.context:
            raise ConfigError(f"{x.shape[1]} steps came, and there are positions for {self.context}")
        x, maps = self.placed(params, x), {}
        drops = self._drops(key, train)
        x = drops(x)
        for i in range(self.depth):
            block = params[f"block_{i}"]
            normed = layer_norm(block["attention_norm"], x)
            y, maps[f"block_{i}"] = multi_head_attention(
                block["attention"], normed, self.heads, mask=mask, rotate=self.positions == "rotary"
            )
            x = x + drops(y)
            if self.crossed:
                normed = layer_norm(block["cross_norm"], x)
                y, maps[f"block_{i}/cross"] = multi_head_attention(
                    block["cross"], normed, self.heads, memory=source, mask=source_mask
                )
                x = x + drops(y)
            x = x + drops(self._dense(block, x))
        return layer_norm(params["norm"], x), maps

    def step(
        self,
        params: Params,
        caches: dict[str, Cache],
        x: Array,
        position: Array,
        source: Array | None = None,
        source_mask: Array | None = None,
    ) -> tuple[dict[str, Cache], Array]:
        """All blocks on one new position x [N, 1, D], without dropout; causal by what the caches hold."""
        x, held = self.placed(params, x, position), {}
        for i in range(self.depth):
            name, block = f"block_{i}", params[f"block_{i}"]
            normed = layer_norm(block["attention_norm"], x)
            rotate = self.positions == "rotary"
            y, held[name] = cached_attention(
                block["attention"], normed, self.heads, caches[name], position, rotate
            )
            x = x + y
            if self.crossed:
                normed = layer_norm(block["cross_norm"], x)
                y, _ = multi_head_attention(
                    block["cross"], normed, self.heads, memory=source, mask=source_mask
                )
                x = x + y
            x = x + self._dense(block, x)
        return held, layer_norm(params["norm"], x)

    def caches(self, n: int, dtype: Any = jnp.float32) -> dict[str, Cache]:
        """Empty caches for N sequences of up to `context` positions."""
        empty = jnp.zeros((n, self.context, self.heads, self.width // self.heads), dtype)
        return {f"block_{i}": Cache(empty, empty) for i in range(self.depth)}

    def _dense(self, block: Params, x: Array) -> Array:
        hidden = self.activation(dense(block["dense_in"], layer_norm(block["dense_norm"], x)))
        return dense(block["dense_out"], hidden)

    def _drops(self, key: Key | None, train: bool) -> Callable[[Array], Array]:
        """Dropout with a key of its own at every call; nothing where the rate is the number 0."""
        if isinstance(self.dropout, Real) and self.dropout == 0:
            return lambda x: x
        calls = iter(range(10_000))

        def drops(x: Array) -> Array:
            mine = None if key is None or not train else jax.random.fold_in(key, next(calls))
            return drop(mine, x, self.dropout, train)

        return drops
