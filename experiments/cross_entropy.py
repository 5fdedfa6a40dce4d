"""Cross entropy: what one answer costs, the cost over a set, and why squared error stalls behind a sigmoid.

Run:     nnjax run experiments/cross_entropy.py
Expect:  losses of 0.105, 0.693 and 2.303 where the true class is given 0.9, 0.5 and 0.1; from a start that is
         sure and wrong, cross entropy turns round in 5 steps and squared error has hardly moved after 300;
         within a quarter of a minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import (
    Dataset,
    Net,
    Task,
    binary_cross_entropy,
    cross_entropy,
    fit,
    load_splits,
    mlp,
    per_example,
    perceptron,
    sigmoid,
    softmax,
    squared_error,
)
from nnjax.data.scaling import standardise
from nnjax.runner import plots
from nnjax.runner.settings import Count, Positive, Seed, Traced
from nnjax.runner.shown import Picture, Shown
from nnjax.training.cycle import Ordered, train_in_order
from nnjax.types import Array, Params

PROBABILITIES = (0.99, 0.9, 0.5, 0.1, 0.01)
LOSSES = {"cross entropy": False, "squared error": True}
LOGITS = (2.0, 1.0, -1.0)  # of three classes, the first of which is the true one


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        start: The weight of the bad start.
        steps: Steps of both trainings from there.
        learning_rate: Of both.
        epochs: Of the training on iris.
        seed: Of the training on iris.
    """

    start: Traced = -8.0
    steps: Count = 300
    learning_rate: Positive = 1.0
    epochs: Count = 60
    seed: Seed = 0


def one_input() -> Dataset:
    """Twelve examples: 1 to the right and 0 to the left, but for the two nearest to the middle.

    Mirrored, so that the best bias is 0 and the cost a function of the weight alone; and no threshold divides
    them, so that the best weight is finite.
    """
    x = np.array([0.5, 1, 1.5, 2, 2.5, 3], np.float32)
    y = np.array([0, 1, 1, 1, 1, 1], np.int32)
    return Dataset(np.concatenate([-x[::-1], x])[:, None], np.concatenate([1 - y[::-1], y]), "one input")


def neuron(start: float, as_probability: bool = False) -> Net:
    """One neuron whose weight starts at `start`, and whose output is its sum or the sigmoid of it."""
    net = perceptron(1, lambda key, shape, dtype=jnp.float32: jnp.full(shape, start, dtype))

    def apply(params: Params, inputs: Array, **options: Any) -> Array:
        return sigmoid(net.apply(params, inputs, **options))

    return Net(net.init, apply) if as_probability else net


def descend(config: Config, squared: bool) -> Ordered:
    """Gradient descent on all examples at once, from the bad start, by one of the two losses."""
    loss = squared_error if squared else binary_cross_entropy
    descent = Task(neuron(config.start, squared), per_example(loss), optax.sgd(config.learning_rate))
    data = one_input()
    return train_in_order(lambda hyper: descent, data, config.steps, batch_size=len(data))


def cost(weight: Array, squared: bool) -> Array:
    """The cost of the twelve examples as a function of the weight: the library's loss, averaged."""
    data = one_input()
    z = weight * data.inputs[:, 0]
    if squared:
        return jnp.mean(squared_error(sigmoid(z), data.targets))
    return jnp.mean(binary_cross_entropy(z, data.targets))


def show(config: Config) -> Shown:
    """One example, a set, the bad start, and more than two classes."""
    data, runs = one_input(), {name: descend(config, squared) for name, squared in LOSSES.items()}
    ways = {name: run.params["layer_0"]["weights"][:, 0, 0] for name, run in runs.items()}
    best = float(ways["cross entropy"][-1])
    curves = {"a bad line": (-0.5, 0.0), "a better one": (0.5, 0.0), "the best one": (best, 0.0)}
    pictures = {
        "one-example": Picture(
            plots.panels_figure([one_example_panel(1), one_example_panel(0)]),
            "What one answer costs, by the probability p of class 1. Cross entropy has no upper end: who is "
            "sure and wrong pays without limit. Squared error never takes more than 1.",
        ),
        "one-input": Picture(
            plots.logistic_figure(data.inputs, data.targets, curves),
            "A set with one input. The cost is the mean of -log of the probability that each example's own "
            "class is given; a dotted bar is what that lacks to 1.",
        ),
        "bad-start": Picture(
            plots.panels_figure(bad_start_panels(config, ways), width=4.4),
            "From a start that is sure and wrong, cross entropy turns round in a few steps. Squared error "
            "stands on a plain: its slope has the factor p (1 - p), next to 0 where the sigmoid saturates.",
        ),
        "softmax": Picture(
            plots.softmax_figure(LOGITS, 0, ("A", "B", "C")),
            "More than two classes. The softmax makes probabilities of the logits; the loss is -log of the "
            "true class's; its slope by the logits is what each probability is too large by.",
        ),
    }
    return Shown(pictures, numbers(config, ways) | iris(config))


