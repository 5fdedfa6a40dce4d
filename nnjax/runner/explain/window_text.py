"""The ledger of one window of a convolution as text: what it covers, the sum, and its slopes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnjax.errors import ConfigError
from nnjax.runner.explain.example import Example
from nnjax.runner.explain.formulas import FORMULAS, formula_of
from nnjax.runner.explain.ledger import Outputs
from nnjax.runner.explain.terminal import TERMS, beside, head_of, replays, table, text
from nnjax.runner.explain.windows import (
    WindowResiduals,
    Windows,
    filter_slopes,
    seen_by,
    window_of,
)

PLACES = 5  # places of the image that are written out in the sum over all of them


class WindowView(NamedTuple):
    """One convolution, one example, T states of the training.

    Attributes:
        example: Which example, and the states.
        numbers: The network's own.
        residuals: How far they are from what was recomputed.
        outputs: What the network answers at each state.
        others: The names of all convolutions.
    """

    example: Example
    numbers: Windows
    residuals: WindowResiduals
    outputs: Outputs
    others: tuple[str, ...]


class Window(NamedTuple):
    """One place of the window and one output channel, from 0."""

    row: int
    column: int
    channel: int


def strongest(view: WindowView, frame: int, channel: int | None) -> Window:
    """The window whose activation (or sum, where there is no known one) is the largest."""
    numbers = view.numbers
    maps = numbers.aggregation if numbers.activated is None else numbers.activated
    values = np.abs(maps[frame]) if channel is None else np.abs(maps[frame][:, :, channel : channel + 1])
    row, column, found = (int(i) for i in np.unravel_index(np.argmax(values), values.shape))
    return Window(row, column, found if channel is None else channel)


def chosen_window(view: WindowView, frame: int, place: str | None, channel: int | None) -> Window:
    """The window "ROW,COLUMN" of a channel; what is left out is the strongest there.

    Raises:
        ConfigError: There is no such place or channel.
    """
    height, width, channels = view.numbers.aggregation.shape[1:]
    if channel is not None and not 0 <= channel < channels:
        raise ConfigError(
            f"--channel wants one of the {channels} of {view.numbers.layer}, from 0; got {channel}"
        )
    if place is None:
        return strongest(view, frame, channel)
    row, _, column = place.partition(",")
    inside = row.isdecimal() and column.isdecimal() and int(row) < height and int(column) < width
    if not inside:
        raise ConfigError(
            f"--window wants ROW,COLUMN, for {view.numbers.layer} 0,0 to {height - 1},{width - 1}; "
            f"got {place}"
        )
    if channel is None:
        maps = view.numbers.aggregation[frame][int(row), int(column)]
        channel = int(np.argmax(np.abs(maps)))
    return Window(int(row), int(column), channel)


def window_overview(view: WindowView, frame: int) -> str:
    """Which run, step and example, what the net answers, how the window moves, how well the sums agree."""
    lines = head_of(view.example, view.outputs, frame, float(view.numbers.loss[frame]))
    return "\n".join([*lines, "", layer_text(view), "", window_checks(view)])


def layer_text(view: WindowView) -> str:
    """The convolution in a sentence."""
    numbers, g = view.numbers, view.numbers.geometry
    kh, kw, channels, outputs = numbers.filters.shape[1:]
    (above, below), (left, right) = g.padding
    pads = f"zeros around it: {above} above, {below} below, {left} left, {right} right"
    extra = [
        f"stride {g.stride[0]},{g.stride[1]}",
        pads if any((above, below, left, right)) else "no padding",
    ]
    extra += [f"dilation {g.dilation[0]},{g.dilation[1]}"] if g.dilation != (1, 1) else []
    extra += [f"{g.groups} groups"] if g.groups > 1 else []
    size = " x ".join(map(str, numbers.inputs.shape[1:]))
    places = " x ".join(map(str, numbers.aggregation.shape[1:3]))
    plural = "" if channels == 1 else "s"
    others = f"\nconvolutions here: {', '.join(view.others)}" if len(view.others) > 1 else ""
    return (
        f"{numbers.layer}: {outputs} filters {kh} x {kw} over {channels} channel{plural} of {size}, "
        f"{', '.join(extra)}: {places} places   {formula_of(numbers.activation)[0]}{others}"
    )


def window_checks(view: WindowView) -> str:
    """What was recomputed, and the largest residual of each kind."""
    r, numbers = view.residuals, view.numbers
    known = f"activation a {r.activation:.1e}, dJ/dz {r.slope:.1e}, " if numbers.activation else ""
    lines = [
        f"recomputed in double precision, every window and channel of {numbers.layer} at "
        f"{len(view.example.states)} steps; largest residuals:",
        f"  sum z {r.aggregation:.1e}, {known}dJ/dw {r.gradient:.1e}",
    ]
    return "\n".join([*lines, *replays(view.example.apart)])


def window_ledger(view: WindowView, frame: int, window: Window) -> str:
    """The ledger of one window at one step: forward, and back."""
    numbers = view.numbers
    row, column, channel = window
    title = f"{numbers.layer} window {row},{column}, channel {channel}"
    x = window_of(numbers, frame, (row, column), channel)
    w = numbers.filters[frame][..., channel].astype(float)
    b, own = float(numbers.bias[frame][channel]), float(numbers.aggregation[frame][window])
    slope = float(numbers.slopes[frame][window])
    flat = np.argsort(-np.abs(x * w), axis=None, kind="stable")
    order = [np.unravel_index(i, x.shape) for i in flat]
    shown = order[:TERMS] if len(order) > TERMS else sorted(order)
    rows = [
        (pixel_name(numbers, window, *map(int, i)), *map(text, (x[i], w[i], x[i] * w[i], x[i] * slope)))
        for i in shown
    ]
    if len(order) > TERMS:
        rest = sum(float(x[i] * w[i]) for i in order[TERMS:])
        rows.append((f"{len(order) - TERMS} others", "", "", text(rest), ""))
    rows.append(("bias", "1", text(b), text(b), text(slope)))
    z = float((x * w).sum() + b)
    head = ("pixel", "x", "w", "x w", "x dJ/dz")
    lines = [title, "-" * len(title), *table(head, rows), f"z = sum x w + b   {beside(z, own)}"]
    lines += _activated(view, frame, window)
    entry = tuple(map(int, order[0]))
    return "\n".join([*lines, *_shared(view, frame, window, (entry[0], entry[1], entry[2]))])


def pixel_name(numbers: Windows, window: Window, a: int, b: int, c: int) -> str:
    """Where an entry of the window lies: in the image, or in the padding around it."""
    g, (height, width) = numbers.geometry, numbers.inputs.shape[1:3]
    row = window.row * g.stride[0] + a * g.dilation[0] - g.padding[0][0]
    column = window.column * g.stride[1] + b * g.dilation[1] - g.padding[1][0]
    if not (0 <= row < height and 0 <= column < width):
        return f"padding {row},{column}"
    first = numbers.filters.shape[3] * (window.channel * g.groups // numbers.filters.shape[4])
    return f"{row},{column}" + (f" channel {first + c}" if numbers.inputs.shape[3] > 1 else "")


def _activated(view: WindowView, frame: int, window: Window) -> list[str]:
    """The lines with the activation and the slope of the sum."""
    numbers = view.numbers
    slope = float(numbers.slopes[frame][window])
    if numbers.activation is None or numbers.activated is None or numbers.activated_slopes is None:
        return [f"what follows is no activation that is known here; dJ/dz = {slope:.7g}, by jax.grad"]
    f, derivative = FORMULAS[numbers.activation]
    formula, back = formula_of(numbers.activation)
    z, above = np.float64(numbers.aggregation[frame][window]), float(numbers.activated_slopes[frame][window])
    d = float(derivative(z))
    product = f"{above:.7g} x {d:.7g}"
    return [
        f"{formula}   {beside(float(f(z)), float(numbers.activated[frame][window]))}",
        f"dJ/da = {above:.7g}, by jax.grad;  {back}, here {d:.7g}",
        f"dJ/dz = dJ/da f'(z) = {product}   {beside(above * d, slope)}",
    ]


def _shared(view: WindowView, frame: int, window: Window, entry: tuple[int, int, int]) -> list[str]:
    """The lines with the slope of one weight: every place of the image has its part in it."""
    numbers, channel = view.numbers, window.channel
    x, slopes = (
        seen_by(numbers, frame, entry, channel),
        numbers.slopes[frame][:, :, channel].astype(float),
    )
    parts = x * slopes
    order = [np.unravel_index(i, parts.shape) for i in np.argsort(-np.abs(parts), axis=None, kind="stable")]
    rows = [(f"{i[0]},{i[1]}", *map(text, (x[i], slopes[i], parts[i]))) for i in order[:PLACES]]
    if len(order) > PLACES:
        rows.append((f"{len(order) - PLACES} others", "", "", text(sum(parts[i] for i in order[PLACES:]))))
    total = float(filter_slopes(numbers, frame)[(*entry, channel)])
    own = float(numbers.gradient[frame][(*entry, channel)])
    return [
        f"weight {entry[0]},{entry[1]},{entry[2]} (that of the largest term) serves at {parts.size} places:",
        *table(("place", "x", "dJ/dz", "x dJ/dz"), rows),
        f"dJ/dw = sum x dJ/dz over all places   {beside(total, own)}",
    ]
