"""Keras 3 on the backend that KERAS_BACKEND names: `Model.fit`, many steps a call where it can."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np

from benchmarks.work import Trained, Weights, Work

STEPS_PER_CALL = 32


def perceptron(work: Work) -> keras.Model:
    """`keras.Sequential` of dense layers."""
    sizes = work.net["sizes"]
    hidden = [keras.layers.Dense(size, activation=work.net["activation"]) for size in sizes[1:-1]]
    return keras.Sequential([keras.Input((sizes[0],)), *hidden, keras.layers.Dense(sizes[-1])])


def lstm(work: Work) -> keras.Model:
    """An embedding where there is one, LSTM layers, and a dense one on the last step or on every step."""
    net = work.net
    reads = keras.Input((net["length"],), dtype="int32") if net["embedding"] else None
    first = [reads, keras.layers.Embedding(net["inputs"], net["embedding"])] if net["embedding"] else []
    first = first or [keras.Input((net["length"], net["inputs"]))]
    every = [i < net["layers"] - 1 or net["every_step"] for i in range(net["layers"])]
    layers = [keras.layers.LSTM(net["hidden"], return_sequences=whole) for whole in every]
    return keras.Sequential([*first, *layers, keras.layers.Dense(net["outputs"])])


class Fit:
    """One model, compiled once and given new weights for every training."""

    def __init__(self, work: Work, build: Callable[[Work], keras.Model]) -> None:
        self.work, self.build = work, build
        self.inputs = work.inputs if work.net.get("embedding") else work.floats()
        keras.utils.set_random_seed(0)
        self.model = build(work)
        kind = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[work.optimizer]
        # More steps a call are only offered where the step is traced, which PyTorch's is not.
        many = {"steps_per_execution": STEPS_PER_CALL} if keras.backend.backend() == "jax" else {}
        self.model.compile(kind(work.learning_rate), self.loss(), **many)
        self.model.optimizer.build(self.model.trainable_variables)
        self.slots = [np.asarray(keras.ops.convert_to_numpy(v)) for v in self.model.optimizer.variables]

    def loss(self) -> keras.losses.Loss:
        """From logits."""
        if self.work.loss == "binary_cross_entropy":
            return keras.losses.BinaryCrossentropy(from_logits=True)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        work = self.work
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build(work).get_weights())
        for variable, value in zip(self.model.optimizer.variables, self.slots, strict=True):
            variable.assign(value)
        self.model.fit(self.inputs, work.targets, batch_size=work.batch_size, epochs=work.epochs, verbose=0)
        return Trained(self.model.get_weights())

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD."""
        model, measured = self.build(self.work), []
        model.set_weights(weights)
        model.compile(keras.optimizers.SGD(learning_rate), self.loss())
        for rows in batches:
            model.reset_metrics()
            measured.append(float(model.train_on_batch(self.inputs[rows], self.work.targets[rows])))
        return measured
