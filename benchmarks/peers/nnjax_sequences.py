"""nnjax on sequences as a user runs it: one call of `fit`, progress bar and accuracy included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import optax

import nnjax
from benchmarks.work import Trained, Weights, Work
from nnjax.types import Batch, Net, Params, Sequences

CELL = ("input", "recurrent", "bias")


class Fit:
    """`nnjax.fit` on one workload of sequences."""

    def __init__(self, work: Work) -> None:
        self.work, self.net = work, net_of(work)
        self.lengths = np.full(len(work.inputs), work.inputs.shape[1], np.int32)

    def train(self, seed: int) -> Trained:
        """Every call compiles a program and frees it; the seconds count from the first chunk to the last."""
        work, chunks = self.work, []

        def on_chunk(chunk: Any) -> None:
            now = time.perf_counter()
            chunks.append((now - chunk.seconds, now))

        fitted = nnjax.fit(
            self.net,
            (Sequences(work.inputs, self.lengths), work.targets),
            optimizer=optax.adam(work.learning_rate),
            epochs=work.epochs,
            batch_size=work.batch_size,
            seed=seed,
            on_chunk=on_chunk,
        )
        return Trained(weights_of(fitted.params), chunks[-1][1] - chunks[0][0])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """The bare `nnjax.step`."""
        lift = nnjax.per_step if self.work.net["every_step"] else nnjax.per_example
        task = nnjax.Task(self.net, lift(nnjax.cross_entropy), optax.sgd(learning_rate))
        params, measured = params_of(self.work, weights), []
        state = task.optimizer.init(params)
        step = jax.jit(lambda params, state, batch: nnjax.step(task, params, state, batch, jax.random.key(0)))
        for rows in batches:
            inputs = Sequences(self.work.inputs[rows], self.lengths[rows])
            batch = Batch(inputs, self.work.targets[rows], np.ones(len(rows), np.float32), rows)
            params, state, means = step(params, state, batch)
            measured.append(float(means["loss"].total / means["loss"].count))
        return measured


def net_of(work: Work) -> Net:
    """`nnjax.sequence_tagger` where every step is answered, else `nnjax.sequence_classifier`."""
    make = nnjax.sequence_tagger if work.net["every_step"] else nnjax.sequence_classifier
    net = work.net
    return make(
        net["inputs"],
        net["hidden"],
        net["outputs"],
        layers=net["layers"],
        embedding=net["embedding"] or None,
    )


def params_of(work: Work, weights: Weights) -> Params:
    """The list of weights as nnjax names them."""
    left = list(weights)
    table = {"embedding": {"weights": left.pop(0)}} if work.net["embedding"] else {}
    layers = {f"layer_{i}": {name: left.pop(0) for name in CELL} for i in range(work.net["layers"])}
    return {**table, "recurrent": layers, "output": {"weights": left[0], "bias": left[1]}}


def weights_of(params: Params) -> Weights:
    """The other way round."""
    table = [params["embedding"]["weights"]] if "embedding" in params else []
    layers = [
        params["recurrent"][f"layer_{i}"][name] for i in range(len(params["recurrent"])) for name in CELL
    ]
    return [np.asarray(w) for w in (*table, *layers, params["output"]["weights"], params["output"]["bias"])]
