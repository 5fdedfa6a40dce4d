"""What a network costs: parameters, multiply-adds and bytes, layer by layer.

A network is a pure function, so JAX can write it down as a list of primitive operations without
computing anything. The cost is read from that list (see `products`): no layer has to declare
anything, so a user's own `apply` is counted as well as ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from nnjax.errors import DataError
from nnjax.training.products import LIVE, WHOLE_NET, Source, Tally, Work, count_products
from nnjax.types import Net, Params


class LayerCost(NamedTuple):
    """One row of the summary of a network.

    Attributes:
        layer: The path of the layer's parameters, such as "layer_0" or "block_1/attention".
        weights: Their names and shapes, the largest number of axes first, such as
            "weights 784×512, bias 512".
        output: The shape of what they give for one example, before activation and pooling, such
            as "512" or "28×28×32"; inside a loop over time, that of one turn.
        parameters: How many numbers it learns.
        multiply_adds: Multiplications with their addition, forward, for one example.
        bytes: The memory of its parameters.
    """

    layer: str
    weights: str
    output: str
    parameters: int
    multiply_adds: int
    bytes: int


def cost_table(net: Net, params: Params, inputs: Any) -> list[LayerCost]:
    """The cost of each layer for one example, in the order in which the layers act.

    Counted are matrix products ([N, D] by [D, M]: D·M an example) and convolutions (with their
    padding, as published counts do). A loop of known length counts every turn; one that ends on a
    condition counts once; of several branches the dearest counts. Products in which no parameter
    takes part (the scores of attention) stand in a row of their own, `(no parameters)`.

    Args:
        net: The network; `net.apply(params, inputs)` is traced, and nothing is computed.
        params: Its parameters, or their `jax.ShapeDtypeStruct`s.
        inputs: A pytree of arrays [N, ...], or of `jax.ShapeDtypeStruct`s, with any N.

    Raises:
        DataError: If an input has no axis of examples.

    >>> import jax.numpy as jnp
    >>> net = Net(lambda key: {"dense": {"weights": jnp.zeros((4, 3))}},
    ...           lambda params, inputs: jnp.tanh(inputs @ params["dense"]["weights"]))
    >>> cost_table(net, net.init(jax.random.key(0)), jnp.zeros((10, 4)))
    [LayerCost(layer='dense', weights='weights 4×3', output='3', parameters=12, multiply_adds=12, bytes=48)]
    """
    shapes = jax.eval_shape(lambda tree: tree, params)
    owned: dict[str, dict[str, jax.ShapeDtypeStruct]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(shapes):
        owned.setdefault(_layer_of(path), {})[_text(path[-1:])] = leaf
    # The axis of examples is the one that grows when there are two examples in place of one.
    one, two = (_trace(net, shapes, inputs, examples) for examples in (1, 2))
    unused = {layer: Work() for layer in owned if layer not in one}
    rows = []
    for layer, work in {**one, **unused}.items():
        leaves = dict(sorted(owned.get(layer, {}).items(), key=lambda item: -len(item[1].shape)))
        rows.append(
            LayerCost(
                layer=layer,
                weights=", ".join(f"{name} {_times(leaf.shape)}".strip() for name, leaf in leaves.items()),
                output=_one_example(work.output, two.get(layer, Work()).output),
                parameters=sum(math.prod(leaf.shape) for leaf in leaves.values()),
                multiply_adds=work.multiply_adds,
                bytes=sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves.values()),
            )
        )
    return rows


def multiply_adds(net: Net, params: Params, inputs: Any) -> int:
    """The multiply-adds of one example's forward pass, those without parameters included.

    Args and Raises: as in `cost_table`.
    """
    return sum(row.multiply_adds for row in cost_table(net, params, inputs))


def cost_summary(table: Sequence[LayerCost]) -> dict[str, Any]:
    """The table with its totals, as it stands in a run's summary.json.

    Returns:
        `{"layers": [one dict a row], "parameters": total, "multiply_adds": total, "bytes": total}`.
    """
    counted = ("parameters", "multiply_adds", "bytes")
    totals = {name: sum(getattr(row, name) for row in table) for name in counted}
    return {"layers": [row._asdict() for row in table], **totals}


def _trace(net: Net, shapes: Params, inputs: Any, examples: int) -> Tally:
    """The work of every layer of `net` on that number of examples."""
    batch = jax.tree.map(lambda leaf: _with_examples(leaf, examples), inputs)
    closed = jax.make_jaxpr(lambda params, inputs: net.apply(params, inputs))(shapes, batch)
    layers = [_layer_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(shapes)]
    sources = [Source(frozenset({layer})) for layer in layers]
    return count_products(closed, sources + [LIVE] * len(jax.tree.leaves(batch)))


def _with_examples(leaf: Any, examples: int) -> jax.ShapeDtypeStruct:
    shape = np.shape(leaf)
    if not shape:
        raise DataError("cost_table wants inputs [N, ...], with an axis of examples; a scalar came")
    dtype = leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
    return jax.ShapeDtypeStruct((examples, *shape[1:]), dtype)


def _text(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _layer_of(path: Any) -> str:
    return _text(path[:-1]) or WHOLE_NET


def _one_example(one: tuple[int, ...] | None, two: tuple[int, ...] | None) -> str:
    if one is None:
        return ""
    if two is None or len(one) != len(two):
        return _times(one)
    return _times([few for few, many in zip(one, two, strict=True) if (few, many) != (1, 2)])


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"
