"""The arrays of a PyTorch .pth file, read by PyTorch itself where it is installed; nothing in them is run.

`torch.load(..., weights_only=True)` (https://docs.pytorch.org/docs/stable/generated/torch.load.html) admits
tensors and plain containers only, and refuses all else.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnjax.errors import DamagedError, DataError


def parse_torch(where: str, content: bytes) -> dict[str, np.ndarray]:
    """The floating-point tensors in the content of a .pth file.

    Args:
        where: The file, for the message.
        content: All of its bytes.

    Returns:
        Name to float32 array, in PyTorch's layouts; what a checkpoint holds under "state_dict" or "model"
        is taken out of it, and a leading "module." of every name is left out.

    Raises:
        DataError: If PyTorch is not installed, or the file holds no dict of tensors.
        DamagedError: If the file is damaged, or holds anything that could run.
    """
    try:
        torch: Any = importlib.import_module("torch")  # never a dependency, so no import statement either
    except ImportError:
        text = (
            "a .pth file is read with PyTorch, which is not installed; install it, or use a .safetensors file"
        )
        raise DataError(f"{where}: {text}") from None
    try:
        held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, for what is damaged and for what is refused
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DamagedError(f"{where}: refused by torch.load(weights_only=True): {reason[0][:200]}") from None
    for key in ("state_dict", "model"):
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if not isinstance(held, Mapping):
        raise DataError(f"{where}: wanted a dict of tensors (a state dict), got {type(held).__name__}")
    tensors = {
        str(name): tensor
        for name, tensor in held.items()
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
    }
    if tensors and all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    if not tensors:
        raise DataError(f"{where}: holds no tensors")
    return {name: tensor.detach().to(torch.float32).contiguous().numpy() for name, tensor in tensors.items()}
