"""PyTorch's own way to train many nets at once: `vmap` of `grad` over stacked parameters.

Source: its tutorial on model ensembling, https://docs.pytorch.org/tutorials/intermediate/ensembling.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap

from benchmarks.peers.pytorch import turned
from benchmarks.work import Trained, Weights, Work

Stacked = dict[str, torch.Tensor]  # name -> [P, ...]


class Ensemble:
    """P members, each with its own weights and its own order, in step."""

    def __init__(self, work: Work, build: Callable[[Work], nn.Module]) -> None:
        self.work, self.inputs = work, torch.from_numpy(work.floats())
        self.targets = torch.from_numpy(work.targets).float()[:, None]
        net, criterion = build(work), nn.BCEWithLogitsLoss()
        self.shapes = {name: parameter.shape for name, parameter in net.named_parameters()}

        def loss(params: Stacked, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return criterion(functional_call(net, params, (x,)), y)

        self.gradient = vmap(grad_and_value(loss))

    def new(self) -> Stacked:
        """Weights and biases uniform in 1 / sqrt(fan in), as `nn.Linear` draws them."""
        fans, params = iter(self.fans()), {}
        for name, shape in self.shapes.items():
            params[name] = (torch.rand(self.work.members, *shape) * 2 - 1) / next(fans) ** 0.5
        return params

    def fans(self) -> Iterator[int]:
        """The fan in of every parameter."""
        for size in self.work.net["sizes"][:-1]:
            yield from (size, size)

    def step(self, params: Stacked, rows: torch.Tensor, learning_rate: float) -> torch.Tensor:
        """One step of SGD for all members, in place; gives the losses before it, [P]."""
        gradient, values = self.gradient(params, self.inputs[rows], self.targets[rows])
        for name, parameter in params.items():
            parameter.sub_(gradient[name], alpha=learning_rate)
        return values

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        torch.manual_seed(seed)
        work, params = self.work, self.new()
        for _ in range(work.epochs):
            order = torch.rand(work.members, len(self.inputs)).argsort(1)
            for rows in order.split(work.batch_size, 1):
                self.step(params, rows, work.learning_rate)
        return Trained([stack_turned(p.numpy()) for p in params.values()])

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD."""
        params = {
            name: torch.from_numpy(stack_turned(w)) for name, w in zip(self.shapes, weights, strict=True)
        }
        return [self.step(params, torch.from_numpy(rows), learning_rate).mean().item() for rows in batches]


def stack_turned(stacked: np.ndarray) -> np.ndarray:
    """Each member's array as PyTorch keeps it, and back."""
    return np.stack([turned(array) for array in stacked])
