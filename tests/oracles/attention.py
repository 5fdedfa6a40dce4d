"""Writes attention.npz: PyTorch's attention, normalisation and Transformer layers, with their gradients.

Run with a Python that has torch: `python tests/oracles/attention.py`. Weights are stored as PyTorch has them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

N, T, S, D, HEADS, HIDDEN = 2, 5, 4, 8, 2, 12


def lengths_mask(lengths: list[int], steps: int) -> torch.Tensor:
    """True where there is padding, as PyTorch wants it."""
    return torch.arange(steps)[None, :] >= torch.tensor(lengths)[:, None]


def recorded(
    prefix: str, module: torch.nn.Module, call, inputs: dict[str, torch.Tensor]
) -> dict[str, np.ndarray]:
    """Outputs, inputs, weights and the gradients of sum(outputs * cos(0, 1, 2, ...))."""
    for tensor in inputs.values():
        tensor.requires_grad_()
    outputs = call(**inputs)
    weights = torch.cos(torch.arange(outputs.numel(), dtype=outputs.dtype)).reshape(outputs.shape)
    (outputs * weights).sum().backward()
    found = {f"{prefix}/outputs": outputs.detach().numpy()}
    for name, tensor in inputs.items():
        found |= {
            f"{prefix}/{name}": tensor.detach().numpy(),
            f"{prefix}/{name}/gradient": tensor.grad.numpy(),
        }
    for name, tensor in module.named_parameters():
        found |= {f"{prefix}/w/{name}": tensor.detach().numpy(), f"{prefix}/g/{name}": tensor.grad.numpy()}
    return found


def ended(x: torch.Tensor) -> torch.Tensor:
    """With the normalisation that ends a pre-norm stack, at scale 1 and bias 0."""
    return torch.nn.functional.layer_norm(x, (D,))


def main() -> None:
    """Everything in float64: the tests cast it down for float32."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    x, memory = torch.randn(N, T, D), torch.randn(N, S, D)
    padding, causal = lengths_mask([5, 3], T), torch.triu(torch.ones(T, T), 1).bool()
    source_padding = lengths_mask([2, 4], S)
    mha = torch.nn.MultiheadAttention(D, HEADS, batch_first=True)
    norm = torch.nn.LayerNorm(D)
    settings = {"dim_feedforward": HIDDEN, "dropout": 0.0, "batch_first": True, "norm_first": True}
    encoder = torch.nn.TransformerEncoderLayer(D, HEADS, **settings)
    decoder = torch.nn.TransformerDecoderLayer(D, HEADS, **settings)
    for module in (mha, norm, encoder, decoder):
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    cases = [
        ("padded", mha, lambda x: mha(x, x, x, key_padding_mask=padding)[0], {"x": x}),
        ("causal", mha, lambda x: mha(x, x, x, attn_mask=causal)[0], {"x": x}),
        (
            "crossed",
            mha,
            lambda x, memory: mha(x, memory, memory, key_padding_mask=source_padding)[0],
            {"x": x, "memory": memory},
        ),
        ("norm", norm, lambda x: norm(x), {"x": x}),
        ("encoder", encoder, lambda x: ended(encoder(x, src_key_padding_mask=padding)), {"x": x}),
        (
            "decoder",
            decoder,
            lambda x, memory: ended(
                decoder(x, memory, tgt_mask=causal, memory_key_padding_mask=source_padding)
            ),
            {"x": x, "memory": memory},
        ),
    ]
    found: dict[str, np.ndarray] = {}
    for prefix, module, call, inputs in cases:
        module.zero_grad()
        found |= recorded(prefix, module, call, {k: v.clone().detach() for k, v in inputs.items()})
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **found)


if __name__ == "__main__":
    main()
