"""Forward and back propagation: every number of a small net, and the same training at four levels.

Run:     nnjax run experiments/backprop.py
         nnjax explain backprop --step 40 --example 14   the ledger of its neurons, and a page to step through
Expect:  four trainings, by hand, with jax.grad, with Optax and with nnjax.fit, whose costs and weights
         agree to 1e-5; every derivative within 1e-12 of jax.grad and 1e-8 of finite differences; seconds.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from nnjax import Dataset, Net, Plan, Splits, Task, binary_cross_entropy, mlp, per_example, sigmoid
from nnjax.runner import plots
from nnjax.runner.settings import Count, PositiveRate, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.backprop import backward, descend, forward, gradient
from nnjax.training.fit import fit
from nnjax.training.gradient_check import check_links
from nnjax.training.trajectory import trajectories
from nnjax.types import Hyper

NET = mlp((4, 2, 1), sigmoid)  # the course's net: 13 weights, biases among them
INPUTS = ("cold above", "humid", "I read", "television")
OUTPUTS = ("I learn",)
ONE = slice(14, 15)  # cold, humid, reading, no television: the one case in which one learns
MOMENTS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)  # steps at which the net is drawn


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        steps: Steps of gradient descent.
        learning_rate: Their size.
        seed: Decides the first weights.
    """

    steps: Count = 300
    learning_rate: PositiveRate = 4.0
    seed: Seed = 0


def data(config: Config) -> Splits:
    """All 16 cases: it rains where it is cold above and humid; who reads then, without television, learns."""
    cases = np.indices((2, 2, 2, 2)).reshape(4, -1).T.astype(np.float32)
    cold, humid, reads, television = cases.T.astype(int)
    learns = cold & humid & reads & (1 - television)
    return Splits(Dataset(cases, learns.astype(np.int32), "learning", ("no", "yes"), (0.0, 1.0)))


def task(config: Config, hyper: Hyper) -> Task:
    """Cross entropy of one sigmoid, lowered by plain gradient descent."""
    return Task(NET, per_example(binary_cross_entropy), optax.sgd(hyper["learning_rate"]))


def plan(config: Config, splits: Splits) -> Plan:
    """Full batches: a step an epoch."""
    return Plan(config.steps, segment_steps=1, batch_size=len(splits.train), monitor="train_loss")


def by_hand(params, inputs, targets, learning_rate, steps):
    """Level 1: every derivative is written out; `forward` and `backward` are those of this library."""
    costs = []
    for _ in range(steps):
        layers = forward(params, inputs, sigmoid, binary_cross_entropy)
        costs.append(binary_cross_entropy(layers[-1].aggregation, targets).mean())
        links = backward(params, layers, targets, sigmoid, binary_cross_entropy)
        params = descend(params, gradient(links), learning_rate)
    return params, costs


def with_grad(params, inputs, targets, learning_rate, steps):
    """Level 2: JAX derives the cost; the loop and the update are ours."""

    @jax.jit
    def step(params):
        cost = lambda p: binary_cross_entropy(NET.apply(p, inputs), targets).mean()
        value, slope = jax.value_and_grad(cost)(params)
        return jax.tree.map(lambda w, g: w - learning_rate * g, params, slope), value

    costs = []
    for _ in range(steps):
        params, value = step(params)
        costs.append(value)
    return params, costs


def with_optax(params, inputs, targets, learning_rate, steps):
    """Level 3: Optax makes the update too; another optimiser is another word."""
    optimizer = optax.sgd(learning_rate)

    @jax.jit
    def step(params, state):
        cost = lambda p: binary_cross_entropy(NET.apply(p, inputs), targets).mean()
        value, slope = jax.value_and_grad(cost)(params)
        updates, state = optimizer.update(slope, state)
        return optax.apply_updates(params, updates), state, value

    state, costs = optimizer.init(params), []
    for _ in range(steps):
        params, state, value = step(params, state)
        costs.append(value)
    return params, costs


def with_fit(params, inputs, targets, learning_rate, steps):
    """Level 4: one call; the loop, its batches and its compilation are the library's."""
    fitted = fit(
        Net(lambda key: params, NET.apply),
        (inputs, targets),
        loss=binary_cross_entropy,
        optimizer=optax.sgd(learning_rate),
        epochs=steps,
        batch_size=len(inputs),
        progress=False,
    )
    return fitted.params, [row["train_loss"] for row in fitted.rows]


LEVELS = {"by hand": by_hand, "jax.grad": with_grad, "Optax": with_optax, "nnjax.fit": with_fit}


def passes(params, inputs, targets):
    """Both passes, as they are drawn."""
    layers = forward(params, inputs, sigmoid, binary_cross_entropy)
    links = backward(params, layers, targets, sigmoid, binary_cross_entropy)
    return plots.signals(params, layers, links)


def show(config: Config) -> Shown:
    """The two passes of one example, the net as it learns, four trainings that agree, and their code."""
    splits = data(config)
    cases, targets = splits.train.inputs, splits.train.targets
    hyper = {"learning_rate": config.learning_rate}
    run = trajectories(lambda h: task(config, h), plan(config, splits), splits, [config.seed], hyper)
    at = lambda step: jax.tree.map(lambda leaf: jnp.asarray(leaf[0, step]), run.params)
    trained = {
        name: level(at(0), cases, targets, config.learning_rate, config.steps)
        for name, level in LEVELS.items()
    }
    costs = {name: np.array(cost, np.float32) for name, (_, cost) in trained.items()}
    weights = [ravel_pytree(params)[0] for params, _ in trained.values()]
    frames = [
        (f"step {step}", passes(at(step), cases[ONE], targets[ONE]))
        for step in MOMENTS
        if step <= config.steps
    ]
    programs = {name: plots.source(level) for name, level in LEVELS.items()}
    programs["by hand"] += "\n\n" + plots.source(forward, backward)
    pictures = {
        "passes": Picture(plots.signal_figure(frames[0][1], INPUTS, OUTPUTS), PASSES),
        "learning": Picture(plots.signal_gif(frames, INPUTS, OUTPUTS), LEARNING),
        "agreement": Picture(plots.agreement_figure(costs), AGREEMENT),
        "code": Picture(plots.code_figure(programs, [["by hand"], [*LEVELS][1:]]), CODE),
    }
    numbers = {
        "steps": config.steps,
        "final_cost": costs["by hand"][-1],
        "largest_cost_difference": max(np.abs(cost - costs["by hand"]).max() for cost in costs.values()),
        "largest_weight_difference": max(np.abs(found - weights[0]).max() for found in weights),
        "derivatives": check_links(at(0), cases, targets, sigmoid, binary_cross_entropy),
        "lines_of_code": [
            {"level": name, "lines": len(text.splitlines())} for name, text in programs.items()
        ],
    }
    return Shown(pictures, numbers)


PASSES = (
    "One example, cold above, humid, reading, no television, before training. Left: the forward pass, from "
    "the inputs to the answer. Right: the backward pass, from the cost to every weight; a weight's slope is "
    "the slope in the neuron it leads to, times what it carries."
)
LEARNING = (
    "The same two passes while the net learns. The slopes of this example die away as the answer nears 1."
)
AGREEMENT = (
    "The same training four times, from the same weights. Left: the costs lie on one another. Right: what "
    "differs is the last digit of float32, since sums are taken in another order."
)
CODE = "The code of the four. From level to level a library takes over the slopes, the update, the loop."
