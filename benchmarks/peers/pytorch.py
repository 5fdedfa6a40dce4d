"""PyTorch, eager or compiled: the loop of its tutorials over tensors that are in memory already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.work import Trained, Weights, Work


class Eager:
    """The usual loop; indexing a tensor is much faster than a DataLoader."""

    def __init__(
        self, work: Work, build: Callable[[Work], nn.Module], fused: bool = False, compiled: bool = False
    ) -> None:
        self.work, self.fused = work, fused
        self.inputs = torch.from_numpy(work.floats())
        binary = work.loss == "binary_cross_entropy"
        targets = torch.from_numpy(work.targets)
        self.targets = targets[:, None].float() if binary else targets.long()
        self.criterion = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
        self.net = build(work)
        self.forward: Any = torch.compile(self.net) if compiled else self.net

    def optimizer(self) -> torch.optim.Optimizer:
        """SGD or Adam."""
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[self.work.optimizer]
        return kind(
            self.net.parameters(), lr=self.work.learning_rate, **({"fused": True} if self.fused else {})
        )

    def step(self, optimizer: torch.optim.Optimizer, rows: torch.Tensor) -> torch.Tensor:
        """One step; gives the loss before it."""
        optimizer.zero_grad()
        loss = self.criterion(self.forward(self.inputs[rows]), self.targets[rows])
        loss.backward()
        optimizer.step()
        return loss

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        torch.manual_seed(seed)
        for module in self.net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        optimizer = self.optimizer()
        for _ in range(self.work.epochs):
            for rows in torch.randperm(len(self.inputs)).split(self.work.batch_size):
                self.step(optimizer, rows)
        return Trained([turned(p.detach().numpy()) for p in self.net.parameters()])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD."""
        with torch.no_grad():
            for parameter, w in zip(self.net.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(turned(w)))
        optimizer = torch.optim.SGD(self.net.parameters(), lr=learning_rate)
        return [self.step(optimizer, torch.from_numpy(rows)).item() for rows in batches]


def turned(array: np.ndarray) -> np.ndarray:
    """A matrix [D, M] as PyTorch keeps it, [M, D], and back; anything else as it is."""
    return array.T.copy() if array.ndim == 2 else array
