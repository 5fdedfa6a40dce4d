"""Every number of one example at several steps of a training, and every sum recomputed from the weights.

The network's own numbers come from `watch` and from `jax.grad`, in float32. Beside them stand the same
numbers recomputed by the chain rule in NumPy and double precision, from the weights and what they were
multiplied with; what lies between the two is the residual.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.runner.explain.formulas import COSTS, FORMULAS
from nnjax.runner.explain.watch import layer_names, watch
from nnjax.training.step import divide
from nnjax.types import Batch, Dataset, Params, Task

CLOSE = 1e-4  # relative distance within which a number is taken for the one that a formula gives


class Numbers(NamedTuple):
    """What the network itself computed for one example at T steps; all float32 NumPy arrays.

    Attributes:
        params: The parameters, [T, ...].
        inputs: What went into each layer, [T, D], [T, M_1], ...
        aggregations: What each layer's sums were, [T, M_1], ...
        outputs: The network's outputs, [T, ...].
        loss: The loss of this example, [T], without penalty and dropout.
        slopes: d loss / d aggregation of each layer, [T, M_1], ...
        gradients: d loss / d params, in the form of the params.
        names: The layers, in the order in which they are used.
    """

    params: Params
    inputs: list[np.ndarray]
    aggregations: list[np.ndarray]
    outputs: np.ndarray
    loss: np.ndarray
    slopes: list[np.ndarray]
    gradients: Params
    names: tuple[str, ...]

    def weights(self, layer: int, frame: int) -> np.ndarray:
        """The weights [D, M] of a layer at one of the T steps."""
        return self.params[self.names[layer]]["weights"][frame]

    def bias(self, layer: int, frame: int) -> np.ndarray:
        """The bias [M] of a layer at one of the T steps."""
        return self.params[self.names[layer]]["bias"][frame]


class Formulas(NamedTuple):
    """What the numbers were recognised as; None where they fit no formula that is known here.

    Attributes:
        activation: The name of the hidden layers' activation.
        cost: The name of the loss.
        targets: What the example should give, [M], as the loss's formula takes it.
    """

    activation: str | None
    cost: str | None
    targets: np.ndarray | None


class Residuals(NamedTuple):
    """The largest distance between a number of the network and the same one recomputed, of all T steps.

    Attributes:
        aggregation: sum x w + b.
        activation: f(z).
        loss: The loss, from the last aggregations.
        slope: d loss / dz: (sum w d loss / dz after) f'(z), and of the last layer from the loss.
        gradient: d loss / dw: x d loss / dz.
    """

    aggregation: float
    activation: float
    loss: float
    slope: float
    gradient: float


class Outputs(NamedTuple):
    """What a network answers for one example at T steps.

    Attributes:
        values: [T, K]: probabilities where the loss makes them, else the outputs themselves.
        cost: The name of the loss, or None.
        targets: What they should be, [K], or None.
        names: The classes, or none.
    """

    values: np.ndarray
    cost: str | None
    targets: np.ndarray | None
    names: tuple[str, ...]


def answers(outputs: np.ndarray, loss: np.ndarray, targets: Any, names: Sequence[str]) -> Outputs:
    """The outputs [T, K] as what their loss makes of them; `loss` [T] tells which loss it is."""
    z = outputs.astype(float)
    named = tuple(names) if len(names) == z.shape[-1] else ()
    for name, cost in COSTS.items():
        t = _targets(name, targets, z.shape[-1])
        if t is not None and close(cost.loss(z, t), loss):
            return Outputs(cost.output(z), name, t, named or (tuple(names)[1:] if len(names) == 2 else ()))
    return Outputs(z, None, None, named)


def example_batch(part: Dataset, index: int) -> Batch:
    """One example as the batch of one that a loss takes."""
    one = part.take(np.array([index]))
    return Batch(one.inputs, one.targets, jnp.ones(1), jnp.array([index]))


def measure(
    task: Task, states: Sequence[Params], batch: Batch, names: Sequence[str] | None = None
) -> Numbers:
    """The network's own numbers of its dense layers for one example, at each of T states of its parameters.

    Args:
        task: What was learned.
        states: Its parameters.
        batch: The example, as a batch of one.
        names: The dense layers; None means all of an MLP.

    Raises:
        ConfigError: If the network is no MLP, or uses a layer more than once.
    """
    names = layer_names(states[0]) if names is None else names
    order: list[str] = []
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *states)

    def one(params: Params) -> Any:
        def loss(p: Params) -> Any:
            outputs = task.net.apply(p, batch.inputs, train=False)
            return divide(task.loss(outputs, batch))

        value, gradients = jax.value_and_grad(loss)(params)
        outputs, layers = watch(task.net, params, batch.inputs, names)
        order[:] = layers
        return outputs, {name: tuple(layer) for name, layer in layers.items()}, value, gradients

    outputs, layers, loss, gradients = jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(stacked))
    return Numbers(
        params=stacked,
        inputs=[layers[name][0][:, 0] for name in order],
        aggregations=[layers[name][1][:, 0] for name in order],
        outputs=outputs[:, 0],
        loss=loss,
        # The bias has the input 1 and there is one example, so its slope is that of the aggregation.
        slopes=[gradients[name]["bias"] for name in order],
        gradients=gradients,
        names=tuple(order),
    )


def recognise(numbers: Numbers, targets: Any) -> Formulas:
    """The activation and the loss whose formulas give the network's numbers."""
    hidden = list(zip(numbers.aggregations[:-1], numbers.inputs[1:], strict=True))
    fits = lambda f: all(close(f(z.astype(float)), a) for z, a in hidden)
    activation = next((name for name, (f, _) in FORMULAS.items() if hidden and fits(f)), None)
    z = numbers.aggregations[-1].astype(float)
    for name, cost in COSTS.items():
        t = _targets(name, targets, z.shape[-1])
        if t is None:
            continue
        if close(cost.loss(z, t), numbers.loss) and close(cost.slope(z, t), numbers.slopes[-1]):
            return Formulas(activation, name, t)
    return Formulas(activation, None, None)


