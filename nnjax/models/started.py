"""A net that starts from given parameters, such as published weights, where they fit."""

from __future__ import annotations

import jax

from nnjax.errors import ConfigError
from nnjax.types import Key, Net, Params


def started_from(net: Net, given: Params) -> Net:
    """The net whose layers start from those of `given` that have their name and shapes; others are drawn.

    Args:
        net: A Net whose params are {layer: {name: array}}.
        given: Parameters in the same form, such as those of `load_weights`.

    Returns:
        The net with another `init`.

    Raises:
        ConfigError: From its `init`, if no layer fits.

    >>> import jax.numpy as jnp
    >>> drawn = lambda key: {"a": {"bias": jnp.zeros(2)}, "b": {"bias": jnp.zeros(2)}}
    >>> net = started_from(Net(drawn, lambda params, x, **_: x), {"b": {"bias": jnp.ones(2)}})
    >>> {name: layer["bias"].tolist() for name, layer in net.init(jax.random.key(0)).items()}
    {'a': [0.0, 0.0], 'b': [1.0, 1.0]}
    """

    def init(key: Key) -> Params:
        params = net.init(key)
        fitting = {name for name in params if name in given and _shapes(given[name]) == _shapes(params[name])}
        if not fitting:
            raise ConfigError(
                f"no layer of the net has the name and shapes of a layer of the weights, "
                f"{', '.join(sorted(given))}; the net's are {', '.join(sorted(params))}"
            )
        return {name: given[name] if name in fitting else layer for name, layer in params.items()}

    return Net(init, net.apply)


def _shapes(layer: Params) -> dict:
    return jax.tree.map(lambda leaf: tuple(leaf.shape), layer)
