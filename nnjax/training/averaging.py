"""The running average of the parameters, kept by the optimizer beside its own state.

A training walks about its goal; the mean of its last places is often nearer than any of them. The
average lives in the optimizer's state, so it is trained, saved and resumed with everything else:

    Task(net, loss, with_average(optax.adam(1e-3), decay=0.99), scored=average_of)

With `scored` the average is what the validation part judges, what is kept as the best parameters, and what
`fitted.params` and a run's checkpoints give; the training itself goes on with the last params.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from nnjax.errors import ConfigError
from nnjax.types import Array, Params


class Averaged(NamedTuple):
    """The state of an optimizer that keeps an average.

    Attributes:
        inner: The optimizer's own state.
        average: Params, their average over the updates so far; at the start the params themselves.
        count: int32, updates so far.
    """

    inner: Any
    average: Params
    count: Array


def with_average(
    optimizer: optax.GradientTransformation, decay: float | Array
) -> optax.GradientTransformationExtraArgs:
    """The optimizer, which also keeps the exponential average of the params after each update.

        a_t = sum_k decay^(t - k) p_k / sum_k decay^(t - k),  k = 1 ... t

    Params before the first update do not count. The updates themselves are not changed.

    Args:
        optimizer: Any Optax transformation. To average once for each accumulated update, put it inside:
            `optax.MultiSteps(with_average(...), k)`.
        decay: In [0, 1]; about 1 / (1 - decay) updates count. 0 is the last params, 1 the plain mean of
            all. May be a tracer.

    Raises:
        ConfigError: If `decay` is a number outside [0, 1].

    >>> plain_mean = with_average(optax.sgd(1.0), decay=1.0)
    >>> params, state = jnp.array(0.0), plain_mean.init(jnp.array(0.0))
    >>> for slope in (-1.0, -2.0):  # the params become 1, then 3
    ...     updates, state = plain_mean.update(jnp.array(slope), state, params)
    ...     params = optax.apply_updates(params, updates)
    >>> float(averaged_params(state))
    2.0

    Source: Polyak and Juditsky 1992, https://doi.org/10.1137/0330046
    """
    if isinstance(decay, Real) and not 0 <= float(decay) <= 1:
        raise ConfigError(f"with_average wants decay in [0, 1], got {decay}")
    inner = optax.with_extra_args_support(optimizer)

    def init(params: Params) -> Averaged:
        return Averaged(inner.init(params), params, jnp.int32(0))

    def update(updates: Any, state: Any, params: Params = None, **extra: Any) -> tuple[Any, Averaged]:
        if params is None:
            raise ConfigError("with_average wants the params: optimizer.update(gradient, state, params)")
        updates, inner_state = inner.update(updates, state.inner, params, **extra)
        count = state.count + 1
        share = _share(decay, count)
        after = optax.apply_updates(params, updates)
        average = jax.tree.map(lambda a, p: a + (share * (p - a)).astype(a.dtype), state.average, after)
        return updates, Averaged(inner_state, average, count)

    return optax.GradientTransformationExtraArgs(init, update)


def averaged_params(opt_state: Any) -> Params:
    """The average that `with_average` keeps, wherever in the optimizer's state it is.

    Raises:
        ConfigError: If the state has none, or more than one.
    """
    leaves = jax.tree.leaves(opt_state, is_leaf=lambda node: isinstance(node, Averaged))
    found = [node for node in leaves if isinstance(node, Averaged)]
    if len(found) != 1:
        raise ConfigError(f"averaged_params wants a state with one with_average in it, got {len(found)}")
    return found[0].average


def average_of(params: Params, opt_state: Any) -> Params:
    """`Task.scored` of a task whose optimizer keeps an average: the average."""
    del params
    return averaged_params(opt_state)


def _share(decay: float | Array, count: Array) -> Array:
    """The weight of the newest of `count` params: (1 - decay) / (1 - decay^count), at decay 1 1 / count."""
    decay = jnp.asarray(decay, jnp.float32)
    # Powers of a decay near 1 by expm1: 1 - decay^count would keep few digits of them.
    log_decay = jnp.log(jnp.where(decay == 1, 0.5, decay))
    share = jnp.expm1(log_decay) / jnp.expm1(count * log_decay)
    return jnp.where(decay == 1, 1 / count, share)
