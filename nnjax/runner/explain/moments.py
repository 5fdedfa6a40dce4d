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
from nnjax.layers.recurrent_cells import GRU_GATES, LSTM_GATES, gru_gates, lstm_gates
from nnjax.models.sequence_nets import embedded
from nnjax.runner.explain.cells import checked
from nnjax.runner.explain.ledger import close
from nnjax.training.step import divide
from nnjax.types import Array, Batch, Params, Sequences, Task

GATES = {"lstm": LSTM_GATES, "gru": GRU_GATES, "rnn": ("hidden",)}
WAYS = ("every step", "last", "mean", "max")  # how the outputs may come from the states


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


def recurrent_names(params: Params) -> list[str]:
    """layer_0, ... of a net's recurrent layers; of two directions layer_0/forward, layer_0/backward, ..."""
    layers = params["recurrent"]
    both = "forward" in layers["layer_0"]
    return [f"{name}/{way}" for name in layers for way in DIRECTIONS] if both else list(layers)


def measure_moments(task: Task, states: Sequence[Params], batch: Batch, layer: str) -> Moments:
    """The network's own numbers of one recurrent layer for one sequence, at each of S states.

    Raises:
        ConfigError: If the net is no `sequence_classifier` or `sequence_tagger`.
    """
    length = int(np.asarray(batch.inputs.lengths)[0])
    way = _way(task, states[0], batch, length)
    kind = recurrent_like(states[0]["recurrent"]).kind
    width = cell_of(states[0], layer)["bias"].shape[0]
    units = cell_of(states[0], layer)["recurrent"].shape[0]

    def own(params: Params) -> Any:
        outputs = task.net.apply(params, batch.inputs, train=False)
        return divide(task.loss(outputs, batch)), outputs

    def stepwise(params: Params, shifts: Mapping[str, Array]) -> Any:
        outputs, traced = unrolled(params, batch.inputs, length, way, layer, shifts)
        return divide(task.loss(outputs, batch)), (outputs, traced)

    @jax.jit
    def measured(params: Params) -> Any:
        zeros = jnp.zeros((length, units))
        shifts = {"sums": jnp.zeros((length, width)), "hidden": zeros, "cell": zeros, "shown": zeros}
        (loss, outputs), gradient = jax.value_and_grad(own, has_aux=True)(params)
        graded = jax.value_and_grad(stepwise, argnums=(0, 1), has_aux=True)
        (again, (found, traced)), (steps, slopes) = graded(params, shifts)
        gradients = zip(*map(jax.tree.leaves, (gradient, steps)), strict=True)
        pairs = [(loss, again), (_true(outputs, length), _true(found, length)), *gradients]
        same = jnp.max(jnp.array([jnp.max(jnp.abs(a - b)) for a, b in pairs]))
        return traced, slopes, cell_of(gradient, layer), loss, _true(outputs, length), same

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


def moment_residuals(numbers: Moments) -> MomentResiduals:
    """Recomputes every number of the layer at every step and state, in double precision."""
    worst = dict.fromkeys(MomentResiduals._fields, 0.0) | {"same": numbers.same}
    for s in range(len(numbers.loss)):
        for name, recomputed, own in checked(numbers, s):
            worst[name] = max(worst[name], float(np.abs(recomputed - own).max(initial=0.0)))
    return MomentResiduals(**worst)


def cell_of(params: Params, layer: str) -> Any:
    """The params of one cell of a net."""
    found = params["recurrent"]
    for key in layer.split("/"):
        found = found[key]
    return found


def unrolled(
    params: Params, inputs: Sequences, length: int, way: str, layer: str, shifts: Mapping[str, Array]
) -> tuple[Any, dict[str, Array]]:
    """The whole net on one sequence, step by step, and what one of its layers did.

    Args:
        params: Of a `sequence_classifier` or `sequence_tagger`.
        inputs: One sequence.
        length: Its own length L (static).
        way: How the outputs come from the last layer's states, of `WAYS` (static).
        layer: The layer whose numbers are wanted (static).
        shifts: What is added to its "sums" [L, G H], and to its "hidden", "cell" and "shown" [L, H]; the
            last is added to h for all that reads it but the next step.

    Returns:
        The outputs, as the net gives them, and {"inputs", "sums", "gates", "hidden", "cell"} of the layer.
    """
    x, traced = embedded(params, inputs).values[0, :length], dict[str, Array]()
    kind, states = recurrent_like(params["recurrent"]).kind, list[Array]()
    for name, entry in params["recurrent"].items():
        ways = {f"{name}/{d}": entry[d] for d in DIRECTIONS} if "forward" in entry else {name: entry}
        shown, states = [], []
        for path, cell in ways.items():
            found = _over_time(kind, cell, x, path.endswith(DIRECTIONS[1]), shifts if path == layer else None)
            traced = {"inputs": x, **found} if path == layer else traced
            h = found["hidden"] + shifts["shown"] if path == layer else found["hidden"]
            shown.append(h)
            states.append(h[0] if path.endswith(DIRECTIONS[1]) else h[-1])
        x = jnp.concatenate(shown, axis=-1)
    summaries = {"last": jnp.concatenate(states), "mean": jnp.mean(x, axis=0), "max": jnp.max(x, axis=0)}
    read = x if way == WAYS[0] else summaries[way][None]
    outputs = read @ params["output"]["weights"] + params["output"]["bias"][None]
    if way != WAYS[0]:
        return outputs, traced
    padding = inputs.values.shape[1] - length
    return Sequences(jnp.pad(outputs, ((0, padding), (0, 0)))[None], inputs.lengths), traced


