"""A network run operation by operation, with an eye on where its parameters go.

`jax.make_jaxpr` writes a function down as a list of primitive operations. Here they are done one after
another; each value may carry a mark that says what it is to a layer (its weights, its product, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend import core

from nnjax.types import Net, Params

# What leaves an array the same but for its shape or type: weights stay the weights of their layer.
SAME = {
    "reshape",
    "broadcast_in_dim",
    "squeeze",
    "convert_element_type",
    "transpose",
    "optimization_barrier",
    "copy",
}
LOOPS = frozenset({"scan", "while", "cond"})
CUSTOM = frozenset({"custom_jvp_call", "custom_vjp_call"})


class Mark(NamedTuple):
    """That a value is a part of a layer: its weights, its bias, their product with the inputs, ..."""

    layer: str
    part: str


class Done(NamedTuple):
    """One operation that has been done.

    Attributes:
        equation: The operation.
        operands: What it took.
        marks: The mark of each operand, or None.
        outs: What it gave.
    """

    equation: Any
    operands: Sequence[Any]
    marks: Sequence[Mark | None]
    outs: list[Any]

    @property
    def name(self) -> str:
        """Of the primitive."""
        return self.equation.primitive.name


Note = Callable[[Done], tuple[list[Any], Mark | None]]


def trace(net: Net, params: Params, inputs: Any, note: Note, whole: frozenset[str] = LOOPS) -> Any:
    """Runs `net` on `inputs`, without dropout, and shows every operation to `note`.

    Args:
        net: Any Net.
        params: Its params, nested dicts; may be tracers. A leaf's mark is its path and its name.
        inputs: What the net takes.
        note: Takes what was done, and returns what goes on in place of its results, and their mark.
        whole: Primitives that are done as they are; the calls of other functions are gone into.

    Returns:
        The outputs.
    """
    closed, shape = jax.make_jaxpr(lambda p, x: net.apply(p, x, train=False), return_shape=True)(
        params, inputs
    )
    leaves = jax.tree_util.tree_leaves_with_path(params)
    names = [[str(getattr(key, "key", key)) for key in path] for path, _ in leaves]
    marks: list[Mark | None] = [Mark("/".join(path[:-1]), path[-1]) for path in names]
    values = [*(leaf for _, leaf in leaves), *jax.tree.leaves(inputs)]
    marks += [None] * (len(values) - len(marks))
    outs, _ = _run(closed.jaxpr, closed.consts, values, marks, note, whole)
    return jax.tree.unflatten(jax.tree.structure(shape), outs)


def same(done: Done) -> bool:
    """Whether an operation gives its one operand again, in another shape or type."""
    return len(done.operands) == 1 and done.name in SAME


def _run(
    jaxpr: Any,
    consts: Sequence[Any],
    values: Sequence[Any],
    marks: Sequence[Mark | None],
    note: Note,
    whole: frozenset[str],
) -> tuple[list[Any], list[Mark | None]]:
    """Evaluates a jaxpr, inside the calls it makes too."""
    value = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *values), strict=True))
    mark = dict(zip(jaxpr.invars, marks, strict=True))
    for equation in jaxpr.eqns:
        operands = [atom.val if isinstance(atom, core.Literal) else value[atom] for atom in equation.invars]
        known = [None if isinstance(atom, core.Literal) else mark.get(atom) for atom in equation.invars]
        inner = next(
            (equation.params[key] for key in ("jaxpr", "call_jaxpr") if key in equation.params), None
        )
        if inner is not None and equation.primitive.name not in whole:
            outs, out_marks = _run(
                getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), operands, known, note, whole
            )
        else:
            outs, found = note(Done(equation, operands, known, _do(jaxpr, equation, operands)))
            out_marks = [found] * len(outs)
        value.update(zip(equation.outvars, outs, strict=True))
        mark.update(zip(equation.outvars, out_marks, strict=True))
    atoms = jaxpr.outvars
    return (
        [atom.val if isinstance(atom, core.Literal) else value[atom] for atom in atoms],
        [None if isinstance(atom, core.Literal) else mark.get(atom) for atom in atoms],
    )


def _do(jaxpr: Any, equation: Any, operands: Sequence[Any]) -> list[Any]:
    """One operation; a function with a derivative of its own keeps that."""
    if equation.primitive.name not in CUSTOM:
        outs = equation.primitive.bind(*operands, **equation.params)
        return list(outs) if equation.primitive.multiple_results else [outs]
    given = {
        atom: value
        for atom, value in zip(equation.invars, operands, strict=True)
        if not isinstance(atom, core.Literal)
    }
    alone = jaxpr.replace(
        constvars=[],
        invars=list(given),
        outvars=list(equation.outvars),
        eqns=[equation],
        debug_info=jaxpr.debug_info.with_unknown_names(),
    )
    return core.jaxpr_as_fun(core.ClosedJaxpr(alone, []))(*given.values())
