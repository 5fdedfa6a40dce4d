"""Seeds: how much of a published difference is luck, measured on a setting that is compared with itself.

Run:     nnjax run experiments/seeds.py
Expect:  256 trainings that differ in their seed alone spread over 3 points of test accuracy (deviation
         0.64); with one seed each, a setting beats itself by half a point or more in 29% of all
         comparisons, with ten in 4%; the best of ten seeds is a point above their mean; a quarter of a
         minute on two cores.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
import optax

from nnjax import Task, accuracy, cross_entropy, fit_population, load, mlp, per_example, rescale
from nnjax.data.splits import split
from nnjax.runner.plots.panels import panels_figure, table_panel
from nnjax.runner.plots.spread import luck_figure, spread_figure
from nnjax.runner.settings import Count, Positive, Range
from nnjax.runner.shown import Picture, Shown
from nnjax.training.few_examples import drawn_rows, fit_few
from nnjax.training.luck import best_of, compare_with_itself, deviation_interval, seeds_needed
from nnjax.types import Hyper

Share = Annotated[float, Range(0, 1, low_open=True)]


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings.

    Attributes:
        examples: Training examples of each net.
        hidden: Neurons of the hidden layer.
        epochs: Passes over the examples.
        batch_size: Examples a step.
        learning_rate: Adam's step size.
        seeds: Trainings of the one setting.
        groups: Seeds that a paper may have used for each of its two methods; at most half of `seeds`.
        margin: The difference that is claimed, a share.
    """

    examples: Count = 200
    hidden: Count = 32
    epochs: Count = 60
    batch_size: Count = 16
    learning_rate: Positive = 3e-3
    seeds: Annotated[int, Range(4)] = 256
    groups: tuple[Count, ...] = (1, 3, 5, 10, 20)
    margin: Share = 0.005


def recipe(config: Config, hyper: Hyper) -> Task:
    """The one setting: nothing is swept."""
    return Task(
        net=rescale(mlp((64, config.hidden, 10)), scale=1 / 16),
        loss=per_example(cross_entropy),
        optimizer=optax.adam(config.learning_rate),
        metrics={"accuracy": per_example(accuracy)},
    )


def scores(config: Config) -> tuple[dict[str, np.ndarray], int]:
    """Test accuracies [P] where the seed differs, and where the training examples do too; and the tests."""
    splits = split(load("digits"), valid=300, test=697)._replace(valid=None)
    how = {"seeds": config.seeds, "epochs": config.epochs, "batch_size": config.batch_size, "progress": False}
    one = splits._replace(train=splits.train.take(drawn_rows(splits.train, config.examples, 1)[0]))
    same = fit_population(lambda hyper: recipe(config, hyper), one, **how)
    drawn = fit_few(lambda hyper: recipe(config, hyper), splits, config.examples, **how)
    found = {"only the seed differs": same, "the examples differ too": drawn}
    tested = {name: run.evaluate(splits.test)["accuracy"].astype(float) for name, run in found.items()}
    return tested, len(splits.test)


def show(config: Config) -> Shown:
    """The spread, what one would conclude from a few seeds, and how many it takes."""
    tested, size = scores(config)
    alone = tested["only the seed differs"]
    lucks = {k: compare_with_itself(alone, k) for k in config.groups}
    table = [
        {
            "seeds": k,
            "beats_itself": luck.wins(config.margin),
            "luck_within": luck.within(0.95),
            "best_above_mean": best_of(alone, k) - alone.mean(),
            "false_alarms": luck.surely.mean() if k > 1 else None,
        }
        for k, luck in lucks.items()
    ]
    chance = float(np.sqrt(alone.mean() * (1 - alone.mean()) / size))
    numbers = {
        "spread": [
            {"what_differs": name} | deviation_interval(of)._asdict() | {"from": of.min(), "to": of.max()}
            for name, of in tested.items()
        ],
        "deviation_of_the_test_examples": chance,
        "margin": config.margin,
        "comparisons": table,
        "seeds_needed": seeds_needed(alone, config.margin),
    }
    pictures = {
        "spread": Picture(spread_figure(tested, 1 / size), SPREAD.format(count=config.seeds)),
        "luck": Picture(luck_figure(lucks, config.margin, 1 / size), LUCK),
        "seeds": Picture(by_seeds(config, table), SEEDS),
    }
    return Shown(pictures, numbers)


def by_seeds(config: Config, table: list[dict]) -> Any:
    """The table of comparisons as lines."""
    claimed = f"{100 * config.margin:g} points"
    options = {"logarithmic": "x", "xlabel": "seeds of each", "ticks": config.groups}
    share = {"beats_itself": f"by {claimed}", "false_alarms": "the interval\nsays so"}
    # One seed has no interval, and so raises no alarm: a gap in the line.
    percent = lambda name, value: value if name == "seeds" else np.nan if value is None else 100 * value
    points = [{name: percent(name, value) for name, value in line.items()} for line in table]
    distance = {"luck_within": "95% of luck\nlies within", "best_above_mean": "best seed\nabove mean"}
    panels = [
        table_panel("a setting beats itself, %", points, "seeds", share, limits=(0, None), **options),
        table_panel("points of accuracy", points, "seeds", distance, limits=(0, None), **options),
    ]
    return panels_figure(panels)


SPREAD = (
    "{count} trainings of one setting. Above they differ in nothing but the seed: the first weights and the "
    "order of the examples. Below each also learns examples of its own."
)
LUCK = "The same setting against itself, in groups of a few seeds: how far apart the two means come to lie."
SEEDS = (
    "Left: how often a setting is found better than itself, by a margin or by its interval. Right: the "
    "difference below which 95% of all luck lies, and what picking the best seed adds."
)