def _over_time(
    kind: str, params: Params, x: Array, reverse: bool, shifts: Mapping[str, Array] | None
) -> dict[str, Array]:
    """One cell over [L, D], as its equations have it."""
    length, units = len(x), params["recurrent"].shape[0]
    zeros = jnp.zeros((length, units))
    moved = shifts or {"sums": jnp.zeros((length, params["bias"].shape[0])), "hidden": zeros, "cell": zeros}
    step = STEPS[kind]

    def body(
        state: tuple[Array, Array], now: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array], dict[str, Array]]:
        x, on_sums, on_hidden, on_cell = now
        sums, gates, hidden, cell = step(params, state, x, on_sums, on_cell)
        hidden = hidden + on_hidden
        return (hidden, cell), {"sums": sums, "gates": gates, "hidden": hidden, "cell": cell}

    start = (jnp.zeros(units), jnp.zeros(units))
    along = (x, moved["sums"], moved["hidden"], moved["cell"])
    return jax.lax.scan(body, start, along, reverse=reverse)[1]


Stepped = tuple[Array, Array, Array, Array]  # sums, gates, h', c'


def _rnn(params: Params, state: Any, x: Array, shift: Array, _: Array) -> Stepped:
    sums = x @ params["input"] + state[0] @ params["recurrent"] + params["bias"] + shift
    hidden = jnp.tanh(sums)
    return sums, hidden, hidden, state[1]


def _lstm(params: Params, state: Any, x: Array, shift: Array, on_cell: Array) -> Stepped:
    sums = x @ params["input"] + state[0] @ params["recurrent"] + params["bias"] + shift
    gates = lstm_gates(sums)
    cell = gates["forget"] * state[1] + gates["update"] * gates["candidate"] + on_cell
    return sums, jnp.concatenate(list(gates.values())), gates["output"] * jnp.tanh(cell), cell


def _gru(params: Params, state: Any, x: Array, shift: Array, _: Array) -> Stepped:
    projected, product = x @ params["input"] + params["bias"] + shift, state[0] @ params["recurrent"]
    gates = gru_gates(projected, product, params["recurrent_bias"])
    hidden = (1 - gates["update"]) * gates["candidate"] + gates["update"] * state[0]
    units = len(state[0])
    # The reset gate comes between the candidate's two parts, so that its sum is that of the inputs alone.
    sums = projected + jnp.where(jnp.arange(3 * units) < 2 * units, product, 0)
    return sums, jnp.concatenate(list(gates.values())), hidden, state[1]


STEPS: dict[str, Callable[..., Stepped]] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}


def _way(task: Task, params: Params, batch: Batch, length: int) -> str:
    """How this net's outputs come from its states, found by its outputs."""
    tagged = isinstance(jax.eval_shape(lambda p: task.net.apply(p, batch.inputs), params), Sequences)
    ways, layer = WAYS[:1] if tagged else WAYS[1:], recurrent_names(params)[0]
    cell = cell_of(params, layer)
    zeros = jnp.zeros((length, cell["recurrent"].shape[0]))
    shifts = {
        "sums": jnp.zeros((length, cell["bias"].shape[0])),
        "hidden": zeros,
        "cell": zeros,
        "shown": zeros,
    }

    @jax.jit
    def tried(params: Params) -> list[Array]:
        found = [unrolled(params, batch.inputs, length, way, layer, shifts)[0] for way in ways]
        own = task.net.apply(params, batch.inputs, train=False)
        return [_true(outputs, length) for outputs in (own, *found)]

    own, *found = map(np.asarray, tried(params))
    for way, outputs in zip(ways, found, strict=True):
        if outputs.shape == own.shape and close(outputs, own):
            return way
    raise ConfigError(
        "explain reads sequence_classifier and sequence_tagger; this run's net does something else around "
        "its recurrent layers, so that its steps do not give its outputs"
    )


def _true(outputs: Any, length: int) -> Any:
    """The outputs of one sequence, [K] or [L, K], without the padding."""
    return outputs.values[0, :length] if isinstance(outputs, Sequences) else outputs[0]
