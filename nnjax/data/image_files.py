"""Images from files: one for a prediction, or a folder of them with one subfolder a class."""

from __future__ import annotations

import math
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nnjax.data.limits import MAX_BYTES, check_file
from nnjax.errors import DamagedError, DataError, NnjaxError
from nnjax.types import Dataset

# Only what Pillow decodes itself: an .eps file, for one, would be run by another program.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
IGNORED = ("thumbs.db", "desktop.ini")
MAX_PIXELS = 64_000_000
AT_ONCE = 256  # images of a folder that are held as they were decoded, and not yet in their array


def read_image(
    path: str | os.PathLike,
    shape: tuple[int, ...] | None = None,
    value_range: tuple[float, float] = (0.0, 255.0),
    dtype: Any = np.uint8,
    invert: bool = False,
) -> np.ndarray:
    """Reads an image as an example of the shape and range that a network was trained on.

    A photograph is turned as its camera says, transparency becomes white, and the image is resized to the
    shape whatever its own proportions are. A pixel p of 0 to 255 becomes low + p (high - low) / 255.

    Args:
        path: A PNG, JPEG, BMP, GIF (its first frame), TIFF, WebP or PPM file.
        shape: [H, W] or [H, W, 1] for grey, [H, W, 3] for colour; None for the size and colours of the file.
        value_range: The low and the high end of the data set's inputs.
        dtype: The type of the data set's inputs; whole-number types are rounded.
        invert: Whether black and white are exchanged: sets of digits have bright ink on black.

    Returns:
        The example, of `shape` and `dtype`.

    Raises:
        DataError: If there is no such file, or `shape` is not that of an image.
        DamagedError: If the file is not an image of these formats, is truncated or is too large.
    """
    path = check_file(path)
    if shape is not None and (
        len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,)) or min(shape) < 1
    ):
        raise DataError(
            f"{path}: an image has the shape [H, W], [H, W, 1] or [H, W, 3]; wanted {list(shape)}"
        )
    pixels = _pixels(path, shape)
    pixels = 255 - pixels if invert else pixels
    if tuple(value_range) == (0, 255) and np.dtype(dtype) == np.uint8:
        return pixels
    low, high = value_range
    scaled = low + pixels.astype(np.float64) * (high - low) / 255.0
    return (np.rint(scaled) if np.dtype(dtype).kind in "iu" else scaled).astype(dtype)


def image_folder(
    path: str | os.PathLike, part: str = "train", shape: tuple[int, ...] | None = None
) -> Dataset:
    """A data set from a folder of images: the names of its subfolders are the classes.

    Args:
        path: The folder. If it has the subfolders "train" and "test", each has one subfolder a class.
        part: "train" or "test", for such a folder.
        shape: [H, W] or [H, W, 3], to which every image is brought; None if they all have the same shape.

    Returns:
        Inputs uint8 [N, H, W] (grey) or [N, H, W, 3] with value range (0, 255), targets int32 [N]; classes
        and the images in them are in the order of their names.

    Raises:
        DataError: If there is no such folder, a class has no images, or images differ in shape; the message
            names the file. If all of them are more than is held, with how many would fit.
        DamagedError: If an image is damaged or truncated.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    divided = has_test_part(folder)
    root = folder / part if divided else folder
    classes = folder_classes(folder)
    files = [(file, label) for label, name in enumerate(classes) for file in _images(root / name)]
    if not files:
        raise DataError(f"{root}: wanted one subfolder of images for each class, and there are no images")
    first = read_image(files[0][0], shape)
    if len(files) * first.nbytes > MAX_BYTES:
        fit = math.isqrt(first.shape[0] ** 2 * MAX_BYTES // (len(files) * first.nbytes))
        raise DataError(
            f"{root}: {len(files):,} images of shape {list(first.shape)} are {len(files) * first.nbytes:,} "
            f"bytes, and the most that is held is {MAX_BYTES:,}; {MAX_BYTES // first.nbytes:,} such images "
            f"would fit, or all of them with a height of {fit} pixels"
        )
    inputs = np.empty((len(files), *first.shape), np.uint8)
    for start in range(0, len(files), AT_ONCE):
        group = [file for file, _ in files[start : start + AT_ONCE]]
        for row, (file, image) in enumerate(zip(group, _decode(group, shape), strict=True), start):
            if image.shape != first.shape:
                raise DataError(
                    f"{file}: its shape is {list(image.shape)}, and that of {files[0][0].name} is "
                    f"{list(first.shape)}; give shape=(H, W) or (H, W, 3) to bring all images to one"
                )
            inputs[row] = image
    labels = np.array([label for _, label in files], np.int32)
    return Dataset(inputs, labels, folder.name, tuple(classes), (0.0, 255.0))


def _decode(files: list[Path], shape: tuple[int, ...] | None) -> list[np.ndarray]:
    """Reads several images at a time: Pillow works without Python's lock."""
    # Filters of warnings belong to all threads: what one of them sets back must not be heard by another.
    with warnings.catch_warnings(), ThreadPoolExecutor() as threads:
        warnings.simplefilter("ignore")
        return list(threads.map(partial(read_image, shape=shape), files))


def has_test_part(path: str | os.PathLike) -> bool:
    """Whether a folder of images is divided into "train" and "test"."""
    return all((Path(path).expanduser() / part).is_dir() for part in ("train", "test"))


def folder_classes(path: str | os.PathLike) -> list[str]:
    """The classes of a folder of images, in the order of their labels: the same for every part, even if one
    part lacks a class.
    """
    folder = Path(path).expanduser()
    folders = (folder / "train", folder / "test") if has_test_part(folder) else (folder,)
    entries = [entry for place in folders if place.is_dir() for entry in place.iterdir()]
    return sorted({entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."})


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    entries = sorted(
        entry for entry in folder.iterdir() if entry.name[0] != "." and entry.name.lower() not in IGNORED
    )
    for entry in entries:
        if entry.suffix.lower() not in SUFFIXES:
            raise DataError(f"{entry}: not an image; the suffixes read are {' '.join(SUFFIXES)}")
    if not entries:
        raise DataError(f"{folder}: no images of this class")
    return entries


def _pixels(path: Path, shape: tuple[int, ...] | None) -> np.ndarray:
    """The pixels as uint8 of `shape`, decoded by Pillow."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Pillow warns of doubtful metadata and of sizes; we judge the size
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DamagedError(
                        f"{path}: {image.width} x {image.height} pixels; the most is {MAX_PIXELS:,}"
                    )
                return _convert(path, image, shape)
    except (NnjaxError, MemoryError):
        raise
    except Exception as error:  # a decoder that is given damaged bytes may raise anything
        raise DamagedError(f"{path}: not a sound image ({type(error).__name__}: {error})") from None


def _convert(name: Path, image: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise DataError(f"{name}: its pixels are floats of no known range; save it with 8 bits")
    if image.mode.startswith("I"):  # 16 bits a pixel; Pillow would clip at 255
        image = Image.fromarray(np.clip(np.asarray(image) // 257, 0, 255).astype(np.uint8))
    if "A" in image.mode or "transparency" in image.info:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours)
    grey = image.mode in ("1", "L", "LA") if shape is None else shape[2:] != (3,)
    image = image.convert("L" if grey else "RGB")
    if shape is not None and image.size != (shape[1], shape[0]):
        image = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.uint8)
    return pixels if shape is None else pixels.reshape(shape)
