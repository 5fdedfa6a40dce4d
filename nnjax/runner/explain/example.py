"""One example of a run, and the steps of its training at which it is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.explain.ledger import example_batch
from nnjax.runner.explain.states import State, Training, known_states, replay
from nnjax.runner.run_folder import read_lines
from nnjax.training.engine import steps_per_epoch
from nnjax.types import Batch, Dataset

FRAMES = 12  # steps to look at, where none are asked for
REPLAY_WORK = 3e9  # weights times examples of all steps: above this, a training is not run again for pictures
PARTS = ("train", "valid", "test")


class Example(NamedTuple):
    """One example, and T states of the training.

    Attributes:
        name: Of the run.
        part: Which part of the data it is from.
        index: Its row there.
        size: How many examples the part has.
        shape: The shape of its inputs.
        truth: What it is, in words.
        dataset: The part.
        batch: It, as the batch of one that a loss takes.
        states: The T states.
        rows: The row of metrics.jsonl of each state, or {}.
        epochs: The epoch of each state.
        apart: Step to how far a replay ended from the checkpoint there; 0 means bit for bit equal.
    """

    name: str
    part: str
    index: int
    size: int
    shape: tuple[int, ...]
    truth: str
    dataset: Dataset
    batch: Batch
    states: list[State]
    rows: list[Mapping[str, Any]]
    epochs: list[float]
    apart: dict[int, float]


def choose(
    training: Training, step: int | None = None, example: int = 0, part: str = "", frames: int = FRAMES
) -> Example:
    """An example and up to `frames` states of the training; the arguments are those of `look_at`.

    Raises:
        ConfigError: The step, the part or the example is not there.
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
    per_epoch = steps_per_epoch(len(training.splits.train), training.plan.batch_size)
    rows = {row["step"]: row for row in read_lines(training.folder / "metrics.jsonl") if "train_loss" in row}
    return Example(
        name=training.described["name"],
        part=part,
        index=example,
        size=len(dataset),
        shape=tuple(np.shape(jax.tree.leaves(batch.inputs)[0])[1:]),
        truth=truth_of(dataset, batch.targets),
        dataset=dataset,
        batch=batch,
        states=states,
        rows=[rows.get(state.step, {}) for state in states],
        epochs=[state.step / per_epoch for state in states],
        apart=found.apart,
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


def frame_of(example: Example, step: int | None) -> int:
    """Which of the T states is that of a step; the last where it is None."""
    return next((i for i, state in enumerate(example.states) if state.step == step), len(example.states) - 1)
