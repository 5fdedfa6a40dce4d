"""The libraries that are compared: what each needs, and the settings of its process."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple

OURS, BASELINE = "nnjax", "pytorch"


class Peer(NamedTuple):
    """A library in one of its modes.

    Attributes:
        title: What the tables call it.
        needs: Modules that have to be there, each with the name that pip knows it by.
        environment: Variables that its process starts with.
    """

    title: str
    needs: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}

    def missing(self) -> str | None:
        """The pip command for what is not installed; None where all is."""
        absent = [package for module, package in self.needs.items() if find_spec(module) is None]
        return f"pip install {' '.join(absent)}" if absent else None


TORCH = {"torch": "torch"}
PEERS = {
    "nnjax": Peer("nnjax", {"jax": "jax"}),
    "pytorch": Peer("PyTorch", TORCH),
    "pytorch-fused": Peer("PyTorch, fused optimiser", TORCH),
    "pytorch-compile": Peer("PyTorch, torch.compile", TORCH),
    "pytorch-func": Peer("PyTorch, torch.func", TORCH),
    "flax-nnx": Peer("Flax NNX", {"flax": "flax", "optax": "optax"}),
    "equinox": Peer("Equinox", {"equinox": "equinox", "optax": "optax"}),
    "keras-jax": Peer("Keras on JAX", {"keras": "keras"}, {"KERAS_BACKEND": "jax"}),
    "keras-torch": Peer("Keras on PyTorch", {"keras": "keras", **TORCH}, {"KERAS_BACKEND": "torch"}),
    "scikit-learn": Peer("scikit-learn", {"sklearn": "scikit-learn"}),
    "numpy": Peer("plain NumPy"),
}
