"""Fitting a line, y = x w + b: one cost, and what each way to its minimum needs.

    J(w, b) = mean_n (x_n w + b - t_n)^2

is a paraboloid over the P = D + 1 parameters, so everything about it can be computed: its minimum, its
curvature, and with it the largest learning rate at which gradient descent still converges. The closed forms
are NumPy in double precision; `descend` is the engine that trains the big nets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from nnjax.errors import ConfigError, DataError
from nnjax.models.perceptron import perceptron
from nnjax.training.losses import per_example, squared_error
from nnjax.training.trajectory import trajectories
from nnjax.types import Dataset, Hyper, Net, Plan, Splits, Task

GRID_BLOCK = 1 << 14  # grid points whose cost is computed at once


class Solution(NamedTuple):
    """What a solver found, and what it took.

    Attributes:
        parameters: [D + 1]: the weights w, then the bias b.
        cost: J there.
        evaluations: How often J, or its gradient, was computed over all examples.
        operations: Multiplications with their addition, about.
    """

    parameters: np.ndarray
    cost: float
    evaluations: int
    operations: int


def with_ones(inputs: Any) -> np.ndarray:
    """The design matrix [N, D + 1]: the inputs, and the bias's input, which is always 1.

    >>> with_ones([[3.0], [5.0]]).tolist()
    [[3.0, 1.0], [5.0, 1.0]]
    """
    x = np.asarray(inputs, np.float64)
    if x.ndim != 2 or not len(x):
        raise DataError(f"a line is fitted to inputs [N, D] with N at least 1, got {list(x.shape)}")
    return np.hstack([x, np.ones((len(x), 1))])


def mean_squared_cost(inputs: Any, targets: Any, parameters: Any) -> np.ndarray:
    """J at many points at once.

    Args:
        inputs: [N, D].
        targets: [N] or [N, 1].
        parameters: [..., D + 1].

    Returns:
        [...].

    >>> mean_squared_cost([[0.0], [1.0]], [1.0, 3.0], [[2.0, 1.0], [2.0, 0.0]]).tolist()
    [0.0, 1.0]
    """
    x, t = with_ones(inputs), np.asarray(targets, np.float64).reshape(-1)
    errors = np.asarray(parameters, np.float64) @ x.T - t
    return np.mean(np.square(errors), axis=-1)


def hessian(inputs: Any) -> np.ndarray:
    """The second derivatives of J, [P, P]: (2 / N) X^T X, the same at every point.

    >>> hessian([[-1.0], [1.0]]).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    x = with_ones(inputs)
    return 2 / len(x) * x.T @ x


def curvatures(inputs: Any) -> np.ndarray:
    """The eigenvalues of the Hessian [P], the smallest first: how J bends along each of its axes."""
    return 2 / len(np.asarray(inputs)) * np.linalg.svd(with_ones(inputs), compute_uv=False)[::-1] ** 2


def step_limit(inputs: Any) -> float:
    """2 / L, L the largest curvature: below this learning rate gradient descent converges, above it diverges.

    Along an axis of curvature c a step multiplies the distance from the minimum by 1 - learning_rate c,
    and that lies between -1 and 1 for all axes only below 2 / L.

    >>> step_limit([[-1.0], [1.0]]).__round__(12)
    1.0
    """
    return float(2 / curvatures(inputs)[-1])


def guaranteed_rate(dimension: int) -> float:
    """A learning rate below which gradient descent converges on any D standardised inputs: 1 / max(D, 1).

    With mean 0 and deviation 1 the Hessian is 2 for the bias beside 2 times the correlations of the inputs,
    whose trace is D: no curvature exceeds 2 max(D, 1). Raw inputs allow no such promise.

    >>> guaranteed_rate(10)
    0.1
    """
    return 1 / max(dimension, 1)


