"""Learning-rate schedules as factors in [0, 1] that a learning rate multiplies.

The factor is a function of the step alone, so the learning rate itself stays a hyperparameter that
may be swept: `scheduled(optax.adam(hyper["learning_rate"]), warmup_cosine(100, 1000))`. Every number
of a schedule may be a tracer too, which is where Optax's own schedules stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import jax.numpy as jnp
import optax

from nnjax.errors import ConfigError
from nnjax.types import Array

Number = float | Array
Factor = Callable[[Any], Array]  # step, an integer from 0 on -> float32 in [0, 1]


def scheduled(optimizer: optax.GradientTransformation, factor: Factor) -> optax.GradientTransformation:
    """The optimizer whose every update is multiplied by `factor(step)`, step = 0, 1, ...

    It is the same as an optimizer of Optax that is given learning_rate * factor as its schedule, for all
    that end by multiplying with the learning rate: sgd, adam, adamw (whose decay shrinks too), rmsprop, ...

    Args:
        optimizer: Any Optax transformation; its learning rate is the peak.
        factor: One of this module's, or any function of the step.

    >>> halved = scheduled(optax.sgd(1.0), lambda step: 0.5)
    >>> updates, _ = halved.update(jnp.array(8.0), halved.init(jnp.array(0.0)))
    >>> float(updates)
    -4.0
    """
    return optax.chain(optimizer, optax.scale_by_schedule(factor))


def warmup(steps: Number) -> Factor:
    """f(t) = t / steps, up to 1: while averages of gradients are still poor, steps are short.

    Args:
        steps: Steps until the whole learning rate; 0 is no warm-up. May be a tracer.

    >>> [float(warmup(4)(t)) for t in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]

    Source: Goyal et al. 2017, https://arxiv.org/abs/1706.02677
    """
    _check("warmup", steps=(steps, 0))
    return lambda step: jnp.where(step < steps, step / jnp.maximum(steps, 1), 1.0).astype(jnp.float32)


def cosine(steps: Number, end: Number = 0.0) -> Factor:
    """f(t) = end + (1 - end) (1 + cos(pi min(t / steps, 1))) / 2: from 1 to `end`, and stays there.

    Args:
        steps: Steps until the end; at least 1. May be a tracer.
        end: The last factor, in [0, 1]. May be a tracer.

    >>> [round(float(cosine(4)(t)), 6) for t in (0, 2, 4, 9)]
    [1.0, 0.5, 0.0, 0.0]

    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983
    """
    _check("cosine", steps=(steps, 1), end=(end, 0, 1))

    def factor(step: Any) -> Array:
        part = jnp.minimum(step / jnp.asarray(steps, jnp.float32), 1.0)
        return end + (1 - end) * (1 + jnp.cos(jnp.pi * part)) / 2

    return factor


def warmup_cosine(warmup_steps: Number, steps: Number, end: Number = 0.0) -> Factor:
    """Warm-up, then a cosine to `end` over the steps that are left.

    Args:
        warmup_steps: Steps until the whole learning rate. May be a tracer.
        steps: All steps, the warm-up's included; more than those. May be a tracer.
        end: The last factor, in [0, 1]. May be a tracer.

    >>> [round(float(warmup_cosine(2, 6)(t)), 6) for t in (0, 1, 2, 4, 6)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    _check("warmup_cosine", warmup_steps=(warmup_steps, 0), end=(end, 0, 1))
    if isinstance(warmup_steps, Real) and isinstance(steps, Real) and float(steps) <= float(warmup_steps):
        raise ConfigError(f"warmup_cosine wants more steps than its {warmup_steps} of warm-up, got {steps}")
    rise, fall = warmup(warmup_steps), cosine(steps - warmup_steps, end)
    return lambda step: jnp.where(step < warmup_steps, rise(step), fall(jnp.maximum(step - warmup_steps, 0)))


def exponential_decay(rate: Number, every: Number, staircase: bool = False) -> Factor:
    """f(t) = rate^(t / every), or rate^floor(t / every) as a staircase.

    Args:
        rate: The factor of `every` steps, in (0, 1]. May be a tracer.
        every: Steps, at least 1. May be a tracer.
        staircase: Whether the factor falls in steps (static).

    >>> [float(exponential_decay(0.25, 2)(t)) for t in (0, 1, 2)]
    [1.0, 0.5, 0.25]
    """
    _check("exponential_decay", rate=(rate, 0, 1), every=(every, 1))

    def factor(step: Any) -> Array:
        times = step / jnp.asarray(every, jnp.float32)
        return jnp.power(jnp.asarray(rate, jnp.float32), jnp.floor(times) if staircase else times)

    return factor


def step_decay(rate: Number, boundaries: Sequence[int] | Array) -> Factor:
    """f(t) = rate^(number of boundaries b <= t): the learning rate falls at chosen steps.

    Args:
        rate: The factor at each boundary, in [0, 1]. May be a tracer.
        boundaries: Steps [B]. May be a tracer.

    >>> [float(step_decay(0.5, (2, 5))(t)) for t in (0, 1, 2, 5)]
    [1.0, 1.0, 0.5, 0.25]
    """
    _check("step_decay", rate=(rate, 0, 1))

    def factor(step: Any) -> Array:
        passed = jnp.sum(jnp.asarray(boundaries) <= step)
        return jnp.power(jnp.asarray(rate, jnp.float32), passed)

    return factor


def _check(name: str, **numbers: tuple[Any, ...]) -> None:
    """Raises ConfigError where a Python number is below its least or above its most; tracers pass."""
    for what, (value, least, *most) in numbers.items():
        if isinstance(value, Real) and not least <= float(value) <= (most[0] if most else float("inf")):
            wanted = f"in [{least}, {most[0]}]" if most else f"of at least {least}"
            raise ConfigError(f"{name} wants {what} {wanted}, got {value}")
