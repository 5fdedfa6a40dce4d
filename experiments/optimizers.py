"""Optimisers: gradient descent, momentum, Nesterov, RMSProp, Adam, AdamW, on one surface and on the digits.

Run:     nnjax run experiments/optimizers.py
Expect:  each with the best of 17 learning rates: momentum, Nesterov and Adam arrive at the bottom of a bent
         valley; all learn the digits, each around a learning rate of its own; under a minute.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax import (
    Dataset,
    Net,
    Plan,
    Splits,
    Task,
    cross_entropy,
    load_splits,
    mlp,
    per_example,
    rescale,
    tanh,
)
from nnjax.runner import plots
from nnjax.runner.plots import Curve, Panel, Surface, Way
from nnjax.runner.settings import Count, Fraction, Seed
from nnjax.runner.shown import Picture, Shown
from nnjax.training.engine import steps_per_epoch
from nnjax.training.evaluate import predict
from nnjax.training.trajectory import trajectories
from nnjax.types import Params

START = (-1.3, 1.6)
DIGITS_NET = rescale(mlp((64, 32, 10), tanh), scale=1 / 16)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        steps: Steps on the surface.
        epochs: Passes over the digits.
        rates: How many learning rates each optimiser tries, four a factor of ten, from 1e-4 up.
        momentum: How much of the last step goes on.
        weight_decay: How fast AdamW lets weights shrink, times the learning rate.
        seed: Decides the weights and the order of the digits.
    """

    steps: Count = 150
    epochs: Count = 12
    rates: Count = 17
    momentum: Fraction = 0.9
    weight_decay: Fraction = 0.02
    seed: Seed = 0


def optimizers(config: Config) -> dict[str, Callable[[object], optax.GradientTransformation]]:
    """Each as a function of its learning rate, which may be a tracer."""
    return {
        "gradient descent": optax.sgd,
        "momentum": lambda rate: optax.sgd(rate, momentum=config.momentum),
        "Nesterov": lambda rate: optax.sgd(rate, momentum=config.momentum, nesterov=True),
        "RMSProp": lambda rate: optax.rmsprop(rate, decay=0.9),
        "Adam": optax.adam,
        "AdamW": lambda rate: optax.adamw(rate, weight_decay=config.weight_decay),
    }


def valley(points):
    """(1 - x)^2 + 10 (y - x^2)^2: a bent valley with its minimum, 0, at (1, 1)."""
    x, y = points[..., 0], points[..., 1]
    return (1 - x) ** 2 + 10 * (y - x**2) ** 2


def learning_rates(config: Config) -> np.ndarray:
    """1e-4 and up, four a factor of ten."""
    return (10.0 ** (-4 + np.arange(config.rates) / 4)).astype(np.float32)


def on_surface(config: Config, optimizer) -> tuple[np.ndarray, np.ndarray]:
    """The point at every step with each learning rate [R, S + 1, 2], and its height [R, S + 1]."""
    point = Net(lambda key: {"point": jnp.array(START)}, lambda params, x, **options: params["point"][None])
    height = per_example(lambda outputs, targets: valley(outputs))
    nothing = Splits(Dataset(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)))
    plan = Plan(segments=config.steps, segment_steps=1, batch_size=1, monitor="train_loss")
    recipe = lambda h: Task(point, height, optimizer(h["learning_rate"]))
    ways = trajectories(recipe, plan, nothing, hyper={"learning_rate": learning_rates(config)}).params[
        "point"
    ]
    return ways, valley(ways.astype(np.float64))


def on_digits(config: Config, optimizer, train: Dataset) -> tuple[np.ndarray, Params]:
    """The training loss of every epoch with each learning rate [R, E], and the parameters [R, E + 1, ...]."""
    recipe = lambda h: Task(DIGITS_NET, per_example(cross_entropy), optimizer(h["learning_rate"]))
    plan = Plan(config.epochs, steps_per_epoch(len(train), 32), batch_size=32, monitor="train_loss")
    hyper = {"learning_rate": learning_rates(config)}
    found = trajectories(recipe, plan, Splits(train), [config.seed], hyper)
    return found.rows["train_loss"], found.params


def show(config: Config) -> Shown:
    """Who arrives, and who forgives a wrong learning rate."""
    rates, kinds = learning_rates(config), optimizers(config)
    splits = load_splits("digits", valid=0.2, test=0.2, seed=0)
    ways, falls, losses, sensitive, table = [], [], [], [], []
    for index, (name, optimizer) in enumerate(kinds.items()):
        points, heights = on_surface(config, optimizer)
        best = int(np.argmin(heights[:, -1]))
        ways.append(Way(name, points[best], index))
        falls.append(Curve(name, range(config.steps + 1), heights[best] + 1e-12, index))
        epochs, params = on_digits(config, optimizer, splits.train)
        ends = np.where(np.isfinite(epochs[:, -1]), epochs[:, -1], np.inf)
        good = int(np.argmin(ends))
        kept = jax.tree.map(lambda leaf, good=good: leaf[good, -1], params)
        outputs = predict(DIGITS_NET, kept, splits.valid.inputs)
        losses.append(Curve(name, range(1, config.epochs + 1), epochs[good], index))
        sensitive.append(Curve(name, rates, np.minimum(ends, 20), index, True))
        table.append(
            {
                "optimiser": name,
                "learning_rate_on_the_surface": rates[best],
                "height_reached": heights[best, -1],
                "learning_rate_on_the_digits": rates[good],
                "train_loss": ends[good],
                "valid_accuracy": np.mean(outputs.argmax(axis=1) == splits.valid.targets),
                "rates_with_a_loss_below_0.1": int((ends < 0.1).sum()),
            }
        )
    return Shown(pictures(ways, falls, losses, sensitive), {"optimisers": table, "start": list(START)})


def pictures(ways, falls, losses, sensitive) -> dict[str, Picture]:
    """The surface and the digits."""
    low, high, names, minimum = (-1.8, -0.8), (1.8, 2.4), ("x", "y"), (1, 1)
    maps = [
        Surface(title, valley, low, high, part, minimum, names=names)
        for title, part in (
            ("one rate for all directions", ways[:3]),
            ("a rate for each direction", ways[3:]),
        )
    ]
    race = Surface("a bent valley", valley, low, high, ways, minimum, names=names)
    digits = [
        Panel("digits, best learning rate each", "epoch", "training loss", losses, "y"),
        Panel("digits, after all epochs", "learning rate", "training loss", sensitive, "xy"),
    ]
    fall = Panel("height above the minimum", "step", "f", falls, "y")
    return {
        "surface": Picture(plots.surface_figure(maps), SURFACE),
        "race": Picture(plots.race_gif(race), "The same six, walking."),
        "fall": Picture(plots.panels_figure([fall], 6.0), FALL),
        "digits": Picture(plots.panels_figure(digits, 4.8), DIGITS),
    }


SURFACE = (
    "f = (1 - x)^2 + 10 (y - x^2)^2 from one start, each with the best of its learning rates. Momentum "
    "carries on through the bend; the others divide each direction by its own recent slopes."
)
FALL = (
    "Plain gradient descent creeps along the valley. RMSProp's steps do not shrink with the slope, so it "
    "keeps bouncing. AdamW stays above the minimum: weight decay pulls every parameter towards 0, at a cost."
)
DIGITS = "Left: all learn. Right: each around a learning rate of its own; too large a one breaks every one."
