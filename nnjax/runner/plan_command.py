"""`nnjax plan`: what a training would take, before anything trains."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnjax.data.checks import check_splits
from nnjax.errors import ConfigError
from nnjax.runner.configure import configure
from nnjax.runner.experiment_module import load_experiment
from nnjax.runner.flags import parse
from nnjax.training.cost import LayerCost, cost_table
from nnjax.training.evaluate import part_of
from nnjax.training.fit import with_layout
from nnjax.training.member import Data, new_member
from nnjax.training.memory import devices_of, free_bytes, in_words, needed_bytes, too_large
from nnjax.training.train import compile_with
from nnjax.types import Plan, Task

PRODUCT = 1024  # rows and columns of the matrices whose product is timed
TIMES = 5
PASSES = 3  # a step is a forward pass and two products as large for each layer's gradients
BEST_OF_A_STEP = 3  # how much slower than its products a step may well be


class Forecast(NamedTuple):
    """What a training would take.

    Attributes:
        table: Its layers.
        parameters: Bytes of the parameters.
        state: Bytes of what is held from step to step besides: the optimiser's state, the best parameters.
        data: Bytes of the images or tables, a copy for each device.
        working: Bytes of what a step holds for a while: gradients and activations, from the compiled program.
        free: Bytes that this process can still have; None where nothing says.
        steps: How many.
        seconds: Of a step at the machine's rate of matrix products, which is the least that it can take.
    """

    table: list[LayerCost]
    parameters: int
    state: int
    data: int
    working: int
    free: int | None
    steps: int
    seconds: float

    @property
    def needed(self) -> int:
        """All bytes."""
        return self.parameters + self.state + self.data + self.working


def plan_experiment(path: str | Path, words: Sequence[str] = ()) -> Forecast:
    """Prints what the training of an experiment would take, and trains nothing.

    Args:
        path: The experiment's file.
        words: Its flags.

    Raises:
        ConfigError: A flag is wrong, or the experiment has no training of its own.
        DataError: The data cannot be trained on.
        OutOfMemoryError: It does not fit in memory; the message has a batch size that does.
    """
    configure()
    experiment = load_experiment(Path(path))
    config = parse(experiment.Config, words, f"nnjax plan {experiment.name}", experiment.about)
    if not experiment.trains:
        raise ConfigError(f"{experiment.name} is a chapter that shows things: it has no training to plan")
    splits = experiment.data(config)
    check_splits(splits)
    hyper = {name: np.float32(value) for name, value in experiment.hyper(config).items()}
    task, recipe = experiment.task(config, hyper), experiment.recipe(config)
    plan = with_layout(experiment.plan(config, splits), task.net, splits.train, "auto")
    data = Data(part_of(splits.train), None if splits.valid is None else part_of(splits.valid))
    shapes = jax.eval_shape(lambda: new_member(recipe, jnp.uint32(0), hyper))._replace(hyper=hyper)

    def compile_for(other: Plan) -> Any:
        return compile_with(recipe, data, shapes, other)

    forecast = forecast_of(task, plan, data, shapes, compile_for(plan))
    print(in_lines(experiment.name, plan, forecast))
    if forecast.free is not None and forecast.needed > forecast.free:
        # What is held anyhow is not there for a step, whatever its batch size.
        raise too_large(
            plan, forecast.working, forecast.free - forecast.needed + forecast.working, compile_for
        )
    return forecast


def forecast_of(task: Task, plan: Plan, data: Data, member: Any, compiled: Any) -> Forecast:
    """The forecast of a compiled training."""
    table, copies = cost_table(task.net, member.params, data.train.inputs), devices_of(plan)
    work = PASSES * plan.batch_size * sum(row.multiply_adds for row in table)
    lean = 0 if plan.looped or data.valid is not None else bytes_of(member.best_params)
    parameters = bytes_of(member.params) * copies
    return Forecast(
        table,
        parameters,
        (bytes_of(member) - lean) * copies - parameters,
        bytes_of(data) * copies,
        needed_bytes(compiled, plan),
        free_bytes(),
        plan.segments * plan.segment_steps,
        work / product_rate(),
    )


def bytes_of(tree: Any) -> int:
    """The bytes of all arrays in a tree of arrays or of their shapes."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if hasattr(leaf, "dtype")]
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in leaves)


def product_rate() -> float:
    """Multiply-adds a second of a float32 matrix product on this machine: the best of a few, in a moment."""
    a, product = jnp.ones((PRODUCT, PRODUCT)), jax.jit(jnp.matmul)
    jax.block_until_ready(product(a, a))
    spent = []
    for _ in range(TIMES):
        began = time.perf_counter()
        jax.block_until_ready(product(a, a))
        spent.append(time.perf_counter() - began)
    return PRODUCT**3 / min(spent)


def in_lines(name: str, plan: Plan, forecast: Forecast) -> str:
    """The forecast as it is printed."""
    rows: list[tuple[str, ...]] = [("layer", "parameters", "multiply-adds", "output", "arrays")]
    for row in forecast.table:
        rows.append((row.layer, f"{row.parameters:,}", f"{row.multiply_adds:,}", row.output, row.weights))
    totals = [sum(getattr(row, of) for row in forecast.table) for of in ("parameters", "multiply_adds")]
    rows.append(("all", *(f"{total:,}" for total in totals), "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    left, right, more, out = widths
    lines = [f"{a:<{left}}  {b:>{right}}  {c:>{more}}  {d:<{out}}  {e}" for a, b, c, d, e in rows]
    pieces = f" in {plan.pieces} pieces" if plan.pieces > 1 else ""
    devices = f"{plan.devices} devices" if plan.devices > 1 else "one device"
    least, most = forecast.seconds, BEST_OF_A_STEP * forecast.seconds
    free = "unknown" if forecast.free is None else in_words(forecast.free)
    lines += [
        "",
        f"{name}: {forecast.steps:,} steps of {plan.batch_size} examples{pieces}, on {devices}",
        f"memory: parameters {in_words(forecast.parameters)}, optimiser and best parameters "
        f"{in_words(forecast.state)}, data {in_words(forecast.data)}, gradients and activations "
        f"{in_words(forecast.working)}; in all {in_words(forecast.needed)}, free {free}",
        f"time, roughly: {span(least, most)} a step, {span(least * forecast.steps, most * forecast.steps)} "
        "in all, without validation; from the multiply-adds and this machine's matrix product just now",
    ]
    return "\n".join(line.rstrip() for line in lines)


def span(least: float, most: float) -> str:
    """Two times in one unit.

    >>> span(0.004, 0.012), span(200.0, 600.0)
    ('4.0 to 12 ms', '3.3 to 10 min')
    """
    units = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3}
    unit = next((unit for unit, size in units.items() if most >= size), "ms")
    low, high = (f"{time / units[unit]:.{0 if time >= 10 * units[unit] else 1}f}" for time in (least, most))
    return f"{low} to {high} {unit}"
