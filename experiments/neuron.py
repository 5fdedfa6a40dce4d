"""One neuron draws a line: rain, AND and OR, why XOR needs a layer, and a net of three neurons.

Run:     nnjax run experiments/neuron.py
Expect:  sums of -6, -2, -1 and 3 for the rain; AND and OR learned by Rosenblatt's rule in 5 and 3 epochs,
         XOR never, which a state that comes back proves; with 2, 3 and 4 hidden neurons about 47%, 82% and
         93% of 1,000 random starts solve it; within half a minute on two cores.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import jax
import numpy as np
import optax

from nnjax import (
    Dataset,
    Net,
    Plan,
    Splits,
    Task,
    accuracy,
    binary_cross_entropy,
    load,
    mlp,
    per_example,
    perceptron,
    perceptron_loss,
    sigmoid,
    unit_step,
)
from nnjax.layers.initializers import uniform
from nnjax.runner import plots
from nnjax.runner.settings import Count, Positive, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.cycle import Ordered, train_in_order
from nnjax.training.statistics import share_interval
from nnjax.training.trajectory import Trajectories, trajectories

RAIN = {"layer_0": {"weights": np.array([[4.0], [5.0]]), "bias": np.array([-6.0])}}
# It rains from x1 and x2; I study if I read (x3) and do not watch television (x4); I learn if both are so.
LEARN = {
    "layer_0": {"weights": np.array([[4.0, 0], [5, 0], [0, 4], [0, -5]]), "bias": np.array([-6.0, -2])},
    "layer_1": RAIN["layer_0"],
}
INPUTS = ("temperature difference", "humidity", "I read the material", "I watch television")
CASES = ((0, 0), (0, 1), (1, 0), (1, 1))
LOOK = 10  # epochs between two looks at the trainings with hidden neurons


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        epochs: When Rosenblatt's rule gives up, unless a state has come back before.
        descent_epochs: Steps of one neuron's gradient descent, each on all four examples.
        learning_rate: Its step size.
        hidden: Sizes of the hidden layer for XOR, beside 2.
        hidden_epochs: Epochs of each of those trainings.
        starts: Random starts of each size.
        seed: Of the first start; the others follow.
    """

    epochs: Count = 20
    descent_epochs: Count = 100
    learning_rate: Positive = 1.0
    hidden: tuple[Count, ...] = (2, 3, 4)
    hidden_epochs: Count = 400
    starts: Count = 1000
    seed: Seed = 0


def says_yes_or_no(net: Net, loss: Any, optimizer: Any) -> Task:
    """A neuron or a net that answers yes or no."""
    return Task(net, per_example(loss), optimizer, metrics={"accuracy": per_example(accuracy)})


def by_rule(config: Config, gate: Dataset) -> Ordered:
    """Rosenblatt's rule: after a mistake the weights move by (target - answer) times the inputs."""
    neuron = says_yes_or_no(perceptron(2), perceptron_loss, optax.sgd(1.0))
    return train_in_order(lambda hyper: neuron, gate, config.epochs)


def by_descent(config: Config, gate: Dataset) -> Ordered:
    """One sigmoid neuron from a random start, by gradient descent on all four examples at once."""
    sgd = optax.sgd(config.learning_rate)
    neuron = says_yes_or_no(perceptron(2, uniform(1.0)), binary_cross_entropy, sgd)
    return train_in_order(lambda hyper: neuron, gate, config.descent_epochs, len(gate), config.seed)


