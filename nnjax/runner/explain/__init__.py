"""`nnjax explain RUN`: the ledger of any neuron of a run, and a page to step through its training."""

from __future__ import annotations

import re
from pathlib import Path

from nnjax.errors import ConfigError
from nnjax.runner.configure import configure
from nnjax.runner.explain.example import frame_of
from nnjax.runner.explain.page import write_page
from nnjax.runner.explain.states import open_training
from nnjax.runner.explain.terminal import ledger, overview, shown_neurons
from nnjax.runner.explain.view import View, look_at


def explain_run(
    folder: Path, step: int | None = None, example: int = 0, part: str = "", neuron: str | None = None
) -> Path | None:
    """Prints the ledger of one or more neurons, and writes `explain.html` into the run folder.

    A multilayer perceptron is read; convolutions and recurrent layers are not, yet.

    Args:
        folder: The run folder.
        step: An optimiser step of the run; None means the last that was saved.
        example: A row of the part.
        part: "train", "valid" or "test"; "" means the training part.
        neuron: "LAYER:NEURON", both from 0; None means all of a small net, else the one that answers.

    Returns:
        The page, or None where the network is too large for one.

    Raises:
        ConfigError: Something that was asked for is not there, or the run's network is no MLP.
        DamagedError: A file of the run is damaged.
    """
    configure()
    view = look_at(open_training(folder), step, example, part)
    frame = frame_of(view, step)
    chosen = shown_neurons(view, frame) if neuron is None else [neuron_at(view, neuron)]
    print(overview(view, frame))
    for layer, place in chosen:
        print("\n" + ledger(view, frame, layer, place))
    page = write_page(view, frame, folder / "explain.html", chosen[-1])
    print(f"\npage: {page}" if page else "\nno page: this network has too many weights for one")
    return page


def neuron_at(view: View, text: str) -> tuple[int, int]:
    """Layer and place of "LAYER:NEURON".

    Raises:
        ConfigError: There is no such neuron.
    """
    match = re.fullmatch(r"(\d+):(\d+)", text)
    layers = view.sizes[1:]
    if match and int(match[1]) < len(layers) and int(match[2]) < layers[int(match[1])]:
        return int(match[1]), int(match[2])
    there = ", ".join(f"{i}:0 to {i}:{size - 1}" for i, size in enumerate(layers))
    raise ConfigError(f"--neuron wants LAYER:NEURON, here {there}; got {text}")