def activations(numbers: Numbers, formulas: Formulas) -> list[np.ndarray]:
    """What each layer passes on, [T, M_1], ...: of the last one what its loss makes of the aggregation."""
    output = COSTS[formulas.cost].output if formulas.cost else lambda z: z
    return [*numbers.inputs[1:], output(numbers.aggregations[-1])]


def residuals(numbers: Numbers, formulas: Formulas) -> Residuals:
    """Recomputes every number of every layer at every step from the parameters, in double precision."""
    worst = dict.fromkeys(Residuals._fields, 0.0)

    def compare(name: str, recomputed: Any, own: Any) -> None:
        worst[name] = max(worst[name], float(np.abs(recomputed - own).max(initial=0.0)))

    f, derivative = FORMULAS[formulas.activation] if formulas.activation else (None, None)
    last = len(numbers.inputs) - 1
    for i in range(last + 1):
        layer = numbers.params[numbers.names[i]]
        weights, bias = layer["weights"].astype(float), layer["bias"].astype(float)
        x, slope = numbers.inputs[i].astype(float), numbers.slopes[i].astype(float)
        z = np.einsum("td,tdm->tm", x, weights) + bias
        compare("aggregation", z, numbers.aggregations[i])
        compare("gradient", np.einsum("td,tm->tdm", x, slope), numbers.gradients[numbers.names[i]]["weights"])
        if i < last and f is not None and derivative is not None:
            after = numbers.params[numbers.names[i + 1]]["weights"].astype(float)
            back = np.einsum("tm,tdm->td", numbers.slopes[i + 1].astype(float), after)
            compare("activation", f(z), numbers.inputs[i + 1])
            compare("slope", back * derivative(z), numbers.slopes[i])
    if formulas.cost:
        z, cost = numbers.aggregations[-1].astype(float), COSTS[formulas.cost]
        compare("loss", cost.loss(z, formulas.targets), numbers.loss)
        compare("slope", cost.slope(z, formulas.targets), numbers.slopes[-1])
    return Residuals(**worst)


def _targets(cost: str, given: Any, outputs: int) -> np.ndarray | None:
    """The targets of one example as rows [M] of numbers, or None where they are of another kind."""
    t = np.asarray(given)[0]
    labels = t.ndim == 0 and t.dtype.kind in "iu"
    if cost == "cross_entropy" and labels and 0 <= t < outputs:
        return np.eye(outputs)[t]
    t = t.astype(float).reshape(-1)
    fits = len(t) == outputs and (outputs == 1 if cost == "binary_cross_entropy" else True)
    return t if fits else None


def close(found: Any, own: Any) -> bool:
    """Whether two arrays are the same within `CLOSE` of the largest number."""
    found, own = np.asarray(found, float), np.asarray(own, float)
    return bool(
        np.allclose(found, own, rtol=CLOSE, atol=CLOSE * max(1e-3, float(np.abs(own).max(initial=0))))
    )
