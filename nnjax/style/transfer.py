"""Style transfer as a training like any other: the parameters are the pixels of a picture.

net      init gives the first picture, apply gives what VGG-16's layers see in it
loss     content + style + smoothness
task     optimised by L-BFGS or Adam in the engine, in compiled chunks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from nnjax.errors import ConfigError
from nnjax.models.pixels import preprocess
from nnjax.models.vgg16 import LAYERS, vgg16_trunk
from nnjax.style.colours import luminance, match_colours, match_luminance, with_luminance_of
from nnjax.style.images import as_image, fitted_to, resized, shrunk
from nnjax.style.losses import content_loss, gram, style_loss, total_variation
from nnjax.style.settings import Settings
from nnjax.training.fit import fit_task
from nnjax.training.train import Chunk
from nnjax.types import Array, Batch, Dataset, Mean, Net, Params, Plan, Splits, Task


class Style(NamedTuple):
    """One style image.

    Attributes:
        image: [H, W, 3], 0 to 255.
        weight: Its share, against the other styles.
        region: [h, w] in 0 to 1 over the result: where it applies; None is everywhere.
    """

    image: Any
    weight: float = 1.0
    region: Any = None


class Wanted(NamedTuple):
    """What the picture is compared with, at one size.

    Attributes:
        content: Layer -> features [1, H, W, C].
        styles: For each style: layer -> Gram matrix by its number of places [C, C].
        masks: For each style: layer -> mask [H, W], or None.
        weights: Each style's share.
    """

    content: dict[str, Array]
    styles: list[dict[str, Array]]
    masks: list[dict[str, Array] | None]
    weights: list[float]


def transfer(
    content: Any,
    styles: Sequence[Style | Any],
    weights: Params,
    settings: Settings | None = None,
    *,
    preprocessing: str = "caffe",
    progress: bool = True,
    on_chunk: Callable[[np.ndarray, Chunk], Any] = lambda picture, chunk: None,
) -> np.ndarray:
    """Paints `content` in the manner of `styles`.

    Args:
        content: The photograph [H, W, 3], red, green, blue, 0 to 255.
        styles: Style images, alone or as `Style`s.
        weights: VGG-16's convolutions, from `load_weights("vgg16")`.
        settings: How; None takes the defaults.
        preprocessing: How the weights want pixels, see `preprocess`.
        progress: Whether to show it on standard error.
        on_chunk: Called between chunks with the picture so far (uint8) and the chunk.

    Returns:
        uint8 [h, w, 3].

    Raises:
        ConfigError: If a setting or an image's shape is out of range.
        OutOfMemoryError: If it does not fit in memory.
    """
    settings = settings or Settings()
    styles = [style if isinstance(style, Style) else Style(style) for style in styles]
    if not styles:
        raise ConfigError("transfer wants at least one style image, got none")
    picture = np.zeros(0)
    for level in range(settings.sizes - 1, -1, -1):
        side = settings.size >> level
        photo = resized(as_image(content, "content"), side)
        shown = [style._replace(image=resized(as_image(style.image, "a style"), side)) for style in styles]
        photo, shown = in_colours(settings, photo, shown)
        first = fitted_to(picture, photo.shape) if picture.size else start_picture(settings, photo, shown)
        plan = plan_of(settings)
        task = style_task(weights, photo, shown, first, settings, preprocessing)

        def seen(chunk: Chunk, photo: np.ndarray = photo) -> None:
            on_chunk(finished(settings, content, np.asarray(chunk.member.params["picture"])[0]), chunk)

        found = fit_task(
            lambda hyper, t=task: t, plan, NOTHING, layout="plan", progress=progress, on_chunk=seen
        )
        picture = np.asarray(found.params["picture"])[0]
    return finished(settings, content, picture)


# A training wants data; the picture has none but itself.
NOTHING = Splits(Dataset(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)))


def plan_of(settings: Settings) -> Plan:
    """Segments of ten steps, each step a call of its own: its convolutions are large."""
    size = min(10, settings.steps)
    return Plan(-(-settings.steps // size), size, 1, monitor="train_loss", looped=False)


def style_task(
    weights: Params,
    photo: np.ndarray,
    styles: Sequence[Style],
    first: np.ndarray,
    settings: Settings,
    preprocessing: str = "caffe",
) -> Task:
    """The training whose parameters are {"picture": [1, h, w, 3]}, 0 to 255, from `first` [h, w, 3]."""
    see = features_of(weights, settings, preprocessing)
    wanted = targets(see, photo, styles, settings)
    net = Net(
        lambda key: {"picture": jnp.asarray(first, jnp.float32)[None]},
        lambda params, inputs, **_: (params["picture"], see(params["picture"])),
    )

    def part(name: str) -> Callable[[Any, Batch], Mean]:
        return lambda outputs, batch: Mean(losses(outputs, wanted, settings)[name], jnp.float32(1))

    optimizer = optax.lbfgs() if settings.optimizer == "lbfgs" else optax.adam(settings.learning_rate)
    return Task(net, part("loss"), optimizer, metrics={name: part(name) for name in ("content", "style")})


def features_of(
    weights: Params, settings: Settings, preprocessing: str
) -> Callable[[Array], dict[str, Array]]:
    """From pictures [1, h, w, 3] of 0 to 255 to what the layers of the trunk see."""
    trunk = vgg16_trunk(pooling=settings.pooling, remat=settings.remat)
    kept = {name: weights[name] for name in LAYERS}
    return lambda picture: trunk.apply(kept, preprocess(picture, preprocessing))


def targets(
    see: Callable[[Array], dict[str, Array]], photo: np.ndarray, styles: Sequence[Style], settings: Settings
) -> Wanted:
    """What the photograph and the styles look like to the net."""
    looked = jax.jit(see)(jnp.asarray(photo, jnp.float32)[None])
    content = {name: looked[name] for name in settings.content_layers}
    grams, masks = [], []
    for style in styles:
        found = jax.jit(see)(jnp.asarray(style.image, jnp.float32)[None])
        places = lambda x: x.shape[1] * x.shape[2]
        grams.append({name: gram(found[name]) / places(found[name]) for name, _ in settings.style_layers})
        shapes = {name: looked[name].shape[1:3] for name, _ in settings.style_layers}
        masks.append(
            None
            if style.region is None
            else {n: jnp.asarray(shrunk(style.region, s)) for n, s in shapes.items()}
        )
    total = sum(style.weight for style in styles)
    return Wanted(content, grams, masks, [style.weight / total for style in styles])


def losses(
    outputs: tuple[Array, Mapping[str, Array]], wanted: Wanted, settings: Settings
) -> dict[str, Array]:
    """{"content", "style", "loss"}: the parts with their weights, and their sum with the smoothness."""
    picture, found = outputs
    content, style = jnp.float32(0), jnp.float32(0)
    for name, target in wanted.content.items():
        content += content_loss(found[name], target)
    for grams, masks, share in zip(wanted.styles, wanted.masks, wanted.weights, strict=True):
        for name, weight in settings.style_layers:
            mask = None if masks is None else masks[name]
            places = (
                found[name].shape[1] * found[name].shape[2] if mask is None else jnp.sum(jnp.square(mask))
            )
            style += share * weight * style_loss(found[name], grams[name], places, mask)
    content, style = settings.content_weight * content, settings.style_weight * style
    return {
        "content": content,
        "style": style,
        "loss": content + style + settings.smoothness * total_variation(picture),
    }


def in_colours(
    settings: Settings, photo: np.ndarray, styles: Sequence[Style]
) -> tuple[np.ndarray, list[Style]]:
    """The photograph and the styles as they are compared, where the photograph's colours are to stay."""
    if settings.colours == "luminance":
        return luminance(photo), [s._replace(image=match_luminance(s.image, photo)) for s in styles]
    if settings.colours == "histogram":
        return photo, [s._replace(image=match_colours(s.image, photo)) for s in styles]
    return photo, list(styles)


def start_picture(settings: Settings, photo: np.ndarray, styles: Sequence[Style]) -> np.ndarray:
    """The first picture, of the photograph's size."""
    if settings.start == "style":
        return fitted_to(np.asarray(styles[0].image), photo.shape)
    if settings.start == "noise":
        return np.random.default_rng(settings.seed).uniform(0, 255, photo.shape).astype(np.float32)
    return photo.astype(np.float32)


def finished(settings: Settings, content: Any, picture: np.ndarray) -> np.ndarray:
    """The picture as bytes; with the photograph's colours where only luminance was painted."""
    if settings.colours == "luminance":
        photo = fitted_to(as_image(content, "content"), picture.shape)
        picture = with_luminance_of(photo, picture)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
