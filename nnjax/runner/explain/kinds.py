"""What kind of network a run has, told from its params, and what can be asked of each kind."""

from __future__ import annotations

from typing import NamedTuple

from nnjax.errors import ConfigError
from nnjax.runner.explain.watch import is_dense
from nnjax.runner.explain.watch_window import convolution_names
from nnjax.types import Params

PERCEPTRON, CONVOLUTION, RECURRENT = "perceptron", "convolution", "recurrent"
FLAGS = {
    PERCEPTRON: ("neuron",),
    CONVOLUTION: ("neuron", "layer", "window", "channel"),
    RECURRENT: ("neuron", "layer", "time", "unit"),
}
NAMES = {
    PERCEPTRON: "a multilayer perceptron",
    CONVOLUTION: "a net with convolutions",
    RECURRENT: "a recurrent net",
}
READS = (
    "explain reads multilayer perceptrons ({layer_0: {weights [D, M], bias [M]}, ...}), nets with "
    "convolutions ({filters [kh, kw, C, O], ...} somewhere) and recurrent nets "
    "({recurrent: {layer_0: ...}, output: ...})"
)


class Where(NamedTuple):
    """Which number of a network is asked for; None means one that is worth a look.

    Attributes:
        neuron: "LAYER:NEURON", of a dense layer.
        layer: The name of a convolution, or of a recurrent layer.
        window: "ROW,COLUMN", a place of the window of a convolution.
        channel: An output channel of a convolution.
        time: A time step of a recurrent layer.
        unit: A unit of a recurrent layer.
    """

    neuron: str | None = None
    layer: str | None = None
    window: str | None = None
    channel: int | None = None
    time: int | None = None
    unit: int | None = None


def kind_of(params: Params) -> str:
    """PERCEPTRON, CONVOLUTION or RECURRENT.

    Raises:
        ConfigError: If it is none of the three.
    """
    if isinstance(params, dict) and params:
        if all(is_dense(params.get(f"layer_{i}")) for i in range(len(params))):
            return PERCEPTRON
        recurrent = params.get("recurrent")
        if isinstance(recurrent, dict) and "layer_0" in recurrent and is_dense(params.get("output")):
            return RECURRENT
        if convolution_names(params):
            return CONVOLUTION
    have = ", ".join(map(str, params)) if isinstance(params, dict) else type(params).__name__
    raise ConfigError(f"{READS}; this run has {have}")


def dense_names(params: Params) -> list[str]:
    """The dense layers among params."""
    return [name for name, entry in params.items() if is_dense(entry)]


def check_asked(kind: str, where: Where) -> None:
    """Raises a ConfigError where something is asked for that a network of this kind does not have."""
    for name in Where._fields:
        if getattr(where, name) is not None and name not in FLAGS[kind]:
            flags = ", ".join(f"--{flag}" for flag in FLAGS[kind])
            raise ConfigError(f"--{name} is not for this run: of {NAMES[kind]} explain takes {flags}")
