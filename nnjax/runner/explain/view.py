"""One example of one run, at several steps: everything that the terminal and the page show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnjax.runner.explain.example import FRAMES, Example, choose
from nnjax.runner.explain.formulas import COSTS
from nnjax.runner.explain.ledger import (
    Formulas,
    Numbers,
    Residuals,
    activations,
    measure,
    recognise,
    residuals,
)
from nnjax.runner.explain.states import Training
from nnjax.types import Dataset


class View(NamedTuple):
    """What is explained.

    Attributes:
        example: Which example, and the T states.
        classes: The names of the outputs, or none.
        activation: The activation of each layer, [T, M_1], ...
        numbers: The network's own.
        formulas: What they were recognised as.
        residuals: How far they are from what was recomputed.
    """

    example: Example
    classes: tuple[str, ...]
    activation: list[np.ndarray]
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
            return f"{self.numbers.names[layer - 1]} neuron {i}"
        if len(self.example.shape) == 2 and math.prod(self.example.shape) == self.sizes[0]:
            return "pixel {},{}".format(*np.unravel_index(i, self.example.shape))
        return f"input {i}"

    def neuron_name(self, layer: int, j: int) -> str:
        """One neuron; an output with its class."""
        known = layer == len(self.sizes) - 2 and len(self.classes) == self.sizes[-1]
        return f"{self.numbers.names[layer]} neuron {j}" + (f' ("{self.classes[j]}")' if known else "")


def look_at(
    training: Training,
    step: int | None = None,
    example: int = 0,
    part: str = "",
    frames: int = FRAMES,
    names: Sequence[str] | None = None,
) -> View:
    """Takes one example through the dense layers of a network at several steps of its training.

    Args:
        training: The run.
        step: A step that must be among them; None means the last.
        example: A row of the part.
        part: "train", "valid" or "test"; "" means the training part.
        frames: At most so many steps; those that are saved come first.
        names: The dense layers; None means all of an MLP.

    Raises:
        ConfigError: The step, the part or the example is not there, or the network is no MLP.
    """
    found = choose(training, step, example, part, frames)
    numbers = measure(training.task, [state.params for state in found.states], found.batch, names)
    formulas = recognise(numbers, found.batch.targets)
    return View(
        example=found,
        classes=outputs_named(found.dataset, formulas, numbers.aggregations[-1].shape[1]),
        activation=activations(numbers, formulas),
        numbers=numbers,
        formulas=formulas,
        residuals=residuals(numbers, formulas),
    )


def outputs_named(dataset: Dataset, formulas: Formulas, outputs: int) -> tuple[str, ...]:
    """The classes, where there is one output for each; of a single sigmoid the class that it speaks for."""
    if formulas.cost == "binary_cross_entropy" and len(dataset.classes) == 2:
        return dataset.classes[1:]
    return dataset.classes if len(dataset.classes) == outputs else ()
