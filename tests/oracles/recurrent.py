"""Writes recurrent.npz: PyTorch's recurrent cells and layers on padded sequences, with their gradients.

Run with a Python that has torch: `python tests/oracles/recurrent.py`. Weights are stored as PyTorch has them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

N, T, D, H, LENGTHS = 3, 6, 4, 5, (6, 1, 4)
KINDS = ("rnn", "lstm", "gru")


def weighed(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Something of which every entry has another gradient."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    return (flat * torch.cos(torch.arange(len(flat), dtype=flat.dtype))).sum()


def recorded(prefix: str, module: torch.nn.Module, outputs: dict, inputs: dict) -> dict[str, np.ndarray]:
    """Outputs, inputs, weights and the gradients of `weighed`, the outputs in the order given."""
    weighed(list(outputs.values())).backward()
    found = {f"{prefix}/{name}": tensor.detach().numpy() for name, tensor in {**outputs, **inputs}.items()}
    found |= {f"{prefix}/{name}/gradient": tensor.grad.numpy() for name, tensor in inputs.items()}
    for name, tensor in module.named_parameters():
        found |= {f"{prefix}/w/{name}": tensor.detach().numpy(), f"{prefix}/g/{name}": tensor.grad.numpy()}
    return found


def of_cell(kind: str) -> dict[str, np.ndarray]:
    """One step of a cell."""
    module = {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[kind](D, H)
    inputs = {"x": torch.randn(N, D), "hidden": torch.randn(N, H)}
    if kind == "lstm":
        inputs["cell"] = torch.randn(N, H)
    for tensor in inputs.values():
        tensor.requires_grad_()
    if kind == "lstm":
        hidden, cell = module(inputs["x"], (inputs["hidden"], inputs["cell"]))
        return recorded("lstm/cell", module, {"end_hidden": hidden, "end_cell": cell}, inputs)
    return recorded(f"{kind}/cell", module, {"end_hidden": module(*inputs.values())}, inputs)


def of_layers(kind: str, name: str, layers: int, bidirectional: bool) -> dict[str, np.ndarray]:
    """Layers over padded sequences."""
    make = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
    module = make(D, H, layers, batch_first=True, bidirectional=bidirectional)
    x = torch.randn(N, T, D, requires_grad=True)
    packed = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    answered, end = module(packed)
    outputs = {"outputs": pad_packed_sequence(answered, batch_first=True, total_length=T)[0]}
    ends = {"end_hidden": end[0], "end_cell": end[1]} if kind == "lstm" else {"end_hidden": end}
    return recorded(f"{kind}/{name}", module, {**outputs, **ends}, {"x": x})


def answers() -> dict[str, np.ndarray]:
    """Everything, in float64: the tests cast it down for float32."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    found: dict[str, np.ndarray] = {}
    for kind in KINDS:
        found |= of_cell(kind)
        found |= of_layers(kind, "one", 1, False)
        found |= of_layers(kind, "two_ways", 2, True)
    return found


if __name__ == "__main__":
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **answers())