def condition_number(inputs: Any) -> float:
    """The largest curvature over the smallest: how long and narrow the valley of J is; 1 is round.

    >>> condition_number([[-3.0], [3.0]]).__round__(6)
    9.0
    """
    found = curvatures(inputs)
    return float(found[-1] / found[0]) if found[0] > 0 else float("inf")


def brute_force(inputs: Any, targets: Any, low: Any, high: Any, points: int) -> Solution:
    """Tries every point of a grid: points^P costs, each N P operations.

    Args:
        inputs: [N, D].
        targets: [N] or [N, 1].
        low: The smallest value of each parameter, [P], or one for all.
        high: The largest.
        points: How many values of each parameter.

    Raises:
        ConfigError: If there are fewer than two points.

    >>> brute_force([[0.0], [1.0]], [1.0, 3.0], 0.0, 3.0, 4).parameters.tolist()
    [2.0, 1.0]
    """
    if points < 2:
        raise ConfigError(f"a grid wants at least 2 points along each side, got {points}")
    n, p = with_ones(inputs).shape
    best, parameters = np.inf, np.zeros(p)
    for start in range(0, points**p, GRID_BLOCK):
        tried = grid_points(low, high, points, p, start, start + GRID_BLOCK)
        costs = mean_squared_cost(inputs, targets, tried)
        if costs.min() < best:
            best, parameters = float(costs.min()), tried[costs.argmin()]
    return Solution(parameters, best, points**p, points**p * n * p)


def grid_points(
    low: Any, high: Any, points: int, count: int, start: int = 0, stop: int | None = None
) -> np.ndarray:
    """The points of a grid over P parameters, numbers `start` to `stop` of points^P: [G, P].

    >>> grid_points(0.0, (1.0, 3.0), 2, 2).tolist()
    [[0.0, 0.0], [0.0, 3.0], [1.0, 0.0], [1.0, 3.0]]
    """
    axes = np.linspace(np.broadcast_to(low, count), np.broadcast_to(high, count), points)
    numbers = np.arange(start, min(stop or points**count, points**count))
    return np.take_along_axis(axes, np.stack(np.unravel_index(numbers, (points,) * count), axis=-1), axis=0)


def least_squares(inputs: Any, targets: Any) -> Solution:
    """The minimum in closed form: X = Q R with orthonormal Q and triangular R, so R (w, b) = Q^T t.

    No cost is evaluated, and no X^T X is formed, which would square the condition number.

    Raises:
        DataError: If the inputs do not decide the parameters: too few examples, or one input that follows
            from others.

    >>> least_squares([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).parameters.round(12).tolist()
    [2.0, 1.0]
    """
    x, t = with_ones(inputs), np.asarray(targets, np.float64).reshape(-1)
    n, p = x.shape
    q, r = np.linalg.qr(x)
    diagonal = np.abs(np.diag(r))
    if n < p or diagonal.min() <= np.finfo(float).eps * n * diagonal.max():
        raise DataError(f"{n} examples of {p - 1} inputs do not decide a bias and {p - 1} weights")
    parameters = _back_substitution(r, q.T @ t)
    operations = n * p**2 - p**3 // 3 + n * p + p**2 // 2
    return Solution(parameters, float(mean_squared_cost(inputs, t, parameters)), 0, operations)


def normal_equations(inputs: Any, targets: Any) -> Solution:
    """The minimum from X^T X (w, b) = X^T t: half the work of QR, and half its digits.

    The condition number of X^T X is the square of that of X, so that of the 16 digits of double precision
    twice as many are lost; for comparison only.

    Raises:
        DataError: If X^T X is singular in double precision.

    >>> normal_equations([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).parameters.round(12).tolist()
    [2.0, 1.0]
    """
    x, t = with_ones(inputs), np.asarray(targets, np.float64).reshape(-1)
    n, p = x.shape
    try:
        parameters = np.linalg.solve(x.T @ x, x.T @ t)
    except np.linalg.LinAlgError as error:
        raise DataError(f"X^T X of {n} examples and {p} parameters is singular") from error
    operations = n * p**2 // 2 + p**3 // 3 + n * p
    return Solution(parameters, float(mean_squared_cost(inputs, t, parameters)), 0, operations)


