"""Memory: why a vanilla RNN forgets and an LSTM does not, on two tasks that need nothing else.

Run:     nnjax run experiments/rnn_memory.py
Expect:  trained alike, the LSTM adds numbers among 60 steps where the RNN only guesses their mean; in
         pictures, how much of a gradient is left so many steps back. About a minute on two cores.

Source: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import Dataset, Net, Plan, Sequences, Task, per_example, sequence_classifier
from nnjax.layers.dense import dense
from nnjax.layers.recurrent_cells import LSTMState, lstm_cell, lstm_gates, project, rnn_cell
from nnjax.runner import plots
from nnjax.runner.plots import Curve, Panel
from nnjax.runner.settings import Count, PositiveRate, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.evaluate import part_of
from nnjax.training.fit_population import FittedPopulation, fit_entrants
from nnjax.training.losses import squared_error
from nnjax.training.member import Data
from nnjax.training.population import Entrants
from nnjax.training.sweep import cross
from nnjax.types import Params

VARIANCE = (
    1 / 6
)  # of the sum of two numbers, each anywhere in [0, 1]: what the best constant answer is off by
KINDS = ("rnn", "lstm")
SYMBOLS = 8  # of the copy memory


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        lengths: Steps of the sequences.
        hidden: Neurons of each net.
        examples: Sequences of each length to train on; as many again are tested on.
        epochs: Passes over them.
        batch_size: Sequences a step.
        learning_rate: Adam's step size.
        seeds: Trainings of each net and length, as one population.
        back: How many steps back the gradient is followed.
        seed: Decides the data and the initial weights.
    """

    lengths: tuple[Count, ...] = (10, 30, 60, 100)
    hidden: Count = 24
    examples: Count = 1000
    epochs: Count = 20
    batch_size: Count = 20
    learning_rate: PositiveRate = 5e-3
    seeds: Count = 3
    back: Count = 100
    seed: Seed = 0


