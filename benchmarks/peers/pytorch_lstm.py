"""PyTorch's `nn.LSTM`, eager: the loop of its tutorials over tensors that are in memory already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from benchmarks.peers import pytorch
from benchmarks.work import Trained, Weights, Work


class Net(nn.Module):
    """An embedding where there is one, the layers, and a linear one on the last step or on every step."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        net = work.net
        self.every_step = net["every_step"]
        self.embedding = nn.Embedding(net["inputs"], net["embedding"]) if net["embedding"] else nn.Identity()
        width = net["embedding"] or net["inputs"]
        self.lstm = nn.LSTM(width, net["hidden"], net["layers"], batch_first=True)
        self.output = nn.Linear(net["hidden"], net["outputs"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits, one row a sequence, or one row a step."""
        outputs, _ = self.lstm(self.embedding(x))
        return self.output(outputs.flatten(0, 1) if self.every_step else outputs[:, -1])


class Eager(pytorch.Eager):
    """The usual loop."""

    def __init__(self, work: Work, fused: bool = False) -> None:
        super().__init__(work, Net, fused)
        if work.net["embedding"]:
            self.inputs = torch.from_numpy(work.inputs)

    def step(self, optimizer: torch.optim.Optimizer, rows: torch.Tensor) -> torch.Tensor:
        """One step; gives the loss before it."""
        optimizer.zero_grad()
        loss = self.criterion(self.forward(self.inputs[rows]), self.targets[rows].flatten())
        loss.backward()
        optimizer.step()
        return loss

    def train(self, seed: int) -> Trained:
        """The whole workload."""
        super().train(seed)
        return Trained(self.weights())

    def steps(self, weights: Weights, batches: Sequence[np.ndarray], learning_rate: float) -> list[float]:
        """Plain SGD. PyTorch has two biases a gate: the second is held at 0: both would move."""
        self.put(weights)
        held = [p for name, p in self.net.named_parameters() if name.startswith("lstm.bias_hh")]
        moved = [p for p in self.net.parameters() if not any(p is other for other in held)]
        optimizer = torch.optim.SGD(moved, lr=learning_rate)
        return [self.step(optimizer, torch.from_numpy(rows)).item() for rows in batches]

    def put(self, weights: Weights) -> None:
        """Sets the parameters; the gates stand in the same order."""
        left = [torch.from_numpy(w.copy()) for w in weights]
        with torch.no_grad():
            if self.work.net["embedding"]:
                self.net.embedding.weight.copy_(left.pop(0))
            for i in range(self.work.net["layers"]):
                for name in ("weight_ih", "weight_hh", "bias_ih"):
                    w = left.pop(0)
                    getattr(self.net.lstm, f"{name}_l{i}").copy_(w.T if w.ndim == 2 else w)
                getattr(self.net.lstm, f"bias_hh_l{i}").zero_()
            self.net.output.weight.copy_(left[0].T)
            self.net.output.bias.copy_(left[1])

    def weights(self) -> Weights:
        """The parameters in nnjax's axes, the two biases of a gate added."""
        named = {name: p.detach().numpy() for name, p in self.net.named_parameters()}
        weights = [named["embedding.weight"]] if self.work.net["embedding"] else []
        for i in range(self.work.net["layers"]):
            ih, hh = named[f"lstm.weight_ih_l{i}"], named[f"lstm.weight_hh_l{i}"]
            weights += [ih.T, hh.T, named[f"lstm.bias_ih_l{i}"] + named[f"lstm.bias_hh_l{i}"]]
        return [np.array(w) for w in (*weights, named["output.weight"].T, named["output.bias"])]
