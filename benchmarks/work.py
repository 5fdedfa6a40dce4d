"""What is trained: the same data, net, optimiser and number of steps for every library.

Nothing here imports a library that is measured, so that a peer's process pays for its own imports only.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

Weights = list[
    np.ndarray
]  # the parameters in the order of the layers, in nnjax's axes: W0 [D, M], b0 [M], W1, ...


@dataclasses.dataclass(frozen=True)
class Work:
    """One workload.

    Attributes:
        name: W1, W2, ...
        title: The data and the net, in a few words.
        details: The rest, in a few words.
        inputs: Array [N, ...], as the data lie (images stay bytes).
        targets: int32 [N].
        scale: What inputs are multiplied by before they enter the net.
        net: The net's numbers, JSON: for a perceptron "sizes" and "activation".
        loss: "binary_cross_entropy" or "cross_entropy", from logits.
        optimizer: "sgd" or "adam".
        learning_rate: Its step size.
        batch_size: Examples a step; the last partial batch of an epoch is trained too.
        epochs: Passes over the data.
        flops: Floating-point operations of the whole training, products only (a multiply-add counts two).
        members: How many independent trainings.
    """

    name: str
    title: str
    details: str
    inputs: np.ndarray
    targets: np.ndarray
    scale: float
    net: Mapping[str, Any]
    loss: str
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    flops: float
    members: int = 1

    def floats(self) -> np.ndarray:
        """The inputs as a net reads them: float32 [N, ...], scaled."""
        return self.inputs.astype(np.float32) * np.float32(self.scale)

    def described(self) -> dict[str, Any]:
        """All but the arrays, for JSON."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {key: value for key, value in fields.items() if key not in ("inputs", "targets")} | {
            "examples": len(self.inputs)
        }

    def save(self, folder: Path) -> None:
        """Writes it where the peers' processes read it."""
        np.savez(folder / "data.npz", inputs=self.inputs, targets=self.targets)
        (folder / "work.json").write_text(json.dumps(self.described()))

    @staticmethod
    def read(folder: Path) -> Work:
        """What `save` wrote."""
        described = json.loads((folder / "work.json").read_text())
        del described["examples"]
        with np.load(folder / "data.npz") as data:
            return Work(inputs=data["inputs"], targets=data["targets"], **described)


class Trained(NamedTuple):
    """A training that a peer has ended.

    Attributes:
        weights: The parameters, to be scored by one and the same function for every peer.
        seconds: How long the training took where the call also compiled something; None means
            that the whole call counts.
    """

    weights: Weights
    seconds: float | None = None


class Trainer(Protocol):
    """One library, set up for one workload."""

    def train(self, seed: int) -> Trained:
        """The whole workload, from new weights and with an order of its own: what is timed."""
        ...

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """The loss of each batch (rows [B]) before its step of plain SGD, from the weights given."""
        ...


TrainerOf = Callable[[Work], Trainer]


def epochs_of_batches(size: int, batch_size: int, epochs: int, seed: int) -> Any:
    """The rows of every batch of every epoch, each epoch in a new order."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(size)
        for first in range(0, size, batch_size):
            yield order[first : first + batch_size]