def descend(
    inputs: Any,
    targets: Any,
    start: Any,
    steps: int,
    batch_size: int | None = None,
    *,
    learning_rate: float | Sequence[float],
    decay: float = 0.0,
    dimension: Sequence[int] | None = None,
) -> np.ndarray:
    """Gradient descent on J, by the engine: one neuron without activation, with every step kept.

    Args:
        inputs: [N, D].
        targets: [N] or [N, 1].
        start: [D + 1], the weights and the bias before the first step.
        steps: S (static).
        batch_size: Examples a step (static): N or None is gradient descent, 1 the purest stochastic one.
        learning_rate: One, or one for each of R descents, which run side by side.
        decay: The rate of step s is learning_rate / (1 + decay s).
        dimension: For each descent, how many of the inputs it sees; None means all.

    Returns:
        The parameters at the start and after each step, [R, S + 1, D + 1].

    >>> descend([[-1.0], [1.0]], [-1.0, 3.0], [0.0, 0.0], 1, learning_rate=0.5)[0].tolist()
    [[0.0, 0.0], [2.0, 1.0]]
    """
    x = np.asarray(inputs, np.float32)
    t = np.asarray(targets, np.float32).reshape(-1, 1)
    first = np.asarray(start, np.float32)
    net, places = perceptron(x.shape[1]), np.arange(x.shape[1])

    def recipe(hyper: Hyper) -> Task:
        rate = lambda step: hyper["learning_rate"] / (1 + decay * step)
        seen = places[None] < hyper["dimension"]
        params = {"layer_0": {"weights": jnp.asarray(first[:-1, None]), "bias": jnp.asarray(first[-1:])}}
        apply = lambda params, inputs, **options: net.apply(params, jnp.where(seen, inputs, 0), **options)
        return Task(Net(lambda key: params, apply), per_example(squared_error), optax.sgd(rate))

    plan = Plan(steps, segment_steps=1, batch_size=min(batch_size or len(x), len(x)), monitor="train_loss")
    hyper = {"learning_rate": learning_rate, "dimension": dimension or x.shape[1]}
    layer = trajectories(recipe, plan, Splits(Dataset(x, t)), hyper=hyper).params["layer_0"]
    return np.concatenate([layer["weights"][..., 0], layer["bias"]], axis=-1).astype(np.float64)


def descended(inputs: Any, targets: Any, way: Any, batch_size: int) -> Solution:
    """Where a descent ended, and what it took: the gradients are counted in passes over all N examples.

    Args:
        inputs: [N, D].
        targets: [N] or [N, 1].
        way: One descent, [S + 1, D + 1].
        batch_size: Its examples a step.
    """
    x, steps = with_ones(inputs), len(way) - 1
    cost = float(mean_squared_cost(inputs, targets, way[-1]))
    evaluations = steps * batch_size // len(x)
    return Solution(way[-1], cost, evaluations, gradient_cost(batch_size, x.shape[1] - 1, steps))


def as_row(solution: Solution) -> dict[str, Any]:
    """A solution of one input as the row of a table: w, b, and what it took."""
    w, b = (float(value) for value in solution.parameters)
    return {"w": w, "b": b} | solution._asdict() | {"parameters": 2}


def gradient_cost(examples: int, dimension: int, steps: int) -> int:
    """The operations of `steps` gradients over `examples` with D inputs: two products of N P each.

    >>> gradient_cost(100, 1, 10)
    4000
    """
    return 2 * examples * (dimension + 1) * steps


def _back_substitution(r: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solves R y = right, R upper triangular, from the last row up."""
    y = np.zeros_like(right)
    for i in reversed(range(len(right))):
        y[i] = (right[i] - r[i, i + 1 :] @ y[i + 1 :]) / r[i, i]
    return y
