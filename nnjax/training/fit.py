"""`fit`: the common case, from a network and its data to trained parameters, in one call."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from nnjax.data.checks import check_splits
from nnjax.errors import ConfigError
from nnjax.training.buckets import check_buckets, length_buckets, lengths_of
from nnjax.training.cost import multiply_adds
from nnjax.training.engine import place, row_names, steps_per_epoch
from nnjax.training.evaluate import evaluate, part_of, predict
from nnjax.training.layout import choose_layout, choose_looped
from nnjax.training.losses import PerExample, cross_entropy
from nnjax.training.member import Data, Member, Part
from nnjax.training.metrics import accuracy
from nnjax.training.progress import Progress
from nnjax.training.sequence_losses import lift
from nnjax.training.train import Chunk, start, train
from nnjax.types import Array, Dataset, Net, Params, Plan, Recipe, Sequences, Splits, Task, no_penalty


class Fitted(NamedTuple):
    """A training that has ended.

    Attributes:
        task: What was learned.
        plan: How.
        params: The parameters to use: those of the best segment end where there was a validation
            part, else the last ones.
        rows: One row a segment: {"step", "epoch", "train_loss", "valid_loss", ...}. The train_*
            numbers are means over the batches as they were drawn, before each step.
        member: The training's whole last state.
        seconds: Wall time: {"compile": ..., "train": ...}.
    """

    task: Task
    plan: Plan
    params: Params
    rows: list[dict[str, Any]]
    member: Member
    seconds: dict[str, float]

    def predict(self, inputs: Any) -> Any:
        """The network's outputs for `inputs` [N, ...]."""
        return predict(self.task.net, self.params, inputs)

    def evaluate(self, dataset: Dataset) -> dict[str, float]:
        """The mean loss and metrics over `dataset`."""
        return evaluate(self.task, self.params, dataset)


def fit(
    net: Net,
    data: Splits | Dataset | tuple[Any, Any],
    *,
    loss: PerExample = cross_entropy,
    optimizer: optax.GradientTransformation | None = None,
    epochs: int = 20,
    batch_size: int = 32,
    seed: int = 0,
    metrics: Mapping[str, PerExample] | None = None,
    penalty: Callable[[Params], Array | float] = no_penalty,
    patience: int | None = None,
    min_delta: float = 0.0,
    monitor: str | None = None,
    layout: str = "auto",
    progress: bool = True,
    on_chunk: Callable[[Chunk], Any] = lambda chunk: None,
) -> Fitted:
    """Trains `net` on `data`.

    Each step lowers sum(w_n * loss_n) / sum(w_n) + penalty(params) over one batch; each epoch
    visits every example once, in an order that is a function of (seed, epoch).

    Args:
        net: The network.
        data: Splits, or a Dataset or a pair (inputs [N, ...], targets [N, ...]) without validation.
        loss: `loss(outputs, targets) -> [N]`; of a net whose outputs are Sequences it is taken at every
            true step, see `per_step`.
        optimizer: Any Optax transformation; None means Adam with a learning rate of 1e-3.
        epochs: Passes over the training part.
        batch_size: Examples a step; the last partial batch of an epoch is trained too.
        seed: Initial parameters, order and dropout follow from it.
        metrics: Name to `metric(outputs, targets) -> [N]`; None means accuracy where targets are labels.
        penalty: Added to the mean loss; see `l1_penalty` and `l2_penalty`.
        patience: Epochs without improvement before stopping; None trains to the end.
        min_delta: How much the monitored value must improve to count.
        monitor: Row entry that decides what is best; None means valid_loss, or train_loss where
            there is no validation. An accuracy is maximised, everything else minimised.
        layout: "one" device, "batch" (sharded over all devices), or "auto" (see `choose_layout`).
        progress: Whether to show it on standard error.
        on_chunk: Called between the chunks of the compiled program.

    Returns:
        The trained parameters with their history.

    Raises:
        ConfigError: If an argument is out of range.
        DataError: If the data cannot be trained on; the message names the row.
        DivergedError: If the loss or the parameters stopped being finite.

    >>> inputs, targets = np.array([[0.0], [1.0]], np.float32), np.array([0, 1])
    >>> from nnjax.models.mlp import mlp
    >>> fitted = fit(mlp((1, 2)), (inputs, targets), epochs=100, progress=False, optimizer=optax.sgd(1.0))
    >>> fitted.predict(inputs).argmax(axis=1).tolist()
    [0, 1]
    """
    splits = as_splits(data)
    task = Task(
        net=net,
        loss=lift(loss),
        optimizer=optimizer or optax.adam(1e-3),
        penalty=penalty,
        metrics={name: lift(f) for name, f in default_metrics(metrics, splits).items()},
    )
    plan = plan_for(splits, epochs, batch_size, patience, min_delta, monitor)
    return fit_task(
        lambda hyper: task, plan, splits, seed, layout=layout, progress=progress, on_chunk=on_chunk
    )


