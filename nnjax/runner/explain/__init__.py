"""`nnjax explain RUN`: the ledger of any neuron, window or time step, and a page to step through training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nnjax.errors import ConfigError
from nnjax.runner.configure import configure
from nnjax.runner.explain.example import choose, frame_of
from nnjax.runner.explain.kinds import CONVOLUTION, PERCEPTRON, Where, check_asked, dense_names, kind_of
from nnjax.runner.explain.ledger import answers
from nnjax.runner.explain.moment_page import write_moment_page
from nnjax.runner.explain.moment_text import MomentView, chosen_moment, moment_ledger, moment_overview
from nnjax.runner.explain.moments import measure_moments, moment_residuals
from nnjax.runner.explain.page import write_page
from nnjax.runner.explain.states import Training, open_training
from nnjax.runner.explain.terminal import ledger, overview, shown_neurons
from nnjax.runner.explain.unrolled import WAYS, recurrent_names
from nnjax.runner.explain.view import View, look_at
from nnjax.runner.explain.watch_window import convolution_names
from nnjax.runner.explain.window_page import write_window_page
from nnjax.runner.explain.window_text import WindowView, chosen_window, window_ledger, window_overview
from nnjax.runner.explain.windows import measure_windows, window_residuals


def explain_run(
    folder: Path, step: int | None = None, example: int = 0, part: str = "", where: Where | None = None
) -> Path | None:
    """Prints the ledger of one or more numbers of a run's network, and writes `explain.html` into its folder.

    Of a multilayer perceptron that is a neuron, of a net with convolutions one of its windows, of a recurrent
    net one time step of a unit. The dense layers of all of them have neurons.

    Args:
        folder: The run folder.
        step: An optimiser step of the run; None means the last that was saved.
        example: A row of the part.
        part: "train", "valid" or "test"; "" means the training part.
        where: Which number; None means those that are worth a look.

    Returns:
        The page, or None where the network is too large for one.

    Raises:
        ConfigError: Something that was asked for is not there, or the run's network is of another kind.
        DamagedError: A file of the run is damaged.
    """
    configure()
    where, training = where or Where(), open_training(folder)
    kind = kind_of(training.first.params)
    check_asked(kind, where)
    asked = (training, step, example, part)
    if kind == PERCEPTRON or where.neuron is not None:
        names = None if kind == PERCEPTRON else dense_names(training.first.params)
        page = _neurons(*asked, where.neuron, names)
    elif kind == CONVOLUTION:
        page = _window(*asked, where)
    else:
        page = _moment(*asked, where)
    print(f"\npage: {page}" if page else "\nno page: this network has too many numbers for one")
    return page


def _neurons(
    training: Training,
    step: int | None,
    example: int,
    part: str,
    neuron: str | None,
    names: Sequence[str] | None,
) -> Path | None:
    view = look_at(training, step, example, part, names=names)
    frame = frame_of(view.example, step)
    chosen = shown_neurons(view, frame) if neuron is None else [neuron_at(view, neuron)]
    print(overview(view, frame))
    for layer, place in chosen:
        print("\n" + ledger(view, frame, layer, place))
    return write_page(view, frame, training.folder / "explain.html", chosen[-1])


def _window(training: Training, step: int | None, example: int, part: str, where: Where) -> Path | None:
    others = convolution_names(training.first.params)
    layer = where.layer or others[0]
    if layer not in others:
        there = dense_names(training.first.params)
        dense = f" (neurons of {', '.join(there)}: --neuron LAYER:NEURON)" if there else ""
        raise ConfigError(f"--layer wants one of {', '.join(others)}{dense}; got {layer}")
    found = choose(training, step, example, part)
    numbers = measure_windows(training.task, [state.params for state in found.states], found.batch, layer)
    outputs = answers(numbers.outputs, numbers.loss, found.batch.targets, found.dataset.classes)
    view = WindowView(found, numbers, window_residuals(numbers), outputs, tuple(others))
    frame = frame_of(found, step)
    window = chosen_window(view, frame, where.window, where.channel)
    print(window_overview(view, frame))
    print("\n" + window_ledger(view, frame, window))
    return write_window_page(view, frame, training.folder / "explain.html", window)


def _moment(training: Training, step: int | None, example: int, part: str, where: Where) -> Path | None:
    others = recurrent_names(training.first.params)
    layer = where.layer or others[0]
    if layer not in others:
        raise ConfigError(f"--layer wants one of {', '.join(others)}; got {layer}")
    found = choose(training, step, example, part)
    numbers = measure_moments(training.task, [state.params for state in found.states], found.batch, layer)
    single = None
    if numbers.way != WAYS[0]:
        single = answers(numbers.outputs, numbers.loss, found.batch.targets, found.dataset.classes)
    view = MomentView(found, numbers, moment_residuals(numbers), single, tuple(others))
    frame = frame_of(found, step)
    moment = chosen_moment(view, frame, where.time, where.unit)
    print(moment_overview(view, frame))
    print("\n" + moment_ledger(view, frame, moment))
    return write_moment_page(view, frame, training.folder / "explain.html", moment)


def neuron_at(view: View, text: str) -> tuple[int, int]:
    """Layer and place of "LAYER:NEURON"; LAYER is a number or a name.

    Raises:
        ConfigError: There is no such neuron.
    """
    match = re.fullmatch(r"([^:]+):(\d+)", text)
    layers, names = view.sizes[1:], view.numbers.names
    layer = (names.index(match[1]) if match[1] in names else _number(match[1])) if match else None
    if match and layer is not None and layer < len(layers) and int(match[2]) < layers[layer]:
        return layer, int(match[2])
    called = [str(i) if name == f"layer_{i}" else name for i, name in enumerate(names)]
    there = ", ".join(f"{name}:0 to {name}:{size - 1}" for name, size in zip(called, layers, strict=True))
    raise ConfigError(f"--neuron wants LAYER:NEURON, here {there}; got {text}")


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