def one_example_panel(target: int) -> plots.Panel:
    """Both losses of one example, by the probability p of class 1."""
    p = np.linspace(0.004, 0.996, 249)
    z, t = jnp.asarray(np.log(p / (1 - p)), jnp.float32), np.full(len(p), target)
    losses = {"cross entropy": binary_cross_entropy(z, t), "squared error": squared_error(sigmoid(z), t)}
    curves = [plots.Curve(name, p, loss, index) for index, (name, loss) in enumerate(losses.items())]
    formula = "−log p" if target else "−log(1 − p)"
    title = f"y = {target}: loss {formula}"
    return plots.Panel(title, "p", "loss", curves, limits=(0, 5.6), ticks=(0, 0.25, 0.5, 0.75, 1))


def bad_start_panels(config: Config, ways: dict[str, np.ndarray]) -> list[plots.Panel]:
    """The cost by the weight, its slope by the weight, and the weight by the step."""
    weights = np.linspace(-1.25 * abs(config.start), 0.75 * abs(config.start), 401, dtype=np.float32)
    found = {
        name: jax.vmap(jax.value_and_grad(lambda weight, squared=squared: cost(weight, squared)))(weights)
        for name, squared in LOSSES.items()
    }
    heights = {name: value for name, (value, _) in found.items()}
    slopes = {name: np.abs(slope) for name, (_, slope) in found.items()}

    def curves(values: dict[str, np.ndarray], x: Any) -> list[plots.Curve]:
        return [plots.Curve(name, x, y, index) for index, (name, y) in enumerate(values.items())]

    return [
        plots.Panel("cost", "weight", "mean loss", curves(heights, weights), limits=(0, None)),
        plots.Panel("size of the slope", "weight", "", curves(slopes, weights), "y", limits=(1e-6, 10)),
        plots.Panel("the descent", "step", "weight", curves(ways, np.arange(config.steps + 1))),
    ]


def numbers(config: Config, ways: dict[str, np.ndarray]) -> dict[str, Any]:
    """What the pictures say, in numbers."""
    logits = jnp.log(jnp.array(PROBABILITIES) / (1 - jnp.array(PROBABILITIES)))
    ones = jnp.ones(len(PROBABILITIES))
    single = zip(
        PROBABILITIES, binary_cross_entropy(logits, ones), squared_error(sigmoid(logits), ones), strict=True
    )
    row = softmax(jnp.array([LOGITS]))[0]
    return {
        "loss_of_one_example": [
            {"p of the true class": p, "cross entropy": float(entropy), "squared error": float(error)}
            for p, entropy, error in single
        ],
        "bad_start": [bad_start_row(name, way) for name, way in ways.items()],
        "softmax_of_logits": [float(p) for p in row],
        "softmax_loss": float(cross_entropy(jnp.array([LOGITS]), jnp.array([0]))[0]),
    }


def bad_start_row(name: str, way: np.ndarray) -> dict[str, Any]:
    """How a descent went: the step after which the weight has the right sign, if there was one."""
    turned = np.flatnonzero(way > 0)
    return {
        "loss": name,
        "first step": float(way[1] - way[0]),
        "right way round after": int(turned[0]) if len(turned) else "never",
        "weight at the end": float(way[-1]),
    }


def iris(config: Config) -> dict[str, Any]:
    """Softmax regression on iris: what new flowers cost, and three of the answers."""
    splits = standardise(load_splits("iris", valid=0.2, test=0.3, seed=0))
    fitted = fit(
        mlp((4, 3)),
        splits,
        optimizer=optax.adam(0.05),
        epochs=config.epochs,
        seed=config.seed,
        progress=False,
    )
    p = np.asarray(softmax(jnp.asarray(fitted.predict(splits.test.inputs))))
    losses = -np.log(p[np.arange(len(p)), splits.test.targets])
    order = np.argsort(losses)
    chosen = {"the surest": order[0], "the middle one": order[len(order) // 2], "the costliest": order[-1]}
    table = [
        {"flower": name, "true class": splits.test.classes[splits.test.targets[i]]}
        | {f"p({label})": float(p[i, k]) for k, label in enumerate(splits.test.classes)}
        | {"loss": float(losses[i])}
        for name, i in chosen.items()
    ]
    return {
        "iris": table,
        "iris_cost": float(losses.mean()),
        "iris_accuracy": float((p.argmax(1) == splits.test.targets).mean()),
    }