def by_layers(config: Config, gate: Dataset, hidden: int) -> Trajectories:
    """Many random starts at once, each with a layer of hidden sigmoid neurons."""
    net = says_yes_or_no(mlp((2, hidden, 1), sigmoid), binary_cross_entropy, optax.adam(0.1))
    plan = Plan(
        -(-config.hidden_epochs // LOOK), segment_steps=LOOK, batch_size=len(gate), monitor="train_loss"
    )
    return trajectories(lambda hyper: net, plan, Splits(gate, gate), config.seed + np.arange(config.starts))


def show(config: Config) -> Shown:
    """The chapter in its order: one neuron, what it learns, what it cannot, two layers, and matrices."""
    gates = {name: load(name) for name in ("and", "or", "xor")}
    ruled = {name: by_rule(config, gate) for name, gate in gates.items()}
    descended = {name: by_descent(config, gate) for name, gate in gates.items()}
    layered = {size: by_layers(config, gates["xor"], size) for size in dict.fromkeys((2, *config.hidden))}
    numbers: dict[str, Any] = {
        "step_at_zero": float(unit_step(0.0)),
        "rain": rain_table(),
        "rosenblatt": [rule_row(name, run) for name, run in ruled.items()],
        "gradient_descent": [descent_row(name, run) for name, run in descended.items()],
        "xor_with_hidden_neurons": [start_row(size, runs) for size, runs in layered.items()],
        "weights_of_three_neurons": sum(leaf.size for leaf in jax.tree.leaves(LEARN)),
    }
    return Shown(
        {**one_neuron(gates, ruled, descended), **hidden_layer(gates["xor"], layered), **three_neurons()},
        numbers,
    )


def one_neuron(
    gates: dict[str, Dataset], ruled: dict[str, Ordered], descended: dict[str, Ordered]
) -> dict[str, Picture]:
    """What one neuron is, what it learns in two ways, and what it cannot learn."""
    xor = list(paths("xor", gates, ruled, descended))
    both = [path for name in ("and", "or") for path in paths(name, gates, ruled, descended)]
    cycle = len(gates["xor"])
    return {
        "rain": Picture(
            plots.neuron_figure(RAIN, gates["and"].inputs, gates["and"].targets, INPUTS[:2], "rain"),
            "A neuron sums its weighted inputs and the bias, the weight of an input that is always 1. It "
            "fires where the sum is 0 or more: on one side of a line.",
        ),
        "lines": Picture(
            plots.line_gif(both),
            "Two ways to learn. Rosenblatt's rule moves the line only after a mistake, and then stops; "
            "gradient descent moves it in every step, by less and less. A cross marks a mistake.",
        ),
        "lines-strip": Picture(plots.line_strip(both), "The same as a strip of frames."),
        "xor-one-neuron": Picture(
            plots.line_strip(
                xor, [[xor[0].last - cycle + i for i in range(cycle + 1)], xor[1].moments(cycle + 1)]
            ),
            "XOR with one neuron. The rule is back where it was and will go round for ever, wrong at each "
            "example in its turn; gradient descent ends where the neuron says one half to everything.",
        ),
    }


def hidden_layer(gate: Dataset, layered: dict[int, Trajectories]) -> dict[str, Picture]:
    """Two hidden neurons solve XOR: their lines, their space, and how often they are found."""
    two = layered[2]
    won = int(np.argmax(two.rows["valid_accuracy"][:, -1]))  # the first start that has the most right
    way = jax.tree.map(lambda leaf: leaf[won], two.params)
    solved = {f"{size} hidden neurons": right(runs) for size, runs in layered.items()}
    looks = LOOK * (1 + np.arange(right(two).shape[1]))
    return {
        "xor-hidden-space": Picture(
            plots.hidden_space(jax.tree.map(lambda leaf: leaf[-1], way), gate.inputs, gate.targets),
            "Two hidden neurons draw two lines; an arrow points to where each fires. In the space of their "
            "two answers one line is enough.",
        ),
        "xor-learning": Picture(
            plots.hidden_space_gif(jax.tree.map(lambda leaf: leaf[:24], way), gate.inputs, gate.targets),
            "How it comes to that: the hidden neurons move the examples until a line divides them.",
        ),
        "xor-starts": Picture(
            plots.share_curves(looks, solved, "epoch"),
            f"Whether it is found depends on the start: {len(right(two))} of each size, with 95% intervals.",
        ),
    }


def three_neurons() -> dict[str, Picture]:
    """Knowledge in layers, and the same net as matrices."""
    names = [[f"x{'₁₂₃₄'[i]}" for i in range(4)], ["rain", "study"], ["learn"]]
    long = [f"{short} {name}" for short, name in zip(names[0], INPUTS, strict=True)]
    everything = np.array(list(itertools.product((0, 1), repeat=4)))
    return {
        "three-neurons": Picture(
            plots.network_figure(LEARN, long, names[1:]),
            "The third neuron knows nothing of the weather or of television, only what the first two say. "
            "13 weights, those of the biases among them.",
        ),
        "matrices": Picture(
            plots.layers_formula(LEARN, everything, unit_step, names, "step"),
            "The same net as one product of matrices a layer, for all 16 inputs. The bias is the weight of "
            "an input that is always 1 (grey).",
        ),
    }


def paths(
    name: str, gates: dict[str, Dataset], ruled: dict[str, Ordered], descended: dict[str, Ordered]
) -> list[plots.LinePath]:
    """One neuron's way by the rule, up to where it rests or its cycle closes, and by gradient descent."""
    gate, run = gates[name], ruled[name]
    end = len(gate) * (run.repeat.first + run.repeat.period * (mistakes(run)[-1] > 0)) if run.repeat else None
    steps = {key: leaf[: None if end is None else end + 1] for key, leaf in run.params["layer_0"].items()}
    epochs = descended[name].params["layer_0"]
    return [
        plots.LinePath(f"{name.upper()}, Rosenblatt's rule", steps, gate.inputs, gate.targets),
        plots.LinePath(
            f"{name.upper()}, gradient descent", epochs, gate.inputs, gate.targets, "epoch", soft=True
        ),
    ]


def rain_table() -> list[dict[str, Any]]:
    """The sum and the answer for each of the four cases, from the net itself."""
    sums = np.asarray(perceptron(2).apply(RAIN, np.array(CASES)))[:, 0]
    columns = zip(CASES, sums, unit_step(sums), strict=True)
    return [{"x1": x1, "x2": x2, "sum": float(z), "rain": bool(y)} for (x1, x2), z, y in columns]


def mistakes(run: Ordered) -> list[int]:
    """How many of the four examples were answered wrongly in each epoch, each before its step."""
    return [round(4 * (1 - share)) for share in run.rows["accuracy"].tolist()]


def rule_row(name: str, run: Ordered) -> dict[str, Any]:
    """What became of the rule: it rests, goes round for ever, or has not been seen long enough."""
    outcome, after = "not decided", len(mistakes(run))
    if run.repeat is not None:
        period, after = run.repeat.period, run.repeat.first
        cycle = f"never: it goes round in {period} epoch{'s' * (period > 1)}"
        outcome = cycle if mistakes(run)[-1] else "yes"
    last = jax.tree.map(lambda leaf: leaf[-1], run.params["layer_0"])
    w1, w2, bias = (float(value) for value in (*last["weights"][:, 0], *last["bias"]))
    row = {"gate": name.upper(), "learned": outcome, "after epoch": after, "w1": w1, "w2": w2, "bias": bias}
    return row | {"mistakes an epoch": ", ".join(map(str, mistakes(run)[:8]))}


def descent_row(name: str, run: Ordered) -> dict[str, Any]:
    """Where gradient descent ended: the loss, and the probabilities that the neuron gives the four cases."""
    last = jax.tree.map(lambda leaf: leaf[-1], run.params)
    given = sigmoid(perceptron(2).apply(last, load(name).inputs))[:, 0]
    row = {"gate": name.upper(), "epochs": len(run.rows["loss"]), "loss": float(run.rows["loss"][-1])}
    return row | {f"p({x1}, {x2})": float(p) for (x1, x2), p in zip(CASES, given, strict=True)}


def right(runs: Trajectories) -> np.ndarray:
    """Whether each start had all four right at each look, [P, S]."""
    return runs.rows["valid_accuracy"] == 1


def start_row(size: int, runs: Trajectories) -> dict[str, Any]:
    """How many starts of one size solved it, and the 95% interval of their share."""
    interval = share_interval(int(right(runs)[:, -1].sum()), len(right(runs)))
    row = {"hidden": size, "starts": interval.count, "solved": int(right(runs)[:, -1].sum())}
    return row | {"share": interval.mean, "low": interval.low, "high": interval.high}
