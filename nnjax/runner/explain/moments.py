"""Every number of one recurrent layer for one sequence, and every sum recomputed from its weights.

A net runs its recurrent layers over time in a form that is fast and shows nothing. Here the same net is
written step by step with `nnjax`'s cells; that it is the same net is checked by its outputs, its loss and
the gradient of its weights. A shift of 0 in each sum and state gives, by `jax.grad`, the loss's slope there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.errors import ConfigError
from nnjax.layers.recurrent import DIRECTIONS, recurrent_like
from nnjax.layers.recurrent_cells import GRU_GATES, LSTM_GATES
from nnjax.runner.explain.cells import checked
from nnjax.runner.explain.ledger import close
from nnjax.runner.explain.unrolled import (
    WAYS,
    cell_of,
    no_shifts,
    recurrent_names,
    unrolled,
    without_padding,
)
from nnjax.training.step import divide
from nnjax.types import Array, Batch, Params, Sequences, Task

GATES = {"lstm": LSTM_GATES, "gru": GRU_GATES, "rnn": ("hidden",)}


class Moments(NamedTuple):
    """What the network computed of one layer for one sequence at S states of its training; float32 arrays.

    L is the sequence's own length, G H the width of all gates' sums side by side.

    Attributes:
        layer: "layer_0", or "layer_0/backward" of two directions.
        kind: "lstm", "gru" or "rnn".
        params: The layer's, [S, ...].
        inputs: What comes in at every step, [S, L, D].
        sums: x W + h U + b of all gates, [S, L, G H]; of a GRU's candidate x W + b alone.
        gates: What sigmoid and tanh make of the sums, [S, L, G H].
        hidden: h after every step, [S, L, H].
        cell: c after every step, [S, L, H]; of an LSTM alone.
        sum_slopes: d loss / d sums.
        hidden_slopes: d loss / dh, through all that comes after.
        cell_slopes: d loss / dc; of an LSTM alone.
        shown_slopes: d loss / dh by what reads h at this step, without the next step.
        gradient: d loss / d params of the layer, by `jax.grad` of the net itself.
        loss: [S], of this sequence.
        outputs: The network's, [S, ...].
        way: How the outputs come from the states, of `WAYS`.
        same: The largest distance between the outputs, the loss and the weights' gradients of the net and of
            its steps here.
    """

    layer: str
    kind: str
    params: Params
    inputs: np.ndarray
    sums: np.ndarray
    gates: np.ndarray
    hidden: np.ndarray
    cell: np.ndarray | None
    sum_slopes: np.ndarray
    hidden_slopes: np.ndarray
    cell_slopes: np.ndarray | None
    shown_slopes: np.ndarray
    gradient: Params
    loss: np.ndarray
    outputs: np.ndarray
    way: str
    same: float

    @property
    def backwards(self) -> bool:
        """Whether the layer reads from the end."""
        return self.layer.endswith(DIRECTIONS[1])

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The names of the gates, in the order of their blocks."""
        return GATES[self.kind]


class MomentResiduals(NamedTuple):
    """The largest distance between a number of the network and the same one recomputed, of all S states.

    Attributes:
        aggregation: x W + h U + b of every gate, unit and time step.
        state: The gates, c' and h'.
        slope: dJ/dh', dJ/dc' and dJ/dz of every gate, by the chain rule backwards through time.
        gradient: dJ/dW and dJ/dU: sums over all time steps.
        same: See `Moments`.
    """

    aggregation: float
    state: float
    slope: float
    gradient: float
    same: float


