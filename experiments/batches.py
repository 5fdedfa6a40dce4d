"""Batches and epochs: full batch, mini-batches, single examples, in noise, time, memory and learning.

Run:     nnjax run experiments/batches.py
Expect:  the gradient's noise falls like 1 / sqrt(B); an epoch of single examples learns far more than one of
         the full batch, and costs far more where each step is a call; memory grows with B; under a minute.
"""

from __future__ import annotations

import dataclasses
import time

import jax
import numpy as np
import optax

from nnjax import Batch, Splits, Task, cross_entropy, load_splits, mlp, per_example, rescale, step, tanh
from nnjax.runner.plots import Curve, Panel, panels_figure, table_panel
from nnjax.runner.settings import Count, PositiveRate, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.engine import steps_per_epoch
from nnjax.training.fit import Fitted, fit
from nnjax.training.gradient_noise import example_gradients, gradient_memory, noise_by_batch_size

NET = rescale(mlp((64, 32, 10), tanh), scale=1 / 16)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        batch_sizes: Examples a step; the full batch is added.
        epochs: Passes over the training part.
        learning_rate: Of plain gradient descent, the same for all.
        draws: Batches drawn to measure the noise.
        seed: Decides the weights and the order of the data.
    """

    batch_sizes: tuple[Count, ...] = (1, 8, 32, 128)
    epochs: Count = 40
    learning_rate: PositiveRate = 0.1
    draws: Count = 300
    seed: Seed = 0


def train(config: Config, splits: Splits, batch_size: int) -> tuple[Fitted, float]:
    """One training, in which only the batch size differs, and the seconds that its fastest epochs took."""
    paces = []
    fitted = fit(
        NET,
        splits,
        optimizer=optax.sgd(config.learning_rate),
        epochs=config.epochs,
        batch_size=batch_size,
        seed=config.seed,
        layout="one",
        progress=False,
        on_chunk=lambda chunk: paces.append(chunk.seconds / max(len(chunk.rows), 1)),
    )
    return fitted, min(paces)


def epoch_of_calls(task: Task, params, splits: Splits, batch_size: int) -> float:
    """The seconds of an epoch of whole batches in which Python calls each step."""
    state, key = task.optimizer.init(params), jax.random.key(0)
    improve = jax.jit(lambda params, state, batch: step(task, params, state, batch, key)[:2])
    batches = [
        Batch(part.inputs, part.targets, np.ones(batch_size, np.float32), np.arange(batch_size))
        for at in range(0, len(splits.train) - batch_size + 1, batch_size)
        for part in (splits.train.take(slice(at, at + batch_size)),)
    ]
    jax.block_until_ready(improve(params, state, batches[0]))  # compiles
    began = time.perf_counter()
    for batch in batches:
        params, state = improve(params, state, batch)
    jax.block_until_ready(params)
    return time.perf_counter() - began


def show(config: Config) -> Shown:
    """The noise of the gradient, what each batch size learns, and what it costs."""
    splits = load_splits("digits", valid=0.2, test=0.2, seed=0)
    size = len(splits.train)
    sizes = [*sorted({b for b in config.batch_sizes if b < size}), size]
    task = Task(NET, per_example(cross_entropy), optax.sgd(config.learning_rate))
    trained, table, start = {}, [], NET.init(jax.random.key(config.seed))
    for b in sizes:
        trained[b], pace = train(config, splits, b)
        table.append(
            {
                "batch_size": b,
                "steps_an_epoch": steps_per_epoch(size, b),
                "train_loss": trained[b].evaluate(splits.train)["loss"],
                "valid_accuracy": trained[b].rows[-1]["valid_accuracy"],
                "seconds_an_epoch": pace,
                "seconds_an_epoch_of_calls": epoch_of_calls(task, start, splits, b),
                "bytes_a_step": gradient_memory(task, start, splits.train, b),
            }
        )
    moments = {"at the start": start, "after training": trained[sizes[0]].member.params}
    noise = {
        name: noise_by_batch_size(example_gradients(task, params, splits.train), sizes[:-1], config.draws)
        for name, params in moments.items()
    }
    pictures = {
        "noise": Picture(noise_figure(noise), NOISE),
        "learning": Picture(learning_figure(trained, size), LEARNING),
        "cost": Picture(cost_figure(table), COST),
    }
    noises = [{"moment": name, **row} for name, rows in noise.items() for row in rows]
    return Shown(pictures, {"batches": table, "noise": noises, "training_examples": size})


def noise_figure(noise: dict[str, list[dict[str, float]]]):
    """How far the gradient of a batch lies from that of all examples: measured dots, expected lines."""
    curves = []
    for index, (name, rows) in enumerate(noise.items()):
        across = [row["batch_size"] for row in rows]
        curves.append(Curve("", across, [row["measured"] for row in rows], index, marked=True, joined=False))
        curves.append(Curve(name, across, [row["theory"] for row in rows], index))
    rules = {"as long as the gradient itself": 1.0}
    labels = ("noise of the gradient", "batch size", "distance, in gradients")
    return panels_figure([Panel(*labels, curves, "xy", rules=rules, ticks=across)], 6.4)


def learning_figure(trained: dict[int, Fitted], size: int):
    """The same trainings by epoch and by step."""
    by_epoch, by_step = [], []
    for index, (b, fitted) in enumerate(trained.items()):
        name = "full batch" if b == size else "single examples" if b == 1 else f"{b} examples"
        losses = [row["valid_loss"] for row in fitted.rows]
        by_epoch.append(Curve(name, [row["epoch"] for row in fitted.rows], losses, index))
        by_step.append(Curve(name, [row["step"] for row in fitted.rows], losses, index))
    panels = [
        Panel("by epoch", "epoch", "validation loss", by_epoch, "y"),
        Panel("by step", "step", "validation loss", by_step, "xy"),
    ]
    return panels_figure(panels, 4.8)


def cost_figure(table: list[dict[str, float]]):
    """Time and memory by batch size."""
    rows = [
        {
            "batch size": row["batch_size"],
            "loop": 1000 * row["seconds_an_epoch"],
            "calls": 1000 * row["seconds_an_epoch_of_calls"],
            "memory": row["bytes_a_step"] / 1000,
        }
        for row in table
    ]
    shared = {"logarithmic": "xy", "ticks": [row["batch_size"] for row in table]}
    times = {"calls": "a call for each step", "loop": "one compiled loop"}
    panels = [
        table_panel("time of an epoch", rows, "batch size", times, ylabel="milliseconds", **shared),
        table_panel("memory of a step", rows, "batch size", {"memory": ""}, ylabel="kilobytes", **shared),
    ]
    return panels_figure(panels, 4.6)


NOISE = (
    "How far the gradient of a batch lies from that of all examples, in lengths of the latter. Dots were "
    "measured on random batches; lines follow from the spread of single gradients and fall like 1 / sqrt(B)."
)
LEARNING = (
    "The same learning rate for all. By epoch small batches are far ahead, since they take more steps; a "
    "step of a larger batch is truer, but not by as much as it costs."
)
COST = (
    "On the machine of this run. Where Python calls each step, single examples spend their time between the "
    "calls; nnjax runs whole epochs, with shuffling and validation, in one compiled loop. Memory holds what "
    "the way back needs of a batch."
)
