"""Fine-tuning: some layers keep their parameters, bit for bit, while the others learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from nnjax.errors import ConfigError
from nnjax.types import Net, Params

FROZEN, LEARNS = "frozen", "learns"


def frozen(
    optimizer: optax.GradientTransformation, names: Sequence[str]
) -> optax.GradientTransformationExtraArgs:
    """The optimizer for all parameters but those of the named layers, whose updates are 0.

    What is frozen has no state of the optimizer, so Adam's two moments cost no memory there.

    Args:
        optimizer: Any Optax transformation.
        names: Beginnings of the parameters' names (static): "conv1_1" is that layer, "conv1" are all layers
            whose names begin so, "dense_6/bias" is one array, "" is everything.

    Returns:
        A transformation for parameters in a nested dict.

    Raises:
        ConfigError: From its `init`: if a name is the beginning of none; the message has the layers that are.

    >>> params = {"conv_1": {"bias": jnp.ones(2)}, "output": {"bias": jnp.ones(2)}}
    >>> optimizer = frozen(optax.sgd(1.0), ["conv"])
    >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
    >>> {name: layer["bias"].tolist() for name, layer in updates.items()}
    {'conv_1': [-0.0, -0.0], 'output': [-1.0, -1.0]}
    """
    beginnings = _beginnings(names)

    def label(params: Params) -> Any:
        return frozen_labels(params, beginnings)

    return optax.partition({FROZEN: _keep(), LEARNS: optimizer}, label)


def held(net: Net, names: Sequence[str]) -> Net:
    """The net through whose named layers no gradient is taken: theirs is 0, and costs no time.

    Args:
        net: A Net whose params are a nested dict.
        names: As in `frozen` (static), which is what keeps them as they are.

    Raises:
        ConfigError: If `names` is one text; from its `apply`: if a name is the beginning of none.
    """
    beginnings = _beginnings(names)

    def apply(params: Params, inputs: Any, **options: Any) -> Any:
        labels = frozen_labels(params, beginnings)
        stopped = jax.tree.map(
            lambda leaf, label: jax.lax.stop_gradient(leaf) if label == FROZEN else leaf, params, labels
        )
        return net.apply(stopped, inputs, **options)

    return Net(net.init, apply)


def frozen_labels(params: Params, names: Sequence[str]) -> Any:
    """ "frozen" or "learns" for every array, in the tree of `params`.

    Raises:
        ConfigError: If a name is the beginning of no parameter's; the message has the layers that are.
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    unknown = [name for name in names if not any(path.startswith(name) for path in paths)]
    if unknown:
        layers = dict.fromkeys(path.rpartition("/")[0] or path for path in paths)
        raise ConfigError(
            f"no layer begins with {', '.join(map(repr, unknown))}; the layers are {', '.join(layers)}"
        )
    labels = [FROZEN if path.startswith(tuple(names)) else LEARNS for path in paths]
    return jax.tree.unflatten(jax.tree.structure(params), labels)


def _beginnings(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ConfigError(f"names must be a sequence of texts, such as ({names!r},), got the text {names!r}")
    return tuple(names)


def _keep() -> optax.GradientTransformation:
    """Updates of -0: a parameter of -0 would become 0 if 0 were added to it."""
    return optax.stateless(lambda updates, params: jax.tree.map(lambda u: jnp.full_like(u, -0.0), updates))
