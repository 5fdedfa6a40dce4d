"""Convolution by convolution: nnjax outside and inside a compiled loop, beside PyTorch.

`env $(nnjax doctor --environment) python -m benchmarks.convolutions [LAYER...] [--turns N]`

Each number is one forward pass with both gradients of one layer of AlexNet (batch 8), VGG-16 (batch 4)
or the Fashion-MNIST net of W4 (batch 128). The three ways take turns in one process, and a ratio is the
median over the turns. Let nothing else run: PyTorch's threads wait for each other, so a busy machine
flatters nnjax.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

INSIDE = 4  # turns of the compiled loop
LEAST_SECONDS = 0.05  # of one turn: short layers are repeated
PAUSE_SECONDS = 0.02  # idle threads of the other library stop spinning


class Layer(NamedTuple):
    """A convolution with a square window: N images of H by H pixels, C channels in, O out."""

    examples: int
    pixels: int
    channels: int
    window: int
    outputs: int
    stride: int = 1
    padding: int = 1

    def flops(self) -> float:
        """Operations of the forward pass and both gradients: three products of the same size."""
        size = (self.pixels + 2 * self.padding - self.window) // self.stride + 1
        return 6.0 * self.examples * size**2 * self.window**2 * self.channels * self.outputs


LAYERS = {
    "W4 1": Layer(128, 28, 1, 3, 32),
    "W4 2": Layer(128, 14, 32, 3, 64),
    "AlexNet 1": Layer(8, 224, 3, 11, 64, 4, 2),
    "AlexNet 2": Layer(8, 27, 64, 5, 192, 1, 2),
    "AlexNet 3": Layer(8, 13, 192, 3, 384),
    "AlexNet 4": Layer(8, 13, 384, 3, 256),
    "AlexNet 5": Layer(8, 13, 256, 3, 256),
    "VGG 1.1": Layer(4, 224, 3, 3, 64),
    "VGG 1.2": Layer(4, 224, 64, 3, 64),
    "VGG 2.1": Layer(4, 112, 64, 3, 128),
    "VGG 2.2": Layer(4, 112, 128, 3, 128),
    "VGG 3.1": Layer(4, 56, 128, 3, 256),
    "VGG 3.2": Layer(4, 56, 256, 3, 256),
    "VGG 4.1": Layer(4, 28, 256, 3, 512),
    "VGG 4.2": Layer(4, 28, 512, 3, 512),
    "VGG 5": Layer(4, 14, 512, 3, 512),
}


def ours(layer: Layer) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """nnjax outside a loop, and INSIDE times in one."""
    import jax

    from nnjax import conv2d, conv2d_init

    params = conv2d_init(jax.random.key(0), layer.window, layer.channels, layer.outputs, bias=False)
    shape = (layer.examples, layer.pixels, layer.pixels, layer.channels)
    x, padding = jax.random.normal(jax.random.key(1), shape), ((layer.padding,) * 2,) * 2

    def forward(params: Any, x: Any) -> Any:
        return conv2d(params, x, layer.stride, padding)

    dy = jax.random.normal(jax.random.key(2), jax.eval_shape(forward, params, x).shape)

    def both(params: Any, x: Any, dy: Any) -> Any:
        y, back = jax.vjp(forward, params, x)
        return y, back(dy)

    def turn(_: Any, carry: Any) -> Any:
        # The barrier ties the work to the turn: what does not change would be computed once.
        given, found = jax.lax.optimization_barrier(((params, x, dy), carry))
        del found
        return both(*given)

    outside = jax.jit(both)
    inside = jax.jit(lambda params, x, dy: jax.lax.fori_loop(1, INSIDE, turn, both(params, x, dy)))
    return (
        lambda: jax.block_until_ready(outside(params, x, dy)),
        lambda: jax.block_until_ready(inside(params, x, dy)),
    )


def theirs(layer: Layer) -> Callable[[], Any]:
    """PyTorch, eager."""
    import torch

    convolution = torch.nn.Conv2d(
        layer.channels, layer.outputs, layer.window, layer.stride, layer.padding, bias=False
    )
    x = torch.randn(layer.examples, layer.channels, layer.pixels, layer.pixels, requires_grad=True)
    dy = torch.randn_like(convolution(x))

    def both() -> Any:
        return torch.autograd.grad(convolution(x), (x, convolution.weight), dy)

    return both


def seconds(run: Callable[[], Any]) -> float:
    """Of one call, on average over enough of them."""
    time.sleep(PAUSE_SECONDS)
    began, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - began < LEAST_SECONDS:
        run()
        calls += 1
    return (time.perf_counter() - began) / calls


def measured(layer: Layer, turns: int) -> list[tuple[float, float, float]]:
    """Seconds outside a loop, inside one, and of PyTorch, turn by turn; the first turn is thrown away."""
    outside, inside = ours(layer)
    other = theirs(layer)
    rows = [(seconds(outside), seconds(inside) / INSIDE, seconds(other)) for _ in range(turns + 1)]
    return rows[1:]


def row(name: str, layer: Layer, turns: int) -> str:
    """One line of the table."""
    found = measured(layer, turns)
    median = statistics.median
    ratios = [
        median(o / t for o, _, t in found),
        median(i / t for _, i, t in found),
        median(i / o for o, i, _ in found),
    ]
    rates = [layer.flops() / min(times) / 1e9 for times in zip(*found, strict=True)]
    cells = [f"{value:.2f}" for value in ratios] + [f"{rate:.0f}" for rate in (rates[0], rates[2])]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.convolutions", description=__doc__)
    parser.add_argument("layers", nargs="*", metavar="LAYER", help=f"{', '.join(LAYERS)}; all if none")
    parser.add_argument("--turns", type=int, default=7, help="of the three ways (7)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.layers if name not in LAYERS]
    if unknown:
        parser.error(f"wanted {', '.join(LAYERS)}; got {', '.join(unknown)}")
    from nnjax import configure

    configure(cache=False)
    heads = ("layer", "nnjax / PyTorch", "inside a loop / PyTorch", "inside / outside")
    print(f"| {' | '.join((*heads, 'nnjax, GFLOP/s at best', 'PyTorch, GFLOP/s at best'))} |")
    print("| --- |" + " ---: |" * 5)
    for name in arguments.layers or LAYERS:
        print(row(name, LAYERS[name], arguments.turns), flush=True)


if __name__ == "__main__":
    main()
