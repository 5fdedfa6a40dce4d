"""One example of one run, at several steps: everything that the terminal and the page show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.explain.formulas import COSTS
from nnjax.runner.explain.ledger import (
    Formulas,
    Numbers,
    Residuals,
    activations,
    example_batch,
    measure,
    recognise,
    residuals,
)
from nnjax.runner.explain.states import State, Training, known_states, replay
from nnjax.runner.run_folder import read_lines
from nnjax.training.engine import steps_per_epoch
from nnjax.types import Dataset

FRAMES = 12  # steps to look at, where none are asked for
REPLAY_WORK = 3e9  # weights times examples of all steps: above this, a training is not run again for pictures
PARTS = ("train", "valid", "test")


class View(NamedTuple):
    """What is explained.

    Attributes:
        name: Of the run.
        part: Which part of the data the example is from.
        index: Its row there.
        size: How many examples the part has.
        shape: The shape of its inputs.
        classes: The names of the outputs, or none.
        truth: What it is, in words.
        activation: The activation of each layer, [T, M_1], ...
        states: The T states.
        rows: The row of metrics.jsonl of each state, or {}.
        epochs: The epoch of each state.
        apart: Step to how far a replay ended from the checkpoint there; 0 means bit for bit equal.
        numbers: The network's own.
        formulas: What they were recognised as.
        residuals: How far they are from what was recomputed.
    """

    name: str
    part: str
    index: int
    size: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    truth: str
    activation: list[np.ndarray]
    states: list[State]
    rows: list[Mapping[str, Any]]
    epochs: list[float]
    apart: dict[int, float]
    numbers: Numbers
    formulas: Formulas
    residuals: Residuals

    @property
    def sizes(self) -> list[int]:
        """D, M_1, ..., M_L."""
        return [self.numbers.inputs[0].shape[1], *(z.shape[1] for z in self.numbers.aggregations)]

    @property
    def output_formula(self) -> str:
        """What the last layer's aggregation becomes, in plain text."""
        return COSTS[self.formulas.cost].output_formula if self.formulas.cost else "a = z"

    def input_name(self, layer: int, i: int) -> str:
        """What goes into a layer at place `i`."""
        if layer > 0:
            return f"layer_{layer - 1} neuron {i}"
        if len(self.shape) == 2:
            return "pixel {},{}".format(*np.unravel_index(i, self.shape))
        return f"input {i}"

    def neuron_name(self, layer: int, j: int) -> str:
        """One neuron; an output with its class."""
        known = layer == len(self.sizes) - 2 and len(self.classes) == self.sizes[-1]
        return f"layer_{layer} neuron {j}" + (f' ("{self.classes[j]}")' if known else "")


def look_at(
    training: Training, step: int | None = None, example: int = 0, part: str = "", frames: int = FRAMES
) -> View:
    """Takes one example through the network at several steps of its training.

    Args:
        training: The run.
        step: A step that must be among them; None means the last.
        example: A row of the part.
        part: "train", "valid" or "test"; "" means the training part.
        frames: At most so many steps; those that are saved come first.

    Raises:
        ConfigError: The step, the part or the example is not there, or the network is no MLP.
    """
    part = part or "train"
    dataset = getattr(training.splits, part, None) if part in PARTS else None
    if dataset is None:
        there = [name for name in PARTS if getattr(training.splits, name) is not None]
        raise ConfigError(f"--part wants one of {', '.join(there)}, got {part}")
    if not 0 <= example < len(dataset):
        raise ConfigError(f"--example wants one of the {len(dataset)} rows of {part}, from 0; got {example}")
    found = replay(training, steps_to_show(training, step, frames))
    states = list(found.states.values())
    batch = example_batch(dataset, example)
    numbers = measure(training.task, [state.params for state in states], batch)
    formulas = recognise(numbers, batch.targets)
    per_epoch = steps_per_epoch(len(training.splits.train), training.plan.batch_size)
    rows = {row["step"]: row for row in read_lines(training.folder / "metrics.jsonl") if "train_loss" in row}
    return View(
        name=training.described["name"],
        part=part,
        index=example,
        size=len(dataset),
        shape=tuple(np.shape(jax.tree.leaves(batch.inputs)[0])[1:]),
        classes=outputs_named(dataset, formulas, numbers.aggregations[-1].shape[1]),
        truth=truth_of(dataset, batch.targets),
        activation=activations(numbers, formulas),
        states=states,
        rows=[rows.get(state.step, {}) for state in states],
        epochs=[state.step / per_epoch for state in states],
        apart=found.apart,
        numbers=numbers,
        formulas=formulas,
        residuals=residuals(numbers, formulas),
    )


def steps_to_show(training: Training, step: int | None, frames: int) -> list[int]:
    """The step that was asked for, the start, what is saved, and others between, denser at the beginning.

    Others only where the whole training is cheap enough to be run again. Their steps are ends of segments.
    """
    last = training.last
    chosen = {last if step is None else step}
    if step is not None and not 0 <= step <= last:
        raise ConfigError(f"--step wants one of this run's steps, 0 to {last}, got {step}")
    for saved in sorted(known_states(training), key=lambda s: (s not in (0, last), s)):
        if len(chosen) < frames:
            chosen.add(saved)
    leaves = jax.tree.leaves(jax.eval_shape(training.task.net.init, jax.random.key(0)))
    work = last * training.plan.batch_size * sum(leaf.size for leaf in leaves)
    if training.repeatable and work <= REPLAY_WORK:
        spaced = between(last, training.plan.segment_steps, frames - len(chosen))
        chosen |= set(spaced[: max(0, frames - len(chosen))])
    return sorted(chosen)


def between(last: int, segment_steps: int, count: int) -> list[int]:
    """Up to `count` ends of segments before `last`, spaced by a growing factor.

    >>> between(100, 5, 4)
    [5, 10, 20, 45]
    """
    segments = last // segment_steps
    if segments < 2 or count < 1:
        return []
    powers = [segments ** (i / count) for i in range(count)]
    return sorted({min(round(power), segments - 1) * segment_steps for power in powers})[:count]


def outputs_named(dataset: Dataset, formulas: Formulas, outputs: int) -> tuple[str, ...]:
    """The classes, where there is one output for each; of a single sigmoid the class that it speaks for."""
    if formulas.cost == "binary_cross_entropy" and len(dataset.classes) == 2:
        return dataset.classes[1:]
    return dataset.classes if len(dataset.classes) == outputs else ()


def truth_of(dataset: Dataset, targets: Any) -> str:
    """What an example is, in words."""
    target = np.asarray(targets)[0]
    if target.ndim == 0 and target.dtype.kind in "iu":
        return dataset.classes[int(target)] if int(target) < len(dataset.classes) else str(target)
    return ", ".join(f"{value:.6g}" for value in target.reshape(-1)[:8])


def epoch_text(epoch: float) -> str:
    """An epoch, whole where it is.

    >>> epoch_text(3.0), epoch_text(2.25)
    ('3', '2.25')
    """
    return str(int(epoch)) if math.isclose(epoch, round(epoch)) else f"{epoch:.2f}"


def frame_of(view: View, step: int | None) -> int:
    """Which of the T states is that of a step; the last where it is None."""
    return next((i for i, state in enumerate(view.states) if state.step == step), len(view.states) - 1)
