"""Which products a traced function computes, and whose parameters feed them.

`jax.make_jaxpr` writes a function down as a list of primitive operations. This file walks the list
and keeps, for every value in it, where the value comes from: from the inputs, or from nothing but the
parameters of certain layers. A product belongs to the layer whose parameters it multiplies, however
these were converted, reshaped, transposed, stacked or normalised on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from jax.extend.core import Literal

NO_PARAMETERS = "(no parameters)"
WHOLE_NET = "(net)"


class Source(NamedTuple):
    """Where a value comes from.

    Attributes:
        layers: The layers whose parameters it is made from, if it is made from nothing else.
        live: Whether an input takes part in it.
    """

    layers: frozenset[str] = frozenset()
    live: bool = False


class Work(NamedTuple):
    """What was found for one layer.

    Attributes:
        multiply_adds: Multiplications with their addition.
        output: The shape of the last value in which its parameters met the inputs.
    """

    multiply_adds: int = 0
    output: tuple[int, ...] | None = None


Tally = dict[str, Work]
LIVE = Source(live=True)


def count_products(jaxpr: Any, sources: Sequence[Source]) -> Tally:
    """The work of every layer, in the order in which the layers act.

    Args:
        jaxpr: What `jax.make_jaxpr` gives.
        sources: Where each of its arguments comes from.

    Returns:
        The work by layer. Products in which no parameter takes part stand under `(no parameters)`,
        last; those of parameters from several layers under the path that these have in common.
    """
    tally: Tally = {}
    _walk(_open(jaxpr), sources, tally)
    if NO_PARAMETERS in tally:
        tally[NO_PARAMETERS] = tally.pop(NO_PARAMETERS)
    return tally


def _walk(jaxpr: Any, sources: Sequence[Source], tally: Tally) -> list[Source]:
    """Adds the work of one jaxpr to `tally`; gives the sources of what it returns."""
    known = dict(zip(jaxpr.invars, sources, strict=True))

    def source(atom: Any) -> Source:
        return Source() if isinstance(atom, Literal) else known.get(atom, Source())

    for equation in jaxpr.eqns:
        operands = [source(atom) for atom in equation.invars]
        known.update(zip(equation.outvars, _equation(equation, operands, tally), strict=True))
    return [source(atom) for atom in jaxpr.outvars]


def _equation(equation: Any, operands: list[Source], tally: Tally) -> list[Source]:
    """The work and the sources of one equation, with what is nested in it."""
    name, params = equation.primitive.name, equation.params
    if name == "scan":
        consts = params["num_consts"]
        split = consts + params["num_carry"]
        parts = operands[:consts], operands[consts:split], operands[split:]
        return _loop(_open(params["jaxpr"]), *parts, params["length"], tally)
    if name == "while":
        consts = params["cond_nconsts"]
        split = consts + params["body_nconsts"]
        return _loop(_open(params["body_jaxpr"]), operands[consts:split], operands[split:], [], 1, tally)
    if name == "cond":
        return _branches([_open(branch) for branch in params["branches"]], operands[1:], tally)
    inner = next((_open(params[key]) for key in ("jaxpr", "call_jaxpr", "call") if key in params), None)
    if inner is not None and len(inner.invars) == len(operands):
        return _walk(inner, operands, tally)
    _record(equation, operands, tally)
    return [_mix(operands)] * len(equation.outvars)


def _loop(
    body: Any, consts: list[Source], carry: list[Source], items: list[Source], turns: int, tally: Tally
) -> list[Source]:
    """A body that runs `turns` times. The sources of its carry are followed until they settle."""
    while True:
        turn: Tally = {}
        outputs = _walk(body, [*consts, *carry, *items], turn)
        settled = [_mix(pair) for pair in zip(carry, outputs[: len(carry)], strict=True)]
        if settled == carry:
            break
        carry = settled
    _add(turn, tally, turns)
    return outputs


def _branches(branches: list[Any], operands: list[Source], tally: Tally) -> list[Source]:
    """The dearest of several branches: which one is taken is not known before the data are."""
    parts: list[Tally] = [{} for _ in branches]
    outputs = [_walk(branch, operands, part) for branch, part in zip(branches, parts, strict=True)]
    _add(max(parts, key=lambda part: sum(work.multiply_adds for work in part.values())), tally, 1)
    return [_mix(sources) for sources in zip(*outputs, strict=True)]


def _add(part: Tally, tally: Tally, turns: int) -> None:
    for layer, work in part.items():
        before = tally.get(layer, Work()).multiply_adds
        tally[layer] = Work(before + turns * work.multiply_adds, work.output)


def _record(equation: Any, operands: list[Source], tally: Tally) -> None:
    """Gives one equation to the layer whose parameters are among its operands."""
    count = _PRODUCTS.get(equation.primitive.name)
    layers = frozenset[str]().union(*(operand.layers for operand in operands))
    meets_inputs = bool(layers) and any(operand.live for operand in operands)
    if count is None and not meets_inputs:
        return
    layer = _common(sorted(layers)) if layers else NO_PARAMETERS
    work = 0 if count is None else count(equation)
    _add({layer: Work(work, tuple(equation.outvars[0].aval.shape))}, tally, 1)


def _mix(sources: Sequence[Source]) -> Source:
    if any(source.live for source in sources):
        return LIVE
    return Source(frozenset[str]().union(*(source.layers for source in sources)))


def _common(layers: Sequence[str]) -> str:
    """The deepest path that holds all of these layers."""
    parts = [layer.split("/") for layer in layers]
    same = 0
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        same += 1
    return "/".join(parts[0][:same]) or WHOLE_NET


def _open(jaxpr: Any) -> Any:
    return getattr(jaxpr, "jaxpr", jaxpr)


def _dot_general(equation: Any) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return math.prod(equation.outvars[0].aval.shape) * math.prod(left[axis] for axis in contracted)


def _convolution(equation: Any) -> int:
    filters = equation.invars[1].aval.shape
    channels_out = filters[equation.params["dimension_numbers"].rhs_spec[0]]
    # A transposed convolution spreads its input with zeros, which nobody need multiply.
    spread = math.prod(equation.params["lhs_dilation"])
    return math.prod(equation.outvars[0].aval.shape) * math.prod(filters) // channels_out // spread


_PRODUCTS = {"dot_general": _dot_general, "conv_general_dilated": _convolution}