def measure_moments(task: Task, states: Sequence[Params], batch: Batch, layer: str) -> Moments:
    """The network's own numbers of one recurrent layer for one sequence, at each of S states.

    Raises:
        ConfigError: If the net is no `sequence_classifier` or `sequence_tagger`.
    """
    length = int(np.asarray(batch.inputs.lengths)[0])
    way = _way(task, states[0], batch, length)
    kind = recurrent_like(states[0]["recurrent"]).kind
    measured = jax.jit(_measured(task, batch, length, way, layer))
    found = [measured(params) for params in states]
    traced, slopes, gradient, loss, outputs, same = jax.tree.map(
        lambda *a: np.stack([np.asarray(b) for b in a]), *found
    )
    return Moments(
        layer=layer,
        kind=kind,
        params=jax.tree.map(lambda *a: np.stack(a), *(cell_of(params, layer) for params in states)),
        inputs=traced["inputs"],
        sums=traced["sums"],
        gates=traced["gates"],
        hidden=traced["hidden"],
        cell=traced["cell"] if kind == "lstm" else None,
        sum_slopes=slopes["sums"],
        hidden_slopes=slopes["hidden"],
        cell_slopes=slopes["cell"] if kind == "lstm" else None,
        shown_slopes=slopes["shown"],
        gradient=gradient,
        loss=loss,
        outputs=outputs,
        way=way,
        same=float(same.max()),
    )


def _measured(task: Task, batch: Batch, length: int, way: str, layer: str) -> Callable[[Params], Any]:
    """A function of the params: the layer's numbers, their slopes, and how far its steps are from the net."""

    def own(params: Params) -> Any:
        outputs = task.net.apply(params, batch.inputs, train=False)
        return divide(task.loss(outputs, batch)), outputs

    def stepwise(params: Params, shifts: Mapping[str, Array]) -> Any:
        outputs, traced = unrolled(params, batch.inputs, length, way, layer, shifts)
        return divide(task.loss(outputs, batch)), (outputs, traced)

    def measured(params: Params) -> Any:
        shifts = no_shifts(params, layer, length)
        (loss, outputs), gradient = jax.value_and_grad(own, has_aux=True)(params)
        graded = jax.value_and_grad(stepwise, argnums=(0, 1), has_aux=True)
        (again, (found, traced)), (steps, slopes) = graded(params, shifts)
        gradients = zip(*map(jax.tree.leaves, (gradient, steps)), strict=True)
        answers = tuple(without_padding(each, length) for each in (outputs, found))
        pairs = [(loss, again), answers, *gradients]
        same = jnp.max(jnp.array([jnp.max(jnp.abs(a - b)) for a, b in pairs]))
        return traced, slopes, cell_of(gradient, layer), loss, answers[0], same

    return measured


def moment_residuals(numbers: Moments) -> MomentResiduals:
    """Recomputes every number of the layer at every step and state, in double precision."""
    worst = dict.fromkeys(MomentResiduals._fields, 0.0) | {"same": numbers.same}
    for s in range(len(numbers.loss)):
        for name, recomputed, own in checked(numbers, s):
            worst[name] = max(worst[name], float(np.abs(recomputed - own).max(initial=0.0)))
    return MomentResiduals(**worst)


def _way(task: Task, params: Params, batch: Batch, length: int) -> str:
    """How this net's outputs come from its states, found by its outputs."""
    tagged = isinstance(jax.eval_shape(lambda p: task.net.apply(p, batch.inputs), params), Sequences)
    ways, layer = WAYS[:1] if tagged else WAYS[1:], recurrent_names(params)[0]
    shifts = no_shifts(params, layer, length)

    @jax.jit
    def tried(params: Params) -> list[Array]:
        found = [unrolled(params, batch.inputs, length, way, layer, shifts)[0] for way in ways]
        own = task.net.apply(params, batch.inputs, train=False)
        return [without_padding(outputs, length) for outputs in (own, *found)]

    own, *found = map(np.asarray, tried(params))
    for way, outputs in zip(ways, found, strict=True):
        if outputs.shape == own.shape and close(outputs, own):
            return way
    raise ConfigError(
        "explain reads sequence_classifier and sequence_tagger; this run's net does something else around "
        "its recurrent layers, so that its steps do not give its outputs"
    )
