"""How a style transfer is made: everything that does not depend on the images."""

from __future__ import annotations

import dataclasses

from nnjax.errors import ConfigError
from nnjax.models.vgg16 import LAYERS

STARTS, COLOURS, OPTIMIZERS = (
    ("content", "noise", "style"),
    ("style", "luminance", "histogram"),
    ("lbfgs", "adam"),
)
SMALLEST = 32  # pixels a side: five poolings leave one place


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a transfer is made.

    Attributes:
        size: Pixels of the longer side of the result.
        steps: Steps of the optimiser at each size.
        sizes: How many sizes, each half of the next: coarse to fine.
        content_weight: How much the photograph's outlines count.
        style_weight: How much the style counts.
        smoothness: How much neighbouring pixels are kept alike.
        content_layers: Where content is compared.
        style_layers: Layer -> its share of the style's weight.
        start: "content", "noise" or "style": the first picture.
        pooling: "max", as VGG-16 was trained, or "avg", which the paper found to look better.
        optimizer: "lbfgs", with a line search, or "adam".
        learning_rate: Adam's step size in pixel values.
        colours: "style" takes the style's colours; "luminance" and "histogram" keep the photograph's.
        remat: Whether activations are computed again in the backward pass, which takes less memory.
        seed: Decides the noise.
    """

    size: int = 512
    steps: int = 300
    sizes: int = 1
    content_weight: float = 1.0
    style_weight: float = 1e3
    smoothness: float = 1e-3
    content_layers: tuple[str, ...] = ("conv4_2",)
    style_layers: tuple[tuple[str, float], ...] = tuple((f"conv{b}_1", 0.2) for b in range(1, 6))
    start: str = "content"
    pooling: str = "max"
    optimizer: str = "lbfgs"
    learning_rate: float = 5.0
    colours: str = "style"
    remat: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("start", STARTS), ("colours", COLOURS), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} wants one of {', '.join(known)}, got {getattr(self, name)!r}")
        wrong = [n for n in (*self.content_layers, *dict(self.style_layers)) if n not in LAYERS]
        if wrong:
            raise ConfigError(f"layers are {', '.join(LAYERS)}; got {', '.join(wrong)}")
        if self.size >> (self.sizes - 1) < SMALLEST or self.sizes < 1 or self.steps < 1:
            raise ConfigError(
                f"wanted steps and sizes of at least 1, and a smallest size of at least {SMALLEST} pixels, "
                f"got steps {self.steps}, sizes {self.sizes}, size {self.size}"
            )
