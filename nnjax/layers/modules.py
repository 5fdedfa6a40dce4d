"""Flax (NNX) modules that hold the parameters of layers, and `functional`, which makes a Net of any module.

Only the functional side of NNX is used: a module is a way to write down which layers a net has and in
what order they act. Parameters leave it as a plain nested dict, named after the attributes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import nnx

from nnjax.errors import ConfigError
from nnjax.layers.conv import conv2d, conv2d_init
from nnjax.layers.dense import dense, dense_init
from nnjax.layers.initializers import Initializer, glorot_uniform, he_normal
from nnjax.layers.pooling import avg_pool, max_pool
from nnjax.layers.window import Padding, Pair
from nnjax.types import Array, Key, Net, Params


class Conv(nnx.Module):
    """A convolution: `nnjax.conv2d` with its parameters, filters [kh, kw, C / G, O] and bias [O]."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        window: Pair,
        *,
        rngs: nnx.Rngs,
        stride: Pair = 1,
        padding: Padding = "VALID",
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer = he_normal,
    ) -> None:
        params = conv2d_init(rngs.params(), window, channels_in, channels_out, groups, bias, initializer)
        self.filters = nnx.Param(params["filters"])
        if bias:
            self.bias = nnx.Param(params["bias"])
        self.has_bias, self.stride, self.padding = bias, stride, padding
        self.dilation, self.groups = dilation, groups

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, h, w, O]."""
        params = {"filters": self.filters[...]} | ({"bias": self.bias[...]} if self.has_bias else {})
        return conv2d(params, x, self.stride, self.padding, self.dilation, self.groups)


class Dense(nnx.Module):
    """A dense layer: `nnjax.dense` with its parameters, weights [D, M] and bias [M]."""

    def __init__(
        self, d_in: int, d_out: int, *, rngs: nnx.Rngs, initializer: Initializer = glorot_uniform
    ) -> None:
        params = dense_init(rngs.params(), d_in, d_out, initializer)
        self.weights, self.bias = nnx.Param(params["weights"]), nnx.Param(params["bias"])

    def __call__(self, x: Array) -> Array:
        """[..., D] to [..., M]."""
        return dense({"weights": self.weights[...], "bias": self.bias[...]}, x)


class MaxPool(nnx.Module):
    """`nnjax.max_pool`: it has no parameters, and so no name among them."""

    def __init__(self, window: Pair, stride: Pair | None = None, padding: Padding = "VALID") -> None:
        self.window, self.stride, self.padding = window, stride, padding

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, h, w, C]."""
        return max_pool(x, self.window, self.stride, self.padding)


class AvgPool(nnx.Module):
    """`nnjax.avg_pool`: it has no parameters, and so no name among them."""

    def __init__(self, window: Pair, stride: Pair | None = None, padding: Padding = "VALID") -> None:
        self.window, self.stride, self.padding = window, stride, padding

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, h, w, C]."""
        return avg_pool(x, self.window, self.stride, self.padding)


def functional(make: Callable[[nnx.Rngs], nnx.Module], call: Callable[..., Any] | None = None) -> Net:
    """The Net of a Flax NNX module.

    Params are a plain nested dict, named after the attributes that hold the submodules:
    {"conv_1": {"filters": ..., "bias": ...}, ...}. A call `module(inputs)` that takes `key` or `train` is
    given them. All state of the module must be `nnx.Param`s in named attributes: a list would number its
    members, and a stored random key or running mean would have to change in a function that is pure.

    Args:
        make: `make(rngs) -> module`, such as a class that takes `rngs` alone.
        call: What `apply` calls: a method of the module's class, such as `VGG16.features`; None is
            `__call__`.

    Returns:
        A Net.

    Raises:
        ConfigError: If the module keeps something else than parameters, or a number stands among their
            names; from `apply`, if the names or shapes of its params are not those of the module.

    >>> class Edges(nnx.Module):
    ...     def __init__(self, rngs):
    ...         self.conv = Conv(1, 4, 3, rngs=rngs)
    ...     def __call__(self, x):
    ...         return jax.nn.relu(self.conv(x))
    >>> net = functional(Edges)
    >>> params = net.init(jax.random.key(0))
    >>> jax.tree.map(lambda leaf: leaf.shape, params)
    {'conv': {'bias': (4,), 'filters': (3, 3, 1, 4)}}
    >>> net.apply(params, jax.numpy.ones((2, 6, 6, 1))).shape
    (2, 4, 4, 4)
    """
    graph, wanted = _written_down(make)
    module: Any = nnx.merge(graph, wanted)
    called = call or type(module).__call__
    takes = inspect.signature(called).parameters

    def init(key: Key) -> Params:
        state = nnx.state(make(nnx.Rngs(params=key)), nnx.Param)
        return nnx.to_pure_dict(state)

    def apply(params: Params, inputs: Any, *, key: Key | None = None, train: bool = False) -> Any:
        _compare(_shapes(wanted), _shapes(params))
        given = {name: value for name, value in (("key", key), ("train", train)) if name in takes}
        merged: Any = nnx.merge(graph, params)
        return called(merged, inputs, **given)

    return Net(init, apply)


def _written_down(make: Callable[[nnx.Rngs], nnx.Module]) -> tuple[Any, Params]:
    """The module without its numbers: its graph, and its parameters as shapes."""
    abstract = nnx.eval_shape(lambda: make(nnx.Rngs(params=0)))
    graph, params, rest = nnx.split(abstract, nnx.Param, ...)
    others = ["/".join(map(str, path)) for path, _ in nnx.to_flat_state(rest)]
    if others:
        raise ConfigError(
            f"functional wants a module that keeps nothing but nnx.Param, got also {', '.join(others)}"
        )
    for path, _ in nnx.to_flat_state(params):
        if not all(isinstance(name, str) for name in path):
            raise ConfigError(
                f"functional wants submodules in attributes of their own, not in a list: got "
                f"{'/'.join(map(str, path))}; write self.conv_1, self.conv_2, ..."
            )
    return graph, nnx.to_pure_dict(params)


def _shapes(params: Params) -> dict[str, tuple[int, ...]]:
    if not isinstance(params, Mapping):
        raise ConfigError(f"params must be a nested dict, got {type(params).__name__}")
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}


def _compare(wanted: dict[str, tuple[int, ...]], got: dict[str, tuple[int, ...]]) -> None:
    """Merging checks neither names nor shapes: a missing one fails late, a strange one is ignored."""
    wrong = [
        f"{path}: wanted {wanted.get(path, 'nothing')}, got {got.get(path, 'nothing')}"
        for path in sorted({*wanted, *got})
        if wanted.get(path) != got.get(path)
    ]
    if wrong:
        raise ConfigError("params do not fit the module: " + "; ".join(wrong))
