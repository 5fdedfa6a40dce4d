"""Writes convolutions.npz: PyTorch's convolutions with their gradients, for the inputs that `arrays` draws.

Run with a Python that has torch: `python tests/oracles/conv.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

PYTORCH = {  # name: N, H, W, C, window, O, stride, padding, dilation, groups
    "alexnet_1": (2, 35, 31, 3, 11, 8, 4, 2, 1, 1),
    "alexnet_2": (2, 9, 9, 4, 5, 6, 1, 2, 1, 2),
    "vgg_1": (1, 8, 8, 3, 3, 8, 1, 1, 1, 1),
    "vgg_2": (1, 8, 6, 20, 3, 6, 1, 1, 1, 1),
    "dilated": (2, 10, 11, 3, 3, 4, 2, 3, 2, 1),
    "by_channel": (1, 7, 7, 9, 3, 9, 1, 1, 1, 9),
    "unread_border": (1, 8, 8, 2, 3, 3, 2, 0, 1, 1),
}


def arrays(name):
    """The same numbers for both libraries, in our axes."""
    n, h, w, c, k, o, stride, padding, dilation, groups = PYTORCH[name]
    rng = np.random.default_rng(sorted(PYTORCH).index(name))
    size = [(v + 2 * padding - (k - 1) * dilation - 1) // stride + 1 for v in (h, w)]
    shapes = (n, h, w, c), (k, k, c // groups, o), (o,), (n, *size, o)
    return [rng.normal(size=shape).astype("f") for shape in shapes]


def torch_answers(name):
    """y, dx, df and db of PyTorch, in our axes."""
    import torch

    *_, stride, padding, dilation, groups = PYTORCH[name]
    x, filters, bias, dy = (torch.from_numpy(v) for v in arrays(name))
    x, filters, dy = x.permute(0, 3, 1, 2), filters.permute(3, 2, 0, 1), dy.permute(0, 3, 1, 2)
    leaves = [v.clone().requires_grad_() for v in (x, filters, bias)]
    y = torch.nn.functional.conv2d(*leaves, stride, padding, dilation, groups)
    y.backward(dy)
    dx, df, db = (leaf.grad for leaf in leaves)
    turned = y.detach().permute(0, 2, 3, 1), dx.permute(0, 2, 3, 1), df.permute(2, 3, 1, 0), db
    return dict(zip(("y", "dx", "df", "db"), (v.numpy() for v in turned), strict=True))


if __name__ == "__main__":
    answers = {f"{name}/{key}": value for name in PYTORCH for key, value in torch_answers(name).items()}
    np.savez_compressed(Path(__file__).with_name("convolutions.npz"), **answers)
