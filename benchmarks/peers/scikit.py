"""scikit-learn's MLPClassifier."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.work import Trained, Weights, Work


class Classifier:
    """`fit`, without early stopping and without its penalty."""

    def __init__(self, work: Work) -> None:
        self.work, self.inputs = work, work.floats()

    def new(self, solver: str, learning_rate: float, seed: int = 0) -> MLPClassifier:
        """A classifier that trains as the others do."""
        work = self.work
        return MLPClassifier(
            tuple(work.net["sizes"][1:-1]),
            activation=work.net["activation"],
            solver=solver,
            alpha=0.0,
            batch_size=work.batch_size,
            learning_rate_init=learning_rate,
            momentum=0.0,
            max_iter=work.epochs,
            tol=0.0,
            n_iter_no_change=work.epochs + 1,
            random_state=seed,
        )

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        classifier = self.new(self.work.optimizer, self.work.learning_rate, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(self.inputs, self.work.targets)
        return Trained(parameters(classifier))

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """`partial_fit` makes one step on what it is given; the first call only makes the weights."""
        classifier, classes, measured = self.new("sgd", learning_rate), np.unique(self.work.targets), []
        for position, rows in enumerate([batches[0], *batches]):
            classifier.partial_fit(self.inputs[rows], self.work.targets[rows], classes=classes)
            if position == 0:
                for own, w in zip(parameters(classifier), weights, strict=True):
                    own[...] = w
            else:
                measured.append(float(classifier.loss_))
        return measured


def parameters(classifier: MLPClassifier) -> Weights:
    """The parameters in the order of the layers, not copied."""
    pairs = zip(classifier.coefs_, classifier.intercepts_, strict=True)
    return [array for pair in pairs for array in pair]
