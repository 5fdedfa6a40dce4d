"""Three questions about fitting a line, each answered by a table: what work, which digits, what degree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnjax.errors import ConfigError
from nnjax.training.line_fit import (
    condition_number,
    descend,
    gradient_cost,
    least_squares,
    mean_squared_cost,
    normal_equations,
    step_limit,
)

Table = list[dict[str, Any]]
GRID = 11  # values of each parameter that brute force tries


def work_by_dimension(dimensions: Sequence[int], examples: int = 256, seed: int = 0) -> Table:
    """What each solver needs until 1% of the way down is left, as the inputs grow in number.

    The target follows the first input alone, with a little noise; the others are there to be ruled out.
    The two descents are trainings of the engine; the grid is counted, not tried.

    Args:
        dimensions: Numbers of inputs D, rising.
        examples: N.
        seed: Decides the data.

    Returns:
        A row a dimension: "parameters", and for "grid", "descent", "stochastic" and "least_squares" the
        "..._operations" (multiply-adds) and, but for the last, the "..._evaluations" of the cost or its
        gradient, counted in passes over all examples.
    """
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((examples, max(dimensions)))
    targets = inputs[:, 0] + 0.1 * rng.standard_normal(examples)
    start = np.zeros(inputs.shape[1] + 1)
    half = [step_limit(inputs[:, :d]) / 2 for d in dimensions]
    small = [0.3 / (d + 1) for d in dimensions]
    full = descend(inputs, targets, start, 100, learning_rate=half, dimension=dimensions)
    single = descend(inputs, targets, start, 2000, 1, learning_rate=small, dimension=dimensions)
    table = []
    for i, d in enumerate(dimensions):
        best = least_squares(inputs[:, :d], targets)
        costs = [mean_squared_cost(inputs, targets, ways[i]) for ways in (full, single)]
        steps, examples_seen = (steps_to(way, best.cost) for way in costs)
        table.append(
            {
                "parameters": d + 1,
                "grid_evaluations": float(GRID) ** (d + 1),
                "descent_evaluations": steps,
                "stochastic_evaluations": examples_seen / examples,
                "grid_operations": float(GRID) ** (d + 1) * examples * (d + 1),
                "descent_operations": gradient_cost(examples, d, steps),
                "stochastic_operations": gradient_cost(1, d, examples_seen),
                "least_squares_operations": best.operations,
            }
        )
    return table


def digits_by_condition(distances: Sequence[float], examples: int = 60, seed: int = 0) -> Table:
    """How wrong QR and the normal equations are when two inputs are nearly one.

    The second input is the first plus `distance` times another; the target is such that all parameters are 1.

    Returns:
        A row a distance: "condition" (of X, the root of that of the Hessian), "qr" and
        "normal_equations", the largest errors of a parameter.

    >>> table = digits_by_condition([1.0, 1e-5])
    >>> [table[1][name] < 1e-10 for name in ("qr", "normal_equations")]
    [True, False]
    """
    first, other = np.random.default_rng(seed).standard_normal((2, examples))
    table = []
    for distance in distances:
        inputs = np.stack([first, first + distance * other], axis=1)
        row = {"condition": float(np.sqrt(condition_number(inputs)))}
        for name, solve in {"qr": least_squares, "normal_equations": normal_equations}.items():
            row[name] = float(np.abs(solve(inputs, inputs.sum(axis=1) + 1).parameters - 1).max())
        table.append(row)
    return table


def errors_by_degree(train: tuple[Any, Any], valid: tuple[Any, Any], degrees: Sequence[int]) -> Table:
    """Grid search: each degree of a polynomial, a hyperparameter, has its coefficients, parameters, fitted.

    Args:
        train: x and y, [N] each: the coefficients are fitted to them.
        valid: x and y that only judge.
        degrees: The degrees to try.

    Returns:
        A row a degree: "degree", "training" and "validation" (mean squared errors), and "parameters".

    >>> line, parabola = errors_by_degree(([0, 1, 2], [0, 1, 4]), ([3], [9]), [1, 2])
    >>> round(line["validation"], 3), round(parabola["validation"], 9)
    (11.111, 0.0)
    """
    table = []
    for degree in degrees:
        found = least_squares(powers(train[0], degree), train[1])
        off = mean_squared_cost(powers(valid[0], degree), valid[1], found.parameters)
        row = {"degree": degree, "training": found.cost, "validation": float(off)}
        table.append(row | {"parameters": found.parameters})
    return table


def powers(x: Any, degree: int) -> np.ndarray:
    """x, x^2, ..., x^degree as inputs [N, degree]: a line through them is a polynomial in x.

    >>> powers([2.0, 3.0], 3).tolist()
    [[2.0, 4.0, 8.0], [3.0, 9.0, 27.0]]
    """
    return np.asarray(x, np.float64).reshape(-1)[:, None] ** np.arange(1, degree + 1)


def steps_to(costs: Any, minimum: float, share: float = 0.01) -> int:
    """The first step at which a descent has only `share` of its way down left.

    Args:
        costs: J at the start and after each step, [S + 1].
        minimum: The smallest J there is.
        share: Which part of J(start) - minimum is left.

    Raises:
        ConfigError: If it never gets there.

    >>> steps_to([5.0, 3.0, 1.1, 1.03], 1.0)
    3
    """
    costs = np.asarray(costs, np.float64)
    there = np.flatnonzero(costs - minimum <= share * (costs[0] - minimum))
    if not len(there):
        raise ConfigError(f"the descent of {len(costs) - 1} steps is too short: more than {share:g} is left")
    return int(there[0])
