"""The five activations with their derivatives, and the gradient that survives 1 to 20 layers.

Run:     nnjax run experiments/activations.py
Expect:  after 20 layers a sigmoid net has about 1e-13 of its gradient left (at most 1/4 survives a layer), a
         ReLU net a third, a step net nothing from the first layer on; of three nets with 10 hidden layers the
         ReLU's and the tangent's learn the two moons and the sigmoid's does not; within half a minute on two
         cores.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import Net, fit, load_splits, mlp
from nnjax.layers.activations import ACTIVATIONS
from nnjax.runner import plots
from nnjax.runner.settings import Count, Positive, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.types import Array, Params

SLOPES_AT = (0.0, 1.0, 2.0, 5.0, 10.0)
TRAINED = ("sigmoid", "tanh", "relu")  # the identity can learn no curve, and the step learns nothing


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        layers: How deep the gradient is followed.
        width: Neurons a layer of the net.
        examples: Random inputs over which the gradient is averaged.
        chain_input: What the first neuron of the chain is given.
        trained_layers: Hidden layers of the nets that are trained.
        epochs: Epochs of their training.
        learning_rate: The step size of plain gradient descent.
        seed: Of the weights and the inputs.
    """

    layers: Count = 20
    width: Count = 64
    examples: Count = 256
    chain_input: Positive = 2.0
    trained_layers: Count = 10
    epochs: Count = 60
    learning_rate: Positive = 0.1
    seed: Seed = 0


def survival(net: Net, params: Params, inputs: Array) -> np.ndarray:
    """How much of the gradient survives 1, 2, ... layers on its way back.

    The gradient of the output (one number) by the aggregations of a layer is the gradient by its biases. Its
    root mean square over neurons and examples is divided by that of what the last hidden layer is given.

    Args:
        net: An `mlp` with one output.
        params: Its parameters; that of the output are the weights with which the gradient starts.
        inputs: Float array [N, D].

    Returns:
        Float array [L]: what is left after passing the activations of the last layer, of the last two, ...
    """

    def biases(example: Array) -> list[Array]:
        slopes = jax.grad(lambda p: net.apply(p, example[None])[0, 0])(params)
        return [slopes[f"layer_{i}"]["bias"] for i in range(len(params) - 1)]

    reached = [root_mean_square(slope) for slope in jax.jit(jax.vmap(biases))(inputs)]
    return np.array(reached[::-1]) / root_mean_square(params[f"layer_{len(params) - 1}"]["weights"])


def root_mean_square(values: Array) -> float:
    """sqrt(mean(values^2)), in double precision: 1e-30 squared is nothing in single precision."""
    return float(np.sqrt(np.mean(np.square(np.asarray(values, np.float64)))))


def chain(config: Config, activation: Callable[[Array], Array]) -> np.ndarray:
    """One neuron a layer with weight 1 and bias 0: the plain product of the derivatives on the way."""
    net = mlp((1,) * (config.layers + 1) + (1,), activation)
    ones = jax.tree.map(jnp.ones_like, net.init(jax.random.key(0)))
    params = {layer: {**leaves, "bias": 0 * leaves["bias"]} for layer, leaves in ones.items()}
    return survival(net, params, jnp.full((1, 1), config.chain_input))


def wide(config: Config, activation: Callable[[Array], Array]) -> np.ndarray:
    """A net as it starts: random weights of the size that suits the activation, inputs of variance 1."""
    net = mlp((config.width,) * (config.layers + 1) + (1,), activation)
    weights, inputs = jax.random.split(jax.random.key(config.seed))
    return survival(net, net.init(weights), jax.random.normal(inputs, (config.examples, config.width)))


def train(config: Config, activation: Callable[[Array], Array]) -> list[dict[str, Any]]:
    """The rows of a deep net's training on the two moons."""
    splits = load_splits("moons", valid=0.3, test=0.0, samples=400, noise=0.1)
    net = mlp((2,) + (16,) * config.trained_layers + (2,), activation)
    descent = optax.sgd(config.learning_rate)  # Adam divides by the size of the gradient, and so hides it
    return fit(net, splits, optimizer=descent, epochs=config.epochs, seed=config.seed, progress=False).rows


def show(config: Config) -> Shown:
    """The functions, what they do to a gradient, and what that does to learning."""
    chains = {name: chain(config, activation.function) for name, activation in ACTIVATIONS.items()}
    nets = {name: wide(config, activation.function) for name, activation in ACTIVATIONS.items()}
    trained = {name: train(config, ACTIVATIONS[name].function) for name in TRAINED}
    slopes = [
        {"activation": name} | {f"f'({x:g})": float(activation.derivative(jnp.float32(x))) for x in SLOPES_AT}
        for name, activation in ACTIVATIONS.items()
    ]
    panels = [survival_panel("a chain of single neurons", chains), survival_panel("a net at its start", nets)]
    pictures = {
        "functions": Picture(
            plots.activations_figure(ACTIVATIONS),
            "The five activations and their derivatives. The step's derivative is 0 everywhere; "
            "the sigmoid's is at most 1/4, and the sigmoid's and the tangent's vanish where they saturate.",
        ),
        "survival": Picture(
            plots.panels_figure(panels, width=5.0, height=3.6),
            "The part of the gradient that is left after passing so many layers on its way back.",
        ),
        "training": Picture(
            plots.panels_figure([accuracy_panel(config, trained)], width=5.6),
            "What that means for learning: the same net, trained with three activations.",
        ),
    }
    depths = sorted({1, 5, 10, config.layers})
    return Shown(
        pictures,
        {
            "derivatives": slopes,
            "survives_in_a_chain": survival_table(chains, depths),
            "survives_in_a_net": survival_table(nets, depths),
            "accuracy_after_training": {name: rows[-1]["valid_accuracy"] for name, rows in trained.items()},
        },
    )


def survival_panel(title: str, survived: dict[str, np.ndarray]) -> plots.Panel:
    """A line for each activation; the step, of which nothing survives, has none."""
    curves = [
        plots.Curve(name, 1 + np.arange(len(left)), np.where(left > 0, left, np.nan), index)
        for index, (name, left) in enumerate(survived.items())
    ]
    nothing = [name for name, left in survived.items() if not left.any()]
    rules = {f"{' and '.join(nothing)}: 0 from the first layer on": 1e-16} if nothing else {}
    ticks = (1, 5, 10, 15, 20)
    return plots.Panel(title, "layers", "gradient left", curves, "y", (1e-16, 30.0), rules, ticks)


def accuracy_panel(config: Config, trained: dict[str, list[dict[str, Any]]]) -> plots.Panel:
    """The accuracy on the validation part by epoch."""
    curves = [
        plots.Curve(
            name,
            [row["epoch"] for row in rows],
            [row["valid_accuracy"] for row in rows],
            list(ACTIVATIONS).index(name),
        )
        for name, rows in trained.items()
    ]
    title = f"two moons, {config.trained_layers} hidden layers"
    return plots.Panel(title, "epoch", "accuracy on new examples", curves, limits=(0.4, 1.02))


def survival_table(survived: dict[str, np.ndarray], depths: list[int]) -> list[dict[str, Any]]:
    """A row for each activation, a column for each depth."""
    return [
        {"activation": name} | {f"{k} layers": float(left[k - 1]) for k in depths if k <= len(left)}
        for name, left in survived.items()
    ]