def adding(size: int, steps: int, generator: np.random.Generator) -> Dataset:
    """The adding problem: T numbers in [0, 1], of which two are marked, one in each half; their sum is asked.

    Inputs Sequences [N, T, 2], the number and its mark; targets float32 [N, 1].
    """
    numbers, marks = generator.uniform(size=(size, steps)), np.zeros((size, steps))
    first, second = (
        generator.integers(steps // 2, size=size),
        generator.integers(steps // 2, steps, size=size),
    )
    rows = np.arange(size)
    marks[rows, first] = marks[rows, second] = 1
    values = np.stack([numbers, marks], axis=2).astype(np.float32)
    sums = (numbers * marks).sum(axis=1, keepdims=True).astype(np.float32)
    return Dataset(Sequences(values, np.full(size, steps, np.int32)), sums, "adding")


def recalling(size: int, steps: int, generator: np.random.Generator) -> Dataset:
    """Copy memory, of one symbol: the first step shows one of eight, then T - 1 blanks; which was it?

    Inputs Sequences [N, T, 8], one-hot and then zeros with a little noise; targets float32 [N, 8], one-hot.
    """
    symbols = np.eye(SYMBOLS, dtype=np.float32)[generator.integers(SYMBOLS, size=size)]
    values = generator.normal(size=(size, steps, SYMBOLS), scale=0.1).astype(np.float32)
    values[:, 0] += symbols
    return Dataset(Sequences(values, np.full(size, steps, np.int32)), symbols, "recalling")


TASKS = {"adding": adding, "recalling": recalling}


def all_lengths(config: Config, name: str, seed: int) -> tuple[Dataset, np.ndarray]:
    """The sequences of every length in one data set, and the rows [lengths, N] of each."""
    generator, longest = np.random.default_rng(seed), max(config.lengths)
    parts = [TASKS[name](config.examples, steps, generator) for steps in config.lengths]
    gap = [((0, 0), (0, longest - steps), (0, 0)) for steps in config.lengths]
    values = np.concatenate([np.pad(part.inputs.values, by) for part, by in zip(parts, gap, strict=True)])
    lengths = np.concatenate([part.inputs.lengths for part in parts])
    targets = np.concatenate([part.targets for part in parts])
    rows = np.arange(len(lengths), dtype=np.int32).reshape(len(parts), -1)
    return Dataset(Sequences(values, lengths), targets, name), rows


def net_of(config: Config, kind: str, name: str) -> Net:
    """One recurrent layer, and an answer after the last step."""
    sizes = {"adding": (2, 1), "recalling": (SYMBOLS, SYMBOLS)}[name]
    return sequence_classifier(sizes[0], config.hidden, sizes[1], kind=kind)


def trained(config: Config, kind: str, name: str) -> FittedPopulation:
    """All lengths and seeds as one population: a "fold" of its data is one length."""
    net = net_of(config, kind, name)
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(config.learning_rate))
    metrics = {"recalled": per_example(recalled)} if name == "recalling" else {}
    learned = Task(net, per_example(LOSSES[name]), adam, metrics=metrics)
    parts = []
    for seed in (config.seed, config.seed + 10**6):
        dataset, rows = all_lengths(config, name, seed)
        parts.append(part_of(dataset)._replace(rows=rows))
    steps = -(-config.examples // config.batch_size)
    whole = ((config.examples, max(config.lengths)),)  # one width: one compiled step for all lengths
    epochs = config.epochs if name == "adding" else -(-config.epochs // 2)
    plan = Plan(epochs, steps, config.batch_size, monitor="train_loss", buckets=whole)
    _, seeds, folds = cross({}, range(config.seed, config.seed + config.seeds), len(config.lengths))
    return fit_entrants(lambda hyper: learned, plan, Data(*parts), Entrants(seeds, folds, {}))


def recalled(logits, targets):
    """Whether the largest logit is the symbol's, [N]."""
    return (jnp.argmax(logits, -1) == jnp.argmax(targets, -1)).astype(jnp.float32)


def soft_cross_entropy(logits, targets):
    """Cross entropy of one-hot targets, [N]."""
    return -jnp.sum(jax.nn.log_softmax(logits) * targets, axis=-1)


LOSSES = {"adding": squared_error, "recalling": soft_cross_entropy}


def gradient_norms(params: Params, kind: str, dataset: Dataset) -> np.ndarray:
    """|d loss / d state| k steps before the end, the mean over sequences, [T]; k = 0 is the last step.

    The state of an RNN is h; of an LSTM it is c, the cell state, through which its memory goes.
    """
    x = jnp.asarray(dataset.inputs.values).swapaxes(0, 1)
    steps, size, _ = x.shape
    cell = params["recurrent"]["layer_0"]
    zeros = jnp.zeros((size, cell["recurrent"].shape[0]))

    def loss(nudges):
        """The loss where each step's state is nudged by zeros: its slope by these is what is asked."""

        def step(state, at):
            inputs, nudge = at
            if kind == "rnn":
                return rnn_cell(cell, state, inputs)[0] + nudge, None
            after, _ = lstm_cell(cell, state, inputs)
            gates = lstm_gates(project(cell, inputs) + state.hidden @ cell["recurrent"])
            memory = after.cell + nudge
            return LSTMState(gates["output"] * jnp.tanh(memory), memory), None

        last, _ = jax.lax.scan(step, zeros if kind == "rnn" else LSTMState(zeros, zeros), (x, nudges))
        outputs = dense(params["output"], last if kind == "rnn" else last.hidden)
        return jnp.sum(LOSSES[dataset.name](outputs, jnp.asarray(dataset.targets)))

    slopes = jax.jit(jax.grad(loss))(jnp.zeros((steps, size, zeros.shape[1])))
    return np.asarray(jnp.mean(jnp.linalg.norm(slopes, axis=2), axis=1))[::-1]


def scores(config: Config, fitted: FittedPopulation, name: str) -> np.ndarray:
    """The last score on other sequences, [seeds, lengths]: the loss, or the share recalled."""
    history = fitted.results.history["valid_loss" if name == "adding" else "valid_recalled"]
    return history[:, -1].reshape(config.seeds, len(config.lengths))


def show(config: Config) -> Shown:
    """How far back the gradient reaches, and how far back each net learns to remember."""
    populations = {(kind, name): trained(config, kind, name) for name in TASKS for kind in KINDS}
    found = {pair: scores(config, fitted, pair[1]) for pair, fitted in populations.items()}
    dataset = recalling(64, config.back + 1, np.random.default_rng(config.seed))
    slopes = {}
    for kind in KINDS:
        net = net_of(config, kind, "recalling")
        start = jax.jit(net.init)(jax.random.key(config.seed))
        small = shrunk(start)
        learned = jax.tree.map(jnp.asarray, populations[kind, "recalling"].params(len(config.lengths) - 1))
        for when, params in (("start", start), ("small start", small), ("learned", learned)):
            slopes[kind, when] = gradient_norms(params, kind, dataset)
    pictures = {
        "gradients": Picture(gradients_figure(slopes), GRADIENTS),
        "learning": Picture(learning_figure(config, found), LEARNING),
    }
    table = [
        {"net": kind, "task": name, "steps": steps, "score": float(found[kind, name][:, i].mean())}
        for kind, name in found
        for i, steps in enumerate(config.lengths)
    ]
    falls = {
        f"{kind}, {when}": float(norms[config.back] / norms[1]) for (kind, when), norms in slopes.items()
    }
    return Shown(pictures, {"variance": VARIANCE, "scores": table, "gradient_left": falls})


def shrunk(params: Params, factor: float = 0.5) -> Params:
    """The params with a recurrent matrix of half the size, as many a start has it."""
    layer = params["recurrent"]["layer_0"]
    smaller = {**layer, "recurrent": factor * layer["recurrent"]}
    return {**params, "recurrent": {"layer_0": smaller}}


def gradients_figure(slopes):
    """One panel a net: the norm of the gradient against how far back."""
    panels = []
    for kind, state in (("rnn", "hidden state"), ("lstm", "cell state")):
        curves = [
            Curve(when, range(len(norms)), np.maximum(norms / norms[0], FLOOR), i)
            for i, ((net, when), norms) in enumerate(
                (pair, x) for pair, x in slopes.items() if pair[0] == kind
            )
        ]
        title = f"{kind.upper()}: gradient of its {state}"
        panels.append(
            Panel(title, "steps before the end", "norm, the last step's is 1", curves, "y", (FLOOR, 100))
        )
    return plots.panels_figure(panels, width=5.0, height=3.4)


def learning_figure(config: Config, found):
    """One panel a task: the score against the length, the mean over the seeds."""
    panels = []
    for name, title, label, rules in (
        ("adding", "Adding two numbers of a sequence", "mean squared error", {"always the mean": VARIANCE}),
        ("recalling", "Recalling the first of eight symbols", "share recalled", {"guessing": 1 / SYMBOLS}),
    ):
        curves = [
            Curve(kind.upper(), config.lengths, found[kind, name].mean(axis=0), i, marked=True)
            for i, kind in enumerate(KINDS)
        ]
        panels.append(
            Panel(title, "steps", label, curves, limits=(0, None), rules=rules, ticks=config.lengths)
        )
    return plots.panels_figure(panels, width=4.8)


FLOOR = 1e-12
GRADIENTS = (
    "How much the loss at the end would change with the state k steps before, as a part of what it would "
    "with the last one. A straight line down is a gradient that vanishes by the same factor at every step."
)
LEARNING = "Means over the seeds, on sequences that were not trained on, after the same number of steps."