def fit_task(
    recipe: Recipe,
    plan: Plan,
    splits: Splits,
    seed: int = 0,
    hyper: Mapping[str, float] | None = None,
    *,
    layout: str = "auto",
    progress: bool = True,
    on_chunk: Callable[[Chunk], Any] = lambda chunk: None,
    on_compiled: Callable[[float], Any] = lambda seconds: None,
    begun: tuple[Member, Sequence[Mapping[str, Any]]] | None = None,
    **how: Any,
) -> Fitted:
    """Trains what `recipe(hyper)` describes; `fit` and every experiment come through here.

    Args:
        recipe: What is learned, as a function of the hyperparameters.
        plan: How (static).
        splits: The parts; checked on the host first.
        seed: Initial parameters, order and dropout follow from it.
        hyper: Name to number; traced, so that a sweep needs no second compilation.
        layout: "one", "batch" or "auto"; "plan" leaves the plan as it is.
        progress: Whether to show it on standard error.
        on_chunk: Called between the chunks of the compiled program.
        on_compiled: Called once with the seconds that compiling took.
        begun: A training to go on with, and its rows so far; None begins from the seed.
        how: `on_diverged` and `every` of `nnjax.training.train.train`.
    """
    check_splits(splits)
    task = recipe({name: np.float32(value) for name, value in (hyper or {}).items()})
    plan = plan if layout == "plan" else with_layout(plan, task.net, splits.train, layout)
    valid = None if splits.valid is None else part_of(splits.valid)
    data = Data(part_of(splits.train), valid)
    if plan.monitor not in row_names(task, data):
        raise ConfigError(f"monitor wants one of {', '.join(row_names(task, data))}, got {plan.monitor!r}")
    member, before = begun or (start(recipe, plan, seed, hyper), ())
    rows, seconds = [dict(row) for row in before], {"compile": 0.0, "train": 0.0}
    first = int(member.step) // plan.segment_steps

    def compiled(spent: float) -> None:
        seconds["compile"] = spent
        on_compiled(spent)

    with Progress() if progress else contextlib.nullcontext() as shown:

        def seen(chunk: Chunk) -> None:
            rows.extend(chunk.rows)
            seconds["train"] += chunk.seconds
            if shown is not None:
                last = chunk.rows[-1] if chunk.rows else {}
                done, total = chunk.segments - first, plan.segments - first
                shown(last, done, total, chunk.examples, chunk.seconds)
            on_chunk(chunk)

        member = train(recipe, plan, place(plan, data), place(plan, member), seen, compiled, **how)
    params = task.scored(member.params, member.opt_state) if valid is None else member.best_params
    return Fitted(task, plan, params, rows, member, seconds)


def as_splits(data: Splits | Dataset | tuple[Any, Any]) -> Splits:
    """Splits, whatever came."""
    if isinstance(data, Splits):
        return data
    if isinstance(data, Dataset):
        return Splits(data)
    if isinstance(data, tuple) and len(data) == 2:
        return Splits(Dataset(*data))
    raise ConfigError(f"data wants Splits, a Dataset or a pair (inputs, targets), got {type(data).__name__}")


def default_metrics(metrics: Mapping[str, PerExample] | None, splits: Splits) -> Mapping[str, PerExample]:
    """The metrics, or accuracy where none are named and the targets are labels."""
    if metrics is not None:
        return metrics
    targets = splits.train.targets
    labels = np.asarray(targets.values if isinstance(targets, Sequences) else targets)
    return {"accuracy": accuracy} if np.issubdtype(labels.dtype, np.integer) else {}


def plan_for(
    splits: Splits,
    epochs: int,
    batch_size: int,
    patience: int | None = None,
    min_delta: float = 0.0,
    monitor: str | None = None,
) -> Plan:
    """The plan with one segment an epoch. Raises ConfigError where a number is out of range."""
    for name, value in {"epochs": epochs, "batch_size": batch_size, "patience": patience}.items():
        if value is not None and (value != int(value) or value < 1):
            raise ConfigError(f"{name} wants an integer of at least 1, got {value!r}")
    monitor = monitor or ("train_loss" if splits.valid is None else "valid_loss")
    size = max(len(splits.train), 1)
    batch_size = min(int(batch_size), size)
    return Plan(
        segments=int(epochs),
        segment_steps=steps_per_epoch(size, batch_size),
        batch_size=batch_size,
        patience=None if patience is None else int(patience),
        min_delta=min_delta,
        monitor=monitor,
        maximize=monitor.endswith("accuracy"),
    )


def with_layout(plan: Plan, net: Net, dataset: Dataset, layout: str) -> Plan:
    """The plan on the devices that `layout` names or, for "auto", that its shapes call for."""
    if layout not in ("auto", "one", "batch"):
        raise ConfigError(f'layout wants "auto", "one" or "batch", got {layout!r}')
    params = jax.eval_shape(net.init, jax.random.key(0))
    work = multiply_adds(net, params, dataset.inputs)
    looped = plan.looped and choose_looped(work, plan.batch_size)
    if layout == "auto":
        parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
        layout, devices = choose_layout(work, parameters, plan.batch_size)
    else:
        devices = 1 if layout == "one" else jax.local_device_count()
    plan = dataclasses.replace(plan, layout=layout, devices=devices, looped=looped)
    return with_buckets(plan, part_of(dataset)) if looped else plan


def with_buckets(plan: Plan, part: Part) -> Plan:
    """The plan with the buckets that fit the lengths of the part's sequences; one that has any keeps them.

    Raises:
        ConfigError: If those it has would cut a sequence short, or are of another number of examples.
    """
    lengths = lengths_of(part.inputs)
    if lengths is None:
        return plan
    rows = np.asarray(part.rows)
    longest = np.where(rows < 0, 0, lengths[rows]).max(axis=0)
    if plan.buckets:
        check_buckets(plan.buckets, longest)
    if plan.buckets or plan.segment_steps % steps_per_epoch(part.size, plan.batch_size):
        return plan
    buckets = length_buckets(longest, plan.batch_size)
    return dataclasses.replace(plan, buckets=buckets if len(buckets) > 1 else ())
