"""nnjax as a user trains a population: one call of `fit_population`, progress bar and accuracy included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax

import nnjax
from benchmarks.peers.nnjax_fit import params_of, weights_of
from benchmarks.work import Trained, Weights, Work
from nnjax.training.fit_population import fit_population
from nnjax.types import Batch, Task


class FitPopulation:
    """`nnjax.fit_population` on one workload."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def recipe(self, hyper: Mapping[str, Any]) -> Task:
        """One member."""
        net = nnjax.mlp(self.work.net["sizes"], nnjax.tanh)
        optimizer = optax.sgd(hyper.get("learning_rate", self.work.learning_rate))
        metrics = {"accuracy": nnjax.per_example(nnjax.accuracy)}
        return Task(net, nnjax.per_example(nnjax.binary_cross_entropy), optimizer, metrics=metrics)

    def train(self, seed: int) -> Trained:
        """Every call compiles, which the seconds leave out."""
        work, first = self.work, seed * self.work.members
        fitted = fit_population(
            self.recipe,
            (work.inputs, work.targets),
            seeds=range(first, first + work.members),
            epochs=work.epochs,
            batch_size=work.batch_size,
        )
        return Trained(weights_of(fitted.results.params), fitted.seconds["train"])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """The bare `nnjax.step` under `vmap`."""
        task, work, measured = self.recipe({"learning_rate": learning_rate}), self.work, []

        def one(params: Any, state: Any, batch: Batch) -> Any:
            return nnjax.step(task, params, state, batch, jax.random.key(0))

        every, params = jax.jit(jax.vmap(one)), params_of(weights)
        state = jax.vmap(task.optimizer.init)(params)
        for rows in batches:
            ones = np.ones(rows.shape, np.float32)
            batch = Batch(work.inputs[rows], work.targets[rows], ones, rows)
            params, state, means = every(params, state, batch)
            measured.append(float((means["loss"].total / means["loss"].count).mean()))
        return measured
