"""nnjax as a user runs it: one call of `fit`, progress bar and accuracy included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import optax

import nnjax
from benchmarks.work import Trained, Weights, Work, epochs_of_batches
from nnjax.types import Batch, Net


class Fit:
    """`nnjax.fit` on one workload."""

    def __init__(self, work: Work, net: Net) -> None:
        self.work, self.net = work, net
        self.loss = {
            "binary_cross_entropy": nnjax.binary_cross_entropy,
            "cross_entropy": nnjax.cross_entropy,
        }[work.loss]
        self.optimizer = {"sgd": optax.sgd, "adam": optax.adam}[work.optimizer](work.learning_rate)

    def train(self, seed: int) -> Trained:
        """Every call compiles a program and frees it; the seconds count from the first chunk to the last.

        What happens between chunks (rows, progress bar) is in them; the call's wall time has all of it.
        """
        work, chunks = self.work, []

        def on_chunk(chunk: Any) -> None:
            now = time.perf_counter()
            chunks.append((now - chunk.seconds, now))

        fitted = nnjax.fit(
            self.net,
            (work.inputs, work.targets),
            loss=self.loss,
            optimizer=self.optimizer,
            epochs=work.epochs,
            batch_size=work.batch_size,
            seed=seed,
            on_chunk=on_chunk,
        )
        return Trained(weights_of(fitted.params), chunks[-1][1] - chunks[0][0])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """The bare `nnjax.step`."""
        task = nnjax.Task(self.net, nnjax.per_example(self.loss), optax.sgd(learning_rate))
        params, measured = params_of(weights), []
        state = task.optimizer.init(params)
        for rows in batches:
            batch = Batch(
                self.work.inputs[rows], self.work.targets[rows], np.ones(len(rows), np.float32), rows
            )
            params, state, means = nnjax.step(task, params, state, batch, jax.random.key(0))
            measured.append(float(means["loss"].total / means["loss"].count))
        return measured


class StepByStep(Fit):
    """What nnjax would be without its compiled loop: the same step, compiled, but called from Python."""

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        work, task = self.work, nnjax.Task(self.net, nnjax.per_example(self.loss), self.optimizer)
        params = self.net.init(jax.random.key(seed))
        state, key = task.optimizer.init(params), jax.random.key(seed)
        step = jax.jit(lambda params, state, batch: nnjax.step(task, params, state, batch, key)[:2])
        began = None
        for rows in epochs_of_batches(len(work.inputs), work.batch_size, work.epochs, seed):
            batch = Batch(work.inputs[rows], work.targets[rows], np.ones(len(rows), np.float32), rows)
            params, state = step(params, state, batch)
            began = began or time.perf_counter()  # the first step compiles
        return Trained(weights_of(params), time.perf_counter() - began)


def params_of(weights: Weights) -> dict[str, dict[str, Any]]:
    """[W0, b0, W1, ...] as nnjax names them."""
    pairs = zip(weights[::2], weights[1::2], strict=True)
    return {f"layer_{i}": {"weights": w, "bias": b} for i, (w, b) in enumerate(pairs)}


def weights_of(params: dict[str, dict[str, Any]]) -> Weights:
    """The other way round."""
    layers = [params[f"layer_{i}"] for i in range(len(params))]
    return [np.asarray(layer[name]) for layer in layers for name in ("weights", "bias")]
