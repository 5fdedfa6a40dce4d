"""`nnjax style CONTENT STYLE... -o OUT.png`: a photograph in the manner of other pictures."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from nnjax.data.photographs import photograph
from nnjax.data.weights import find_weights
from nnjax.errors import EXIT_OK, ConfigError, OutOfMemoryError, StorageError
from nnjax.models.vgg16 import vgg16_trunk
from nnjax.runner.commands import Parser
from nnjax.runner.configure import configure
from nnjax.style.settings import COLOURS, OPTIMIZERS, STARTS, Settings
from nnjax.style.transfer import Style, transfer

RANDOM = "weights: random, as a control: no net that was trained painted this"


def answer(words: Sequence[str]) -> int:
    """Reads the images, paints, and writes the picture; a preview stands there while it goes."""
    options = _parser().parse_args(list(words))
    configure()
    out = Path(options.out)
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ConfigError(f"-o wants a .png or .jpg file, got {out}")
    if not out.resolve().parent.is_dir():
        raise StorageError(f"{out}: there is no folder {out.resolve().parent}")
    settings = _settings(options)
    content, styles = photograph(options.content), _styles(options)
    params, preprocessing, said = _weights(options)
    print(said)
    by = ", ".join(Path(style).name for style in options.styles)
    made = f"Neural style transfer of {Path(options.content).name} by {by}. {said}"
    try:
        picture = transfer(
            content,
            styles,
            params,
            settings,
            preprocessing=preprocessing,
            on_chunk=lambda so_far, chunk: write_picture(so_far, out, made),
        )
    except OutOfMemoryError as error:
        raise OutOfMemoryError(
            f"{error}. Try --size {max(64, settings.size * 2 // 3)}, or --remat"
        ) from error
    write_picture(picture, out, made)
    print(f"picture: {out} ({picture.shape[1]} x {picture.shape[0]} pixels)")
    return EXIT_OK


def write_picture(picture: np.ndarray, path: Path, made: str) -> None:
    """Writes a picture under a name of its own first, so that the old one stays until the new one is whole.

    Raises:
        StorageError: It cannot be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        if path.suffix.lower() == ".png":
            info = PngInfo()
            info.add_itxt("Description", made)
            Image.fromarray(picture).save(part, pnginfo=info)
        else:
            Image.fromarray(picture).save(part, quality=95, comment=made.encode())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def _parser() -> Parser:
    usual = Settings()
    parser = Parser("nnjax style", description="Paints a photograph in the manner of other pictures.")
    parser.add_argument(
        "content", metavar="CONTENT", help="an image file, or a bundled photograph such as china"
    )
    parser.add_argument("styles", metavar="STYLE", nargs="+", help="image files; each may end in :WEIGHT")
    parser.add_argument("-o", "--out", required=True, metavar="OUT.png")
    numbers = {
        "size": "pixels of the longer side",
        "steps": "steps at each size",
        "sizes": "how many sizes, each half of the next",
        "style_weight": "how much the style counts",
        "content_weight": "how much the photograph counts",
        "smoothness": "how much neighbouring pixels are kept alike",
        "learning_rate": "Adam's step in pixel values",
        "seed": "decides the noise",
    }
    for name, text in numbers.items():
        value = getattr(usual, name)
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(value), default=value, help=f"{text} (default: %(default)s)")
    parser.add_argument("--start", choices=STARTS, default=usual.start)
    parser.add_argument("--pooling", choices=("max", "avg"), default=usual.pooling)
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default=usual.optimizer)
    kept = "the photograph's colours stay: luminance (if only the flag is given) or histogram"
    parser.add_argument("--preserve-colors", nargs="?", choices=COLOURS[1:], const="luminance", help=kept)
    where = "for each style in turn a grey image: white where it applies"
    parser.add_argument("--region", action="append", default=[], metavar="MASK", help=where)
    parser.add_argument("--remat", action="store_true", help="less memory, more time")
    parser.add_argument("--weights", metavar="FILE", help="VGG-16's convolutions; found by name if left out")
    parser.add_argument(
        "--random-weights", action="store_true", help="a control: a net that was never trained"
    )
    return parser


def _settings(options: Any) -> Settings:
    known = {field.name for field in dataclasses.fields(Settings)}
    given = {name: value for name, value in vars(options).items() if name in known}
    return Settings(**given, colours=options.preserve_colors or "style")


def _styles(options: Any) -> list[Style]:
    if len(options.region) > len(options.styles):
        raise ConfigError(f"{len(options.region)} regions for {len(options.styles)} styles")
    regions: list[Any] = [photograph(path)[..., 0] / 255 for path in options.region]
    regions += [None] * (len(options.styles) - len(regions))
    styles = []
    for text, region in zip(options.styles, regions, strict=True):
        name, _, weight = text.rpartition(":")
        try:
            share = float(weight) if name else 1.0
        except ValueError:
            name, share = text, 1.0
        if share <= 0:
            raise ConfigError(f"a style's weight wants a number above 0, got {text}")
        styles.append(Style(photograph(name or text), share, region))
    return styles


def _weights(options: Any) -> tuple[Any, str, str]:
    """The parameters, how they want pixels, and whom to name."""
    if options.random_weights:
        return vgg16_trunk().init(jax.random.key(options.seed)), "caffe", RANDOM
    found = find_weights("vgg16", options.weights)
    named = found.metadata.get("attribution", "unknown"), found.metadata.get("licence", "unknown")
    return found.params, found.metadata.get("preprocessing", "caffe"), f"weights: {named[0]} ({named[1]})"
